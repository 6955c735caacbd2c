"""Lines of a CSV file -> its records, each with the line where it begins. Pure.

A damaged record costs that one line: reading goes on with the next, however many the record had swallowed.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

#: A quoted cell may have line ends in it; no record of an export has as many. It bounds what is read twice.
MAX_RECORD_LINES = 100


class Record(msgspec.Struct, frozen=True, gc=False):
    """The cells of a record, and its first line, from 1 on."""

    line: int
    cells: list[str]


class Damaged(msgspec.Struct, frozen=True, gc=False):
    """A line where a record begins that is none, and why."""

    line: int
    detail: str


def csv_records(lines: Iterable[str]) -> Iterator[Record | Damaged]:
    """The records, the header first; a blank line is one without cells.

    Damaged is what is no CSV (a quote that stays open, text behind one that closes), and what spans lines and
    has another number of cells than the header: there, the quote of another row closed an open one.
    """
    feed = _Feed(lines)
    reader = csv.reader(feed, strict=True)
    line, width = 1, 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Damaged(line, _detail(error, line=line, last=line + feed.count - 1))
            feed.begin_again()
            line += 1
            continue
        width = width or len(cells)
        if feed.count > 1 and len(cells) != width:
            span = f"lines {line} to {line + feed.count - 1}"
            yield Damaged(line, f"{len(cells)} columns in {span}, the header has {width}; is a quote open?")
            feed.begin_again()
            line += 1
        else:
            yield Record(line, cells)
            line += feed.count
            feed.go_on()


class _Feed:
    """Lines for a reader, which takes as many as a record has; all but the first can be given to it again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        # For the reader the file then ends within a quote, which it says.
        if len(self._taken) == MAX_RECORD_LINES:
            raise StopIteration
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        return line

    @property
    def count(self) -> int:
        """How many lines the record has so far."""
        return len(self._taken)

    def go_on(self) -> None:
        """Begin the next record behind this one."""
        self._taken.clear()

    def begin_again(self) -> None:
        """Begin the next record with the second line of this one."""
        self._again.extendleft(reversed(self._taken[1:]))
        self._taken.clear()


def _detail(error: csv.Error, *, line: int, last: int) -> str:
    return str(error) if last <= line else f"{error}, in line {last}: is a quote of line {line} open?"
