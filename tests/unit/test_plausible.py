"""Plausible's export -> days; and zips that are none, or must not be read."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date

import msgspec
import pytest

from app.errors import ImportFileError
from app.events.imports import DayFigures
from app.events.vocabulary import ImportedDimension, Tool
from app.traffic import export_files
from app.traffic.export_files import import_id_of, opened
from app.traffic.plausible import TABLES, Days, read_plausible
from tests.exports import VISITORS, plausible_csv, plausible_files, zipped

D = ImportedDimension
FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 2)


def read(path) -> Days:
    return read_plausible(path, progress=lambda *_: None)


def test_a_day_is_as_plausible_counted_it(tmp_path):
    found = read(zipped(tmp_path / "export.zip", plausible_files()))
    assert (found.taken, found.bad, found.ignored) == (12, [], [])
    days = found.days
    assert days[D.TOTAL, FIRST, ""] == DayFigures(
        visitors=10, page_views=31, bounces=4, visits=12, visit_duration_s=840
    )
    assert days[D.TOTAL, SECOND, ""].page_views == 15
    assert days[D.PAGE, FIRST, "/a,b"] == DayFigures(visitors=3, visits=3, page_views=11)
    assert days[D.CUSTOM_EVENT, SECOND, "Signup"] == DayFigures(visitors=2, events=3)


def test_rows_that_are_finer_than_a_dimension_are_summed(tmp_path):
    days = read(zipped(tmp_path / "export.zip", plausible_files())).days
    assert days[D.SOURCE, FIRST, "Google"] == DayFigures(
        visitors=7, visits=8, page_views=24, bounces=2, visit_duration_s=540
    )
    assert days[D.SOURCE, FIRST, ""].visitors == 3
    assert days[D.BROWSER, FIRST, "Chrome"].visitors == 10
    finer = {
        (dimension, value) for dimension, _, value in days if dimension in {D.UTM_MEDIUM, D.CITY, D.REGION}
    }
    assert finer == {(D.UTM_MEDIUM, "cpc"), (D.CITY, "2950159"), (D.REGION, "DE-BE")}


def test_two_files_of_a_table_are_one(tmp_path):
    halves = {
        f"folder/imported_visitors_2024030{day}_2024030{day}.csv": plausible_csv(
            VISITORS, (f"2024-03-0{day}", day, 1, 0, 1, 0)
        )
        for day in (1, 2)
    }
    days = read(zipped(tmp_path / "export.zip", halves)).days
    assert {key[1]: figures.visitors for key, figures in days.items()} == {FIRST: 1, SECOND: 2}


def test_every_dimension_has_its_table():
    assert {dimension for dimensions in TABLES.values() for dimension in dimensions} == set(ImportedDimension)


def test_bad_rows_are_told_with_file_and_line_and_do_not_stop_the_rest(tmp_path):
    rows = [
        ("2024-03-01", 1, 1, 1, 1, 1),
        ("1 March", 1, 1, 1, 1, 1),
        ("2024-03-01", -5, 1, 1, 1, 1),
        ("2024-03-01", 1, 1),
        ("2024-03-02", 2, 2, 2, 2, 2),
    ]
    file = zipped(
        tmp_path / "export.zip", {"imported_visitors.csv": plausible_csv(VISITORS, *rows), "x.txt": ""}
    )
    found = read(file)
    assert [(name, line.line, line.reason) for name, line in found.bad] == [
        ("imported_visitors.csv", 3, "invalid_value"),
        ("imported_visitors.csv", 4, "invalid_value"),
        ("imported_visitors.csv", 5, "wrong_columns"),
    ]
    assert (found.taken, len(found.days), found.ignored) == (2, 2, ["x.txt"])


def test_an_open_quote_costs_its_row_alone(tmp_path):
    rows = [f"2024-03-01,1,/p{number}" for number in range(1000)]
    rows[499] = '2024-03-01,1,"/open'
    members = {
        "imported_pages.csv": "\n".join(["date,visitors,page", *rows]),
        "imported_browsers.csv": 'date,visitors,browser\n2024-03-01,1,"Fire\n2024-03-01,2,"Chrome"\n',
    }
    found = read(zipped(tmp_path / "export.zip", members))
    assert [(name, line.line, line.reason) for name, line in found.bad] == [
        ("imported_pages.csv", 501, "malformed_csv"),
        ("imported_browsers.csv", 2, "malformed_csv"),
    ]
    assert found.taken == 1000
    assert found.days[D.PAGE, FIRST, "/p999"].visitors == 1
    assert {value for kind, _, value in found.days if kind is D.BROWSER} == {"Chrome"}


def test_pages_that_are_no_utf_8_are_bad_and_never_one(tmp_path):
    content = b"date,visitors,page\n2024-03-01,1,/caf\xe9\n2024-03-01,2,/caf\xe8\n2024-03-01,3,/caf\xc3\xa9\n"
    found = read(zipped(tmp_path / "export.zip", {"imported_pages.csv": content}))
    assert [(line.line, line.reason) for _, line in found.bad] == [(2, "invalid_utf8"), (3, "invalid_utf8")]
    assert {value: figures.visitors for (_, _, value), figures in found.days.items()} == {"/café": 3}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            b"x" * 200_000,
            r"field larger than field limit .*; expected the header of Plausible's imported_vis",
        ),
        (b'"date,visitors\n2024-03-01,1\n', "unexpected end of data.*; expected the header of Plausible's"),
        (VISITORS.encode("utf-16"), "a byte order mark of UTF-16; expected UTF-8"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(tmp_path, content, told):
    with pytest.raises(ImportFileError, match=rf"^imported_visitors.csv, line 1: {told}"):
        read(zipped(tmp_path / "export.zip", {"imported_visitors.csv": content}))


def test_how_far_the_reading_is_never_goes_back_and_ends_at_the_whole(tmp_path):
    rows = [
        '2024-03-01,1,"/open' if number % 200 == 9 else f"2024-03-01,1,/p{number}" for number in range(5000)
    ]
    file = zipped(tmp_path / "export.zip", {"imported_pages.csv": "\n".join(["date,visitors,page", *rows])})
    steps: list[tuple[int, int, int]] = []
    read_plausible(file, progress=lambda *step: steps.append(step))
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    assert steps[-1][2] == 5000 - 25


def test_a_missing_column_is_told_with_file_line_and_what_is_expected(tmp_path):
    file = zipped(tmp_path / "export.zip", {"imported_pages.csv": "date,visitors\n2024-03-01,1\n"})
    with pytest.raises(
        ImportFileError, match=r"imported_pages.csv, line 1: no column page; expected the header"
    ):
        read(file)


def test_an_empty_member_holds_nothing(tmp_path):
    found = read(
        zipped(
            tmp_path / "export.zip",
            {"imported_visitors.csv": "", "imported_pages.csv": "date,visitors,page\n"},
        )
    )
    assert found == Days()


def test_a_zip_of_something_else_is_none(tmp_path):
    with pytest.raises(ImportFileError, match="holds no file such as imported_visitors"):
        read(zipped(tmp_path / "export.zip", {"readme.txt": "hello"}))


def flagged(path, offset: int) -> None:
    """Set the flag of encryption in the member's entry of the directory."""
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + offset] |= 1
    path.write_bytes(bytes(raw))


