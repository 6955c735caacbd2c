"""How far a command has come: bars on a terminal's standard error, elsewhere a line for each part."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class Bars:
    """Shows phases one below the other: parts, rows, rows a second, and the time that is left."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._phase, self._parts, self._done, self._counts_rows = "", 0, 0, False

    def begin(self, phase: str, *, parts: int, rows: int | None = None) -> None:
        """A phase begins, and the one before it has ended; with ``rows`` these are what is counted."""
        self._phase, self._parts, self._done, self._counts_rows = phase, parts, 0, rows is not None
        total = parts if rows is None else rows
        self._task = self._bars.add_task(phase, total=total or None, said=self._said())

    def advance(self, rows: int) -> None:
        """So many rows more are done."""
        if self._task is not None:
            self._bars.advance(self._task, rows)

    def part(self, name: str) -> None:
        """One more part is done."""
        self._done += 1
        if self._task is None:
            return
        self._bars.update(self._task, advance=0 if self._counts_rows else 1, said=self._said())
        if self._bars.disable:
            print(f"{self._phase}: {name}, {self._said()}{self._rate()}", file=sys.stderr)

    def _said(self) -> str:
        return f"{self._done:,} of {self._parts:,}" if self._parts else ""

    def _rate(self) -> str:
        task = next(task for task in self._bars.tasks if task.id == self._task)
        if not self._counts_rows or not task.elapsed:
            return ""
        left = f", {task.time_remaining:.0f} s left" if task.time_remaining else ""
        return f"; {task.completed:,.0f} rows, {task.completed / task.elapsed:,.0f}/s{left}"


class _Rows(ProgressColumn):
    """Rows and rows a second of the phases that count them."""

    def render(self, task: Task) -> Text:
        rate = f", {task.speed:,.0f}/s" if task.speed else ""
        return Text(f"{task.completed:,.0f}{rate}")


@contextmanager
def shown() -> Iterator[Bars]:
    """What shows the progress for as long as the context lasts."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"), _Rows())
    console = Console(stderr=True)
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not sys.stderr.isatty()
    ) as bars:
        yield Bars(bars)
