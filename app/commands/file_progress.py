"""How far the reading of a file is, on standard error: a bar on a terminal, else a line for every tenth."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

STEPS = 10


class FileProgress:
    """``with FileProgress(name) as progress``: shows the share read, lines, their rate, time left."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._step = 0
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[lines]:,} lines, {task.fields[rate]:,.0f}/s"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(name, total=None, lines=0, rate=0.0)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, at: int, size: int, lines: int) -> None:
        """``at`` of ``size`` bytes are read, which held ``lines`` lines."""
        seconds = time.monotonic() - self._began
        rate = lines / seconds if seconds else 0.0
        if self._bar is not None:
            self._bar.update(self._task, completed=at, total=size, lines=lines, rate=rate)
            return
        step = at * STEPS // size if size else STEPS
        if step > self._step:
            self._step = step
            left = seconds * (size - at) / at if at else 0.0
            done = f"{step * 100 // STEPS} %, {lines:,} lines, {rate:,.0f}/s"
            print(f"{self._name}: {done}, about {left:.0f} s left", file=sys.stderr)
