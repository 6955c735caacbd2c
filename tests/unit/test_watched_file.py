"""A file that changes while it is used."""

import os
import threading

import pytest
from structlog.testing import capture_logs

from app.adapters import watched_file
from app.adapters.watched_file import WatchedFile, listed
from app.errors import SettingsError
from tests.watching import PATIENCE_S, read_again


def number(path):
    text = path.read_text() if path.exists() else "nothing"
    if not text.isdigit():
        raise SettingsError(f"{path}: {text}")
    return int(text)


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "number.txt"
    made.write_text("1")
    return made


def test_at_the_start_what_cannot_be_read_is_an_error(path):
    path.write_text("one")
    with pytest.raises(SettingsError, match=r"number\.txt: one"):
        WatchedFile(path, read=number, name="numbers")


def test_a_change_is_seen_once_it_is_time_to_look_and_read_by_another_thread(path, monkeypatch):
    readers, may_read = [], threading.Event()

    def slowly(path):
        readers.append(threading.current_thread())
        assert len(readers) == 1 or may_read.wait(PATIENCE_S)
        return number(path)

    file = WatchedFile(path, read=slowly, name="numbers")
    before = file.version
    path.write_text("22")
    assert file.value() == 1
    monkeypatch.setattr(watched_file.time, "monotonic", lambda: file._look_at)
    with capture_logs() as lines:
        assert (file.value(), file.version) == (1, before)
        # Asked again while it is read: the answer is the old one, and nobody waits.
        assert file.value() == 1
        may_read.set()
        read_again(file.value)
        assert file.value() == 22
    assert file.version != before
    assert [line["event"] for line in lines] == ["numbers.read"]
    assert len(readers) == 2
    assert threading.current_thread() is readers[0] is not readers[1]


def test_the_version_is_of_what_the_file_says_and_the_same_for_the_same(path, tmp_path):
    file = WatchedFile(path, read=number, name="numbers")
    other = tmp_path / "other.txt"
    other.write_text("1")
    assert WatchedFile(other, read=number, name="numbers").version == file.version
    other.write_text("2")
    assert WatchedFile(other, read=number, name="numbers").version != file.version
    before = file.version
    path.write_text("nonsense")
    file.refresh()
    assert file.version == before


def test_a_file_that_took_the_place_of_another_is_read_though_it_is_as_old_and_long(path, tmp_path):
    file = WatchedFile(path, read=number, name="numbers")
    other = tmp_path / "other.txt"
    other.write_text("2")
    stat = path.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.rename(path)
    file.refresh()
    assert file.value() == 2


def test_a_file_that_did_not_change_is_not_read_again(path):
    reads = []
    file = WatchedFile(path, read=reads.append, name="numbers")
    file.refresh()
    assert reads == [path]


def test_a_change_that_cannot_be_read_is_told_once_and_what_was_read_stays(path):
    file = WatchedFile(path, read=number, name="numbers")
    path.write_text("nonsense")
    with capture_logs() as lines:
        file.refresh()
        file.refresh()
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("numbers.kept", "error")
    assert "number.txt" in line["reason"]
    path.unlink()
    file.refresh()
    assert file.value() == 1
    path.write_text("3")
    file.refresh()
    assert file.value() == 3


def test_a_list_has_an_entry_a_line_less_comments(path):
    path.write_text("# head\n a # first\n\nb\n")
    assert list(listed(path, setting="x.path")) == [("a", f"{path}, line 2"), ("b", f"{path}, line 4")]
