"""How far long work over the tables has come: what it tells, and to whom."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Is told of the work: phases one after the other, each of parts (days, partitions) and maybe of rows."""

    def begin(self, phase: str, *, parts: int, rows: int | None = None) -> None:
        """A phase begins, and the one before it has ended."""

    def advance(self, rows: int) -> None:
        """So many rows more are done."""

    def part(self, name: str) -> None:
        """One more part is done."""


class _Unwatched:
    def begin(self, phase: str, *, parts: int, rows: int | None = None) -> None:
        """Tell nobody."""

    def advance(self, rows: int) -> None:
        """Tell nobody."""

    def part(self, name: str) -> None:
        """Tell nobody."""


UNWATCHED: Watch = _Unwatched()
