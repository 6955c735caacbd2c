"""Exports of Search Console: what is read, and what is refused with the number of its line."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest

from app.commands.import_search_console import load
from app.core.search_console import Export, SearchRow, read_export
from app.errors import SearchConsoleError

MARCH = (date(2026, 3, 1), date(2026, 3, 31))
PAGES = "Top pages,Clicks,Impressions,CTR,Position\n"
DATED = "date,page,query,country,device,clicks,impressions,position\n"
GOOD = "2026-03-01,https://shop.test/a?x=1,bell,deu,MOBILE,1,20,3.5\n"


def read(text: str, *, days: tuple[date, date] | None = None) -> Export:
    return read_export(StringIO(text, newline=""), days=days)


def bad(text: str, *, days: tuple[date, date] | None = None) -> list[tuple[int, str]]:
    return [(one.line, one.detail) for one in read(text, days=days).bad]


def test_the_export_button_has_a_dimension_and_no_dates():
    text = (
        "\ufeff" + PAGES + 'https://shop.test/,"1,234","10,000",12.34%,1.2\nhttps://shop.test/käse,0,0,0%,\n'
    )
    found = read(text, days=MARCH)
    assert (found.dimensions, found.bad) == ("page", [])
    first, second = found.rows
    assert (first.first_day, first.last_day) == MARCH
    assert (first.path, first.clicks, first.impressions, first.position) == ("/", 1234, 10_000, 1.2)
    assert (second.page, second.path, second.position) == ("https://shop.test/käse", "/käse", 0)


def test_an_export_of_the_api_has_all_dimensions_in_any_order():
    found = read(DATED + GOOD)
    assert found.dimensions == "date,page,query,country,device"
    assert found.rows == [
        SearchRow(
            first_day=date(2026, 3, 1),
            last_day=date(2026, 3, 1),
            page="https://shop.test/a?x=1",
            path="/a",
            search_query="bell",
            search_country="deu",
            device="mobile",
            clicks=1,
            impressions=20,
            position=3.5,
        )
    ]
    turned = read("Position,Impressions,Clicks,Date\r\n1,2,0,2026-03-01\r\n\r\n")
    assert (turned.dimensions, len(turned.rows), turned.bad) == ("date", 1, [])


@pytest.mark.parametrize(
    ("text", "days", "told"),
    [
        ("", MARCH, "line 1: no column of clicks, impressions, position"),
        ("Clicks,Impressions,Position\n", MARCH, "line 1: no column of date or page or query"),
        ("Top pages,Clicks,Impressions\n", MARCH, "line 1: no column of position"),
        ("Seiten,Clicks,Impressions,Position\n", MARCH, "line 1: unknown column 'Seiten'; known are average"),
        ("Page,URL,Clicks,Impressions,Position\n", MARCH, "line 1: two columns of page: 'URL' is the second"),
        (PAGES, None, "line 1: no column of dates: say which days"),
        (DATED, MARCH, "line 1: the file has a column of dates: leave --from and --to out"),
        ("Top pages;Clicks;Impressions;Position\n", MARCH, "line 1: unknown column 'Top pages;Clicks"),
        ('"Top pages', MARCH, "line 1: unexpected end of data"),
    ],
)
def test_a_file_without_the_columns_is_refused(text, days, told):
    with pytest.raises(SearchConsoleError) as refused:
        read(text, days=days)
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1,20", "7 cells, but the first line names 8 columns"),
        ("01.03.2026,https://shop.test/a,q,deu,MOBILE,1,20,1", "date '01.03.2026': expected a day"),
        ("2026-02-30,https://shop.test/a,q,deu,MOBILE,1,20,1", "date '2026-02-30'"),
        ("1969-12-31,https://shop.test/a,q,deu,MOBILE,1,20,1", "date '1969-12-31'"),
        ("2026-03-01,/a,q,deu,MOBILE,1,20,1", "page '/a': the URL begins with '/a'; expected http"),
        ("2026-03-01,,q,deu,MOBILE,1,20,1", "page ''"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,-1,20,1", "clicks '-1': expected a whole number"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1.5,20,1", "clicks '1.5'"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,٣,20,1", "clicks '٣'"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1,99999999999999999999,1", "impressions '9999"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,21,20,1", "21 clicks of 20 impressions"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1,20,", "position ''"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1,20,0.9", "position '0.9'"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1,20,nan", "position 'nan'"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1,20,inf", "position 'inf'"),
        ("2026-03-01,https://shop.test/a,q,deu,MOBILE,1,20,1_0", "position '1_0'"),
        (f"2026-03-01,https://shop.test/{'a' * 3000},q,deu,MOBILE,1,20,1", "page: longer than 2048"),
        (
            f"2026-03-01,https://a.test/,{'q' * 200_000},deu,MOBILE,1,20,1",
            "field larger than field limit",
        ),
        (
            "2026-03-01,https://shop.test/a,q\x07,deu,MOBILE,1,20,1",
            "query: longer than 2048 characters, or with",
        ),
        ('2026-03-01,https://shop.test/a,"q"x,deu,MOBILE,1,20,1', "',' expected after '\"'"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(row, told):
    ((line, detail),) = bad(DATED + GOOD + row + "\n" + GOOD.replace("bell", "horn"))
    assert line == 3
    assert detail.startswith(told)


def test_a_line_that_says_again_what_another_said_is_bad():
    assert bad(DATED + GOOD + GOOD.replace("1,20,3.5", "0,4,9")) == [(3, "says again what line 2 is about")]


def test_lines_are_those_of_the_file_also_within_quotes():
    """A query may have a line break in it, which is a control character: it is refused, where it begins."""
    text = DATED + GOOD.replace("bell", '"be\nll"') + "x\n"
    assert [line for line, _ in bad(text)] == [2, 4]


def test_an_open_quote_is_told_where_it_opens_and_hides_no_other_bad_line():
    rows = [GOOD.replace("bell", f"bell {number}") for number in range(300)]
    rows[100] = rows[100].replace("bell", '"bell')
    rows[200] = "x\n"
    found = read(DATED + "".join(rows))
    assert [(one.line, one.detail.split(",")[0]) for one in found.bad] == [
        (102, "unexpected end of data"),
        (202, "1 cells"),
    ]
    assert len(found.rows) == 298


def test_signs_of_any_script_are_text():
    for query in ("Käse 🧀", "👩‍👧", "=1+1", "' OR 1=1 --", "{site:String}"):
        assert read(DATED + GOOD.replace("bell", query)).rows[0].search_query == query


def test_of_a_file_with_bad_lines_nothing_is_imported_and_every_line_is_named(tmp_path):
    file = tmp_path / "pages.csv"
    file.write_text(DATED + GOOD + "x\n" * 30, encoding="utf-8")
    with pytest.raises(SearchConsoleError) as refused:
        load(file, days=None)
    told = str(refused.value)
    assert told.startswith(f"{file}: nothing was imported: bad lines: 30\n  line 3: 1 cells")
    assert told.endswith("line 22: 1 cells, but the first line names 8 columns\n  and 10 more")


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path):
    file = tmp_path / "pages.csv"
    with pytest.raises(SearchConsoleError, match="No such file"):
        load(file, days=None)
    file.write_bytes(DATED.encode() + b"\xff\xfe")
    with pytest.raises(SearchConsoleError, match="line 2: not UTF-8"):
        load(file, days=None)
