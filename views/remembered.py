"""What was made of the rows of a page, and told again while they sum to the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")

#: What a page's rows sum to. Any event of the page changes ``rows``: what is made of others has other sums.
SUMS = ("rows", "page_views", "leaves", "engaged_ms", "scroll_depth")
#: SQL of them.
SUMS_SQL = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
#: How long it is told without another look: what an erasure takes and a new event adds may even out.
HOLDS_S = 600.0
#: How much is remembered.
MOST = 10_000


def keep(known: dict[K, T], key: K, value: T, *, most: int) -> None:
    """Put a value last into ``known``, in place of what was there; the first go, where there are more."""
    known.pop(key, None)
    known[key] = value
    while len(known) > most:
        del known[next(iter(known))]


class Remembered(Generic[T]):
    """Values by key and sums, for HOLDS_S; the oldest go first."""

    def __init__(self, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._elapsed_s = elapsed_s
        self._known: dict[Hashable, tuple[float, tuple[int, ...], T]] = {}

    def knows(self, key: Hashable) -> bool:
        """Whether there is a value, of whichever sums."""
        at, _, _ = self._known.get(key, (None, None, None))
        return at is not None and self._elapsed_s() - at <= HOLDS_S

    def told(self, key: Hashable, row: Mapping[str, Any]) -> T | None:
        """The value that was made of rows with the SUMS of ``row``."""
        if not self.knows(key):
            return None
        _, sums, value = self._known[key]
        return value if sums == _sums(row) else None

    def tell(self, key: Hashable, row: Mapping[str, Any], value: T) -> None:
        """Remember what was made of rows with the SUMS of ``row``, in place of what was."""
        keep(self._known, key, (self._elapsed_s(), _sums(row), value), most=MOST)


def _sums(row: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(row[name]) for name in SUMS)
