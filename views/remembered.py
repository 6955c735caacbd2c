"""What was made of rows, and told again while they sum to the same: of a page, or of all of a question."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

import msgspec

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
#: How many rows all answers that are remembered may have, and one for each answer.
MOST_ROWS = 20_000
#: What all rows of an answer sum to.
Sums = tuple[int, ...]


def keep(known: dict[K, T], key: K, value: T, *, most: int) -> None:
    """Put a value last into ``known``, in place of what was there; the first go, where there are more."""
    known.pop(key, None)
    known[key] = value
    while len(known) > most:
        del known[next(iter(known))]


class Remembered(Generic[T]):
    """Values by key and ``sums`` (names of a row), for HOLDS_S; the oldest go first."""

    def __init__(
        self, sums: Sequence[str] = SUMS, *, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._sums, self._elapsed_s = sums, elapsed_s
        self._known: dict[Hashable, tuple[float, tuple[int, ...], T]] = {}

    def knows(self, key: Hashable) -> bool:
        """Whether there is a value, of whichever sums."""
        at, _, _ = self._known.get(key, (None, None, None))
        return at is not None and self._elapsed_s() - at <= HOLDS_S

    def told(self, key: Hashable, row: Mapping[str, Any]) -> T | None:
        """The value that was made of rows with the sums of ``row``."""
        if not self.knows(key):
            return None
        _, was, value = self._known[key]
        return value if was == self._sums_of(row) else None

    def tell(self, key: Hashable, row: Mapping[str, Any], value: T) -> None:
        """Remember what was made of rows with the sums of ``row``, in place of what was."""
        keep(self._known, key, (self._elapsed_s(), self._sums_of(row), value), most=MOST)

    def _sums_of(self, row: Mapping[str, Any]) -> tuple[int, ...]:
        return tuple(int(row[name]) for name in self._sums)


class Summed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An answer of ``size`` rows, and what the very rows sum to that it was made of."""

    answer: T
    sums: Sums
    size: int


class Answers:
    """Answers by question, for HOLDS_S, told again while the rows they were made of sum to the same.

    While those change from one answer to the next, each is made without a look before: it would be in vain.
    The oldest go first.
    """

    def __init__(self, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._elapsed_s = elapsed_s
        #: When it was made, whether it was the same as before, and the answer.
        self._known: dict[Hashable, tuple[float, bool, Summed[Any]]] = {}

    async def of(
        self,
        question: Hashable,
        *,
        look: Callable[[], Awaitable[Sums]],
        make: Callable[[], Awaitable[Summed[T]]],
    ) -> T:
        """What ``make`` says now; ``look`` says what the rows sum to, in less time."""
        began = self._elapsed_s()
        at, stands, known = self._known.get(question, (began, True, None))
        if known is None or began - at > HOLDS_S:
            stands, known = True, None
        elif stands and await look() == known.sums:
            return cast(T, known.answer)
        made = await make()
        self._known.pop(question, None)
        self._known[question] = (began, known is None or known.sums == made.sums, made)
        while sum(1 + one.size for _, _, one in self._known.values()) > MOST_ROWS:
            del self._known[next(iter(self._known))]
        return made.answer
