"""What led to conversions: touchpoints before each, and the paths of those who converted and who did not."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

#: The key of conversions that no touchpoint led to.
NONE = "(none)"


class Touchpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A visit: its ``key`` (a channel, source or campaign), and when it began, in ms since 1970."""

    at_ms: int
    key: str
    is_direct: bool = False


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """``count`` conversions with the same touchpoints, worth ``value`` together.

    The value is in 1/10,000 of the currency's unit; touchpoints may be in any order.
    """

    at_ms: int
    touchpoints: tuple[Touchpoint, ...]
    value: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for no conversion."""
        if self.count < 1:
            raise ValueError(f"a conversion counts {self.count} times; leave out what did not happen")

    def led_by(self, *, look_back_ms: int) -> list[Touchpoint]:
        """The touchpoints from ``look_back_ms`` before the conversion to itself, both included, in order."""
        began = self.at_ms - look_back_ms
        within = [one for one in self.touchpoints if began <= one.at_ms <= self.at_ms]
        return sorted(within, key=lambda one: one.at_ms)


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """The ``keys`` that ``journeys`` went through, first to last, and how many of them ended in a conversion.

    A journey goes to a conversion, or to when its visitor was last seen: who converts twice makes two.
    ``value`` is that of all conversions, in 1/10,000 of the currency's unit.
    """

    keys: tuple[str, ...]
    journeys: int
    conversions: int = 0
    value: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for counts that cannot be."""
        if not 0 <= self.conversions <= self.journeys:
            raise ValueError(f"{self.conversions} of {self.journeys} journeys converted; each ends only once")
        if self.value and not self.conversions:
            raise ValueError(f"a value of {self.value} without a conversion; give it where it was made")


class Credit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a key is given of the conversions, and of their value in 1/10,000 of the currency's unit."""

    key: str
    conversions: float
    value: float


def credited(parts: Iterable[tuple[str, float, float]]) -> tuple[Credit, ...]:
    """(key, conversions, value), summed by key, the most conversions first."""
    found: dict[str, list[tuple[float, float]]] = {}
    for key, conversions, value in parts:
        found.setdefault(key, []).append((conversions, value))
    credits_ = (
        Credit(
            key=key,
            conversions=math.fsum(conversions for conversions, _ in each),
            value=math.fsum(value for _, value in each),
        )
        for key, each in found.items()
    )
    return tuple(sorted(credits_, key=lambda one: (-one.conversions, one.key)))