def test_an_encrypted_zip_is_refused(tmp_path):
    file = zipped(tmp_path / "export.zip", plausible_files())
    flagged(file, 8)
    with pytest.raises(ImportFileError, match="is encrypted; unpack it"):
        read(file)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"plain text"])
def test_what_is_no_zip_is_broken(tmp_path, content):
    (tmp_path / "export.zip").write_bytes(content)
    with pytest.raises(ImportFileError, match="cannot be read to its end"):
        read(tmp_path / "export.zip")


def test_a_zip_with_other_bytes_than_were_packed_is_broken(tmp_path):
    file = tmp_path / "export.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("imported_visitors.csv", plausible_csv(VISITORS, ("2024-03-01", 1, 1, 1, 1, 1)))
    file.write_bytes(file.read_bytes().replace(b"2024-03-01", b"2024-03-02"))
    with pytest.raises(ImportFileError, match="cannot be read to its end: Bad CRC"):
        read(file)


@pytest.mark.parametrize(
    "name", ["../imported_visitors.csv", "/imported_visitors.csv", "..\\imported_visitors.csv"]
)
def test_a_member_that_leads_out_of_the_zip_is_refused(tmp_path, name):
    with pytest.raises(ImportFileError, match="leads out of it"):
        read(zipped(tmp_path / "export.zip", {name: plausible_csv(VISITORS)}))


@pytest.mark.parametrize("limit", ["MAX_ZIP_BYTES", "MAX_MEMBERS"])
def test_a_zip_that_holds_too_much_is_refused_before_it_is_read(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(export_files, limit, 5)
    with pytest.raises(ImportFileError, match="at most"):
        read(zipped(tmp_path / "export.zip", plausible_files()))


def test_an_import_is_named_by_its_bytes_its_site_and_its_tool(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x")
    second.write_bytes(b"x")
    same = import_id_of(first, site_id="shop", tool=Tool.UMAMI)
    assert same == import_id_of(second, site_id="shop", tool=Tool.UMAMI)
    others = {
        import_id_of(first, site_id="blog", tool=Tool.UMAMI),
        import_id_of(first, site_id="shop", tool=Tool.GA4),
    }
    assert len({same, *others}) == 3


def test_lines_are_read_plain_packed_and_from_a_zip(tmp_path):
    content = b"one\ntwo\n"
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content))
    zipped(tmp_path / "zip", {"export/lines.csv": content, "other.csv": "x"})
    for name in ("plain", "packed", "zip"):
        with opened(tmp_path / name, member="lines.csv") as export:
            assert list(export.file) == [b"one\n", b"two\n"]
            assert 0 < export.at() <= export.size
    with (
        pytest.raises(ImportFileError, match="holds 0 files none"),
        opened(tmp_path / "zip", member="none.csv"),
    ):
        raise AssertionError
    with pytest.raises(ImportFileError, match="expected lines of text"), opened(tmp_path / "zip"):
        raise AssertionError


def test_a_packed_file_that_is_cut_off_is_broken(tmp_path):
    (tmp_path / "cut").write_bytes(gzip.compress(b"one\n" * 1000)[:-12])
    with (
        pytest.raises(ImportFileError, match="cannot be read to its end"),
        opened(tmp_path / "cut") as export,
    ):
        assert list(export.file)


def test_figures_are_of_plausibles_words():
    assert set(msgspec.to_builtins(DayFigures())) == {
        "visitors",
        "visits",
        "page_views",
        "bounces",
        "visit_duration_s",
        "exits",
        "events",
    }
