"""How far a command has come, on standard error: a bar on a terminal, elsewhere a line every few seconds.

With ``as_json`` each line is a JSON object: phase, done, total, unit, rate (a second), remaining_s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

import msgspec
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

#: Between two lines where nobody looks at a terminal.
EVERY_S = 5.0
BYTES, ROWS, PARTS = "bytes", "rows", "parts"


class Reached(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a phase is. ``total`` is None where nobody knows it; ``rate`` is of ``unit`` a second.

    ``part`` is the last one that is done, of ``parts``; ``lines`` what the bytes held so far.
    """

    phase: str
    done: int
    total: int | None
    unit: str
    rate: float
    remaining_s: float | None
    lines: int | None = None
    part: str = ""
    parts_done: int = 0
    parts: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        told = [f"{self.part}, {self.parts_done:,} of {self.parts:,}"] if self.part and self.parts else []
        counted = self._counted()
        told += [counted] if counted else []
        if self.remaining_s:
            told.append(f"{self.remaining_s:,.0f} s left")
        return "; ".join(told)

    def _counted(self) -> str:
        if self.unit == PARTS:
            return ""
        if self.unit == BYTES:
            share = f"{100 * self.done // self.total if self.total else 100} %, "
            lines = self.lines or 0
            return f"{share}{lines:,} lines, {lines / self.seconds if self.seconds else 0:,.0f}/s"
        of = f" of {self.total:,}" if self.total and self.done != self.total else ""
        return f"{self.done:,}{of} {self.unit}, {self.rate:,.0f}/s"


class Show(Protocol):
    """Shows what was reached; ``is_end``: the phase is over."""

    def __call__(self, reached: Reached, *, is_end: bool) -> None:
        """Show it, or leave it out when it comes too soon after the last."""


class _Phase(msgspec.Struct, kw_only=True):
    """What is going on, as far as it was told."""

    name: str
    began_s: float
    unit: str
    total: int | None
    parts: int
    done: int = 0
    lines: int | None = None
    part: str = ""
    parts_done: int = 0

    def reached(self, *, now_s: float) -> Reached:
        """Where it is."""
        seconds = now_s - self.began_s
        rate = self.done / seconds if seconds > 0 else 0.0
        left = None if self.total is None else max(0, self.total - self.done)
        return Reached(
            phase=self.name,
            done=self.done,
            total=self.total,
            unit=self.unit,
            rate=round(rate, 1),
            remaining_s=0.0 if left == 0 else round(left / rate, 1) if left and rate else None,
            lines=self.lines,
            part=self.part,
            parts_done=self.parts_done,
            parts=self.parts,
            seconds=round(seconds, 3),
        )


class Progress:
    """Is told how far the work is, in phases one after the other; it is a Watch of the work over tables."""

    def __init__(self, show: Show, *, clock: Callable[[], float]) -> None:
        self._show, self._clock = show, clock
        self._phase: _Phase | None = None

    def begin(self, phase: str, *, parts: int = 0, rows: int | None = None, unit: str = ROWS) -> None:
        """A phase begins, and the one before it has ended.

        What is counted are ``unit``, of ``rows`` in all where that is known; of parts alone, those.
        """
        self.end()
        counted = PARTS if parts and rows is None else unit
        total = parts if counted == PARTS else rows
        self._phase = _Phase(
            name=phase, began_s=self._clock(), unit=counted, total=total or None, parts=parts
        )
        self._tell(self._phase)

    def advance(self, rows: int) -> None:
        """So many more are done."""
        if self._phase is not None and self._phase.unit != PARTS:
            self._phase.done += rows
            self._tell(self._phase)

    def part(self, name: str) -> None:
        """One more part is done."""
        if (phase := self._phase) is not None:
            phase.part = name
            phase.parts_done += 1
            phase.done += phase.unit == PARTS
            self._tell(phase)

    def reach(self, done: int, *, total: int | None = None, lines: int | None = None) -> None:
        """So many are done in all; ``lines`` is what these bytes held."""
        if (phase := self._phase) is not None:
            phase.done, phase.lines, phase.total = done, lines, phase.total if total is None else total
            self._tell(phase)

    def end(self) -> None:
        """The phase is over, if there is one."""
        if self._phase is not None:
            self._tell(self._phase, is_end=True)
            self._phase = None

    def _tell(self, phase: _Phase, *, is_end: bool = False) -> None:
        self._show(phase.reached(now_s=self._clock()), is_end=is_end)


class _OnTerminal:
    """A bar for each phase, one below the other."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("", visible=False, said="")
        self._is_new = True

    def __call__(self, reached: Reached, *, is_end: bool) -> None:
        if self._is_new:
            self._task = self._bars.add_task(reached.phase, total=reached.total, said="")
        self._bars.update(self._task, completed=reached.done, total=reached.total, said=str(reached))
        self._is_new = is_end
        if is_end:
            self._bars.stop_task(self._task)


class _InLines:
    """A line every few seconds, and one at the end of each phase; none twice."""

    def __init__(self, stream: TextIO, *, as_json: bool, clock: Callable[[], float]) -> None:
        self._stream, self._as_json, self._clock = stream, as_json, clock
        self._last_s = clock()
        self._last: Reached | None = None

    def __call__(self, reached: Reached, *, is_end: bool) -> None:
        now_s = self._clock()
        if reached == self._last or (not is_end and now_s - self._last_s < EVERY_S):
            return
        self._last_s, self._last = now_s, reached
        if self._as_json:
            line = msgspec.json.encode(reached).decode()
        else:
            line = ": ".join(filter(None, (reached.phase, str(reached))))
        print(line, file=self._stream, flush=True)


@contextmanager
def shown(
    *,
    as_json: bool = False,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Progress]:
    """What is told of the work, for as long as the context lasts; an error ends it without a last line."""
    to = stream or sys.stderr
    if as_json or not to.isatty():
        progress = Progress(_InLines(to, as_json=as_json, clock=clock), clock=clock)
        yield progress
        progress.end()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(file=to)) as bars:
        progress = Progress(_OnTerminal(bars), clock=clock)
        yield progress
        progress.end()
