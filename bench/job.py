"""What a measured program is told, and how it says when its first and its last event were done.

Standard library only: one of the programs runs where the product is not installed.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "BENCH_JOB"
#: How often a program writes down how far it is, over its whole course.
NOTES = 50


@dataclass(frozen=True, kw_only=True)
class Span:
    """``events`` were done between two moments, in monotonic seconds of this machine."""

    first_at: float
    last_at: float
    events: int

    @property
    def wall_s(self) -> float:
        """How long it took."""
        return self.last_at - self.first_at


@dataclass(frozen=True, kw_only=True)
class Job:
    """Which topic to read, how many events it holds, and a directory of the program's own."""

    servers: str
    topic: str
    group: str
    partitions: int
    total: int
    directory: str

    @classmethod
    def given(cls) -> Job:
        """The job of this process, from its environment."""
        return cls(**json.loads(os.environ[VARIABLE]))

    def env(self) -> dict[str, str]:
        """The environment that carries the job."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def report(self) -> Path:
        """Where the span is written."""
        return Path(self.directory) / "span.json"

    def span(self) -> Span | None:
        """The span so far; None before the first event."""
        try:
            return Span(**json.loads(self.report.read_text()))
        except FileNotFoundError:
            return None


class Progress:
    """Counts events done; notes in ``report`` when the first began and when the newest noted was done."""

    def __init__(self, total: int, *, report: Path | None = None) -> None:
        self.count = 0
        self.span: Span | None = None
        self._total = total
        self._report = report
        self._first_at: float | None = None
        self._next = 1

    @property
    def is_done(self) -> bool:
        """Whether every event was counted."""
        return self.count >= self._total

    def begin(self) -> None:
        """The first event is there and not handled yet; called again, it changes nothing."""
        if self._first_at is None:
            self._first_at = time.monotonic()

    def add(self, count: int = 1) -> None:
        """Events were done."""
        self.count += count
        if self.count >= self._next:
            self._note()

    def _note(self) -> None:
        assert self._first_at is not None, "begin() comes before the first add()"
        self.span = Span(first_at=self._first_at, last_at=time.monotonic(), events=self.count)
        step = max(1, self._total // NOTES)
        self._next = max(self.count + 1, min(self._total, self.count + step))
        if self._report is not None:
            draft = self._report.with_suffix(".draft")
            draft.write_text(json.dumps(asdict(self.span)))
            draft.rename(self._report)
