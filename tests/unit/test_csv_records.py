"""Records of CSV files: where each begins, and what a damaged one costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from app.core.csv_records import MAX_RECORD_LINES, Damaged, Record, csv_records


def read(text: str) -> list[Record | Damaged]:
    return list(csv_records(text.splitlines(keepends=True)))


def shown(text: str) -> list[tuple[int, list[str] | str]]:
    """Line and cells, or the first words of what is wrong."""
    return [
        (one.line, one.cells if isinstance(one, Record) else " ".join(one.detail.split()[:2]))
        for one in read(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a,b\n", [(1, ["a", "b"])]),
        ("a,b\r\n\r\n1,2", [(1, ["a", "b"]), (2, []), (3, ["1", "2"])]),
        ('a,b\n1,"x\n\ny"\n2,z\n', [(1, ["a", "b"]), (2, ["1", "x\n\ny"]), (5, ["2", "z"])]),
        (
            'a,b\n1,"say ""hi"""\n2,5" wide\n',
            [(1, ["a", "b"]), (2, ["1", 'say "hi"']), (3, ["2", '5" wide'])],
        ),
        ("a,b\n1\n1,2,3\n", [(1, ["a", "b"]), (2, ["1"]), (3, ["1", "2", "3"])]),
    ],
)
def test_records_are_told_by_the_line_where_they_begin(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        # Nothing closes it; the quote of the next row does, with text behind or as an escaped one.
        ('1,"Home\n', "unexpected end"),
        ('1,"Home\n2,"Next"\n', "',' expected"),
        ('1,"Home\n2,""\n', "unexpected end"),
        ('1,"Home\n"2",Next\n', "',' expected"),
        # It is closed where a cell may end: only the number of columns shows it.
        ('1,"Home\n2,",y"\n', "3 columns"),
        ('1,"Ho"me"\n', "',' expected"),
        (f"1,{'x' * 200_000}\n", "field larger"),
        ("1,x\ry\n", "new-line character"),
    ],
)
def test_a_damaged_record_costs_the_line_where_it_begins(damaged, told):
    lines = damaged.splitlines(keepends=True) if "\r" not in damaged else [damaged]
    found = list(csv_records(["a,b\n", "0,good\n", *lines, "8,good\n", "9,good\n"]))
    assert found[:2] == [Record(1, ["a", "b"]), Record(2, ["0", "good"])]
    assert isinstance(found[2], Damaged)
    assert (found[2].line, found[2].detail.startswith(told)) == (3, True)
    assert [one.line for one in found] == list(range(1, 5 + len(lines)))
    assert found[-2:] == [Record(3 + len(lines), ["8", "good"]), Record(4 + len(lines), ["9", "good"])]


def test_what_is_wrong_says_how_far_it_was_read_on():
    (_, damaged, _) = read('a,b\n1,"x\n2,3\n')
    assert damaged == Damaged(2, "unexpected end of data, in line 3: is a quote of line 2 open?")
    (_, damaged, *_) = read('a,b\n1,"x\n2,",y"\n')
    assert damaged == Damaged(2, "3 columns in lines 2 to 3, the header has 2; is a quote open?")


@pytest.mark.parametrize(("lines", "is_whole"), [(MAX_RECORD_LINES, True), (MAX_RECORD_LINES + 1, False)])
def test_a_record_has_a_greatest_number_of_lines(lines, is_whole):
    found = read('a,b\n1,"' + "x\n" * (lines - 1) + 'x"\n2,y\n')
    assert isinstance(found[1], Record) is is_whole
    assert found[-1] == Record(lines + 2, ["2", "y"])


def test_a_quote_that_stays_open_reads_ahead_no_further_than_a_record_may_reach():
    ahead = 0

    def counted(lines: Iterable[str]) -> Iterator[str]:
        nonlocal ahead
        for line in lines:
            ahead += 1
            yield line

    records = csv_records(counted(["a,b\n", '1,"x\n', *["2,y\n"] * 100_000]))
    next(records)
    assert isinstance(next(records), Damaged)
    assert ahead == 1 + MAX_RECORD_LINES
    assert sum(isinstance(one, Record) for one in records) == 100_000


def test_a_header_may_be_damaged():
    assert shown('"a,b\n1,2\n') == [(1, "unexpected end"), (2, ["1", "2"])]
