"""The embedded engine's ownership of its directory: every refusal says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.adapters.clickhouse import open_client
from app.embedded.engine import STAMP, ChdbEngine
from app.errors import EmbeddedError
from tests.integration.engines import ask, settings_for


def test_data_outlives_the_engine(tmp_path: Path) -> None:
    with ChdbEngine(tmp_path / "new" / "data") as engine:
        ask(engine, "CREATE TABLE default.t (n Int8) ENGINE = MergeTree ORDER BY n")
        ask(engine, "INSERT INTO default.t VALUES (42)")
    with ChdbEngine(tmp_path / "new" / "data") as engine:
        assert ask(engine, "SELECT n FROM default.t") == "42"


def test_two_directories_one_after_the_other_are_fine_but_not_at_once(tmp_path: Path) -> None:
    with ChdbEngine(tmp_path / "one"), pytest.raises(EmbeddedError, match="a process can have one only"):
        ChdbEngine(tmp_path / "two").start()
    with ChdbEngine(tmp_path / "two") as engine:
        assert ask(engine, "SELECT 1") == "1"


def test_a_directory_of_another_process_is_refused_with_its_pid(tmp_path: Path) -> None:
    directory = tmp_path.resolve()
    program = f"import chdb; engine = chdb.connect('{directory}'); print('up', flush=True); input()"
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        expected = rf"{directory}: another process \(pid {owner.pid}\) uses this chDB directory\. Stop that"
        with pytest.raises(EmbeddedError, match=expected):
            open_client(settings_for(f"chdb://{directory}"), readonly=True)
        with pytest.raises(EmbeddedError, match=expected):
            ChdbEngine(directory).start()
    finally:
        owner.communicate("\n", timeout=30)


def test_a_path_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"file: chDB cannot open this directory; check that it is a"):
        ChdbEngine(tmp_path / "file").start()


def test_a_directory_of_a_newer_engine_is_refused(tmp_path: Path) -> None:
    (tmp_path / STAMP).write_text("9999.1.2.3")
    with pytest.raises(
        EmbeddedError, match=r"written by chDB engine 9999\.1\.2\.3; .*Upgrade the chdb package"
    ):
        ChdbEngine(tmp_path).start()


def test_a_directory_of_an_older_engine_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / STAMP).write_text("1.2.3.4")
    with ChdbEngine(tmp_path) as engine:
        assert (tmp_path / STAMP).read_text() == engine.version


def test_an_engine_that_does_not_run_or_was_forked_gives_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ChdbEngine(tmp_path)
    with pytest.raises(EmbeddedError, match="is not running; start it first"):
        engine.connect()
    with engine:
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(EmbeddedError, match=r"process 1 was forked from .* spawn or exec"):
            engine.connect()


def test_starting_and_stopping_twice_is_harmless(tmp_path: Path) -> None:
    engine = ChdbEngine(tmp_path)
    engine.start()
    engine.start()
    assert ask(engine, "SELECT 1") == "1"
    engine.stop()
    engine.stop()


def test_with_less_room_than_it_keeps_the_engine_takes_no_insert(tmp_path: Path) -> None:
    with ChdbEngine(tmp_path, keep_free_mb=2**30) as engine:
        ask(engine, "CREATE TABLE default.t (n Int8) ENGINE = MergeTree ORDER BY n")
        with pytest.raises(Exception, match="NOT_ENOUGH_SPACE"):
            ask(engine, "INSERT INTO default.t VALUES (42)")
    with ChdbEngine(tmp_path, keep_free_mb=1) as engine:
        ask(engine, "INSERT INTO default.t VALUES (43)")
        assert ask(engine, "SELECT n FROM default.t") == "43"


def test_small_reads_are_kept_unpacked_where_there_is_room(tmp_path: Path) -> None:
    kept = "SELECT sum(value) FROM system.events WHERE event = 'UncompressedCacheHits'"
    read = "SELECT sum(n) FROM default.t SETTINGS use_uncompressed_cache = 1"
    hits = []
    for cache_mb in (0, 1):
        with ChdbEngine(tmp_path, cache_mb=cache_mb) as engine:
            ask(engine, "CREATE TABLE IF NOT EXISTS default.t (n Int32) ENGINE = MergeTree ORDER BY n")
            ask(engine, "INSERT INTO default.t SELECT number FROM numbers(10)")
            before = int(ask(engine, kept))
            ask(engine, read)
            ask(engine, read)
            hits.append(int(ask(engine, kept)) - before)
    assert hits[0] == 0
    assert hits[1] > 0


def test_after_a_restart_the_sources_of_a_damaged_part_are_back(tmp_path: Path) -> None:
    """As docs/TROUBLESHOOTING.md tells of a disk that was full."""
    with ChdbEngine(tmp_path) as engine:
        ask(engine, "CREATE TABLE default.t (n Int32) ENGINE = MergeTree ORDER BY n")
        for start in (0, 10):
            ask(engine, f"INSERT INTO default.t SELECT number + {start} FROM numbers(10)")
        ask(engine, "OPTIMIZE TABLE default.t FINAL")
        part = ask(engine, "SELECT path FROM system.parts WHERE table = 't' AND active")
        (Path(part) / "data.cmrk4").write_bytes(b"")
        with pytest.raises(Exception, match="CORRUPTED_DATA"):
            ask(engine, "SELECT sum(n) FROM default.t")
    with ChdbEngine(tmp_path) as engine:
        assert ask(engine, "SELECT count(), sum(n) FROM default.t") == "20\t190"
        assert ask(engine, "SELECT reason FROM system.detached_parts") == "broken-on-start"
