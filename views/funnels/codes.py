"""How an event is told as one number: its time, its arrival, its steps and the walks that it ends. Pure."""

from __future__ import annotations

import msgspec

from views.moments import Moments
from views.stats.filters import Places

#: Where the parts of a number of 128 bits begin, and the bits of its steps, or of the walks that it ends.
_TIME_AT, _ARRIVAL_AT, _STEPS_AT = 84, 40, 20
#: So many bits of the arrival decide between events of one ms at the least.
_ARRIVAL_BITS = 24
_AT = "toUnixTimestamp64Milli(event_at)"


class Codes(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of a number begin, the time highest, and the walks that it ends from the first bit on.

    ``kind``: its type; ``began``: SQL, the ms that times are told from.
    """

    kind: str
    time_at: int
    arrival_at: int
    steps_at: int
    began: str = "0"

    @classmethod
    def of(cls, moments: Moments, places: Places, *, steps: int, ended: int) -> Codes:
        """In 64 bits, which are sorted at half the cost, where these have room for the arrival.

        ``steps``, ``ended``: how many bits each has.
        """
        if moments.bits + _ARRIVAL_BITS + steps + ended > 64:
            return cls(kind="UInt128", time_at=_TIME_AT, arrival_at=_ARRIVAL_AT, steps_at=_STEPS_AT)
        return cls(
            kind="UInt64",
            time_at=64 - moments.bits,
            arrival_at=steps + ended,
            steps_at=ended,
            began=places.put(moments.began_ms, "Int64"),
        )

    def code(self, *, steps: str, ended: str) -> str:
        """SQL: the number of a row of user_behavior_silver."""
        if self.kind == "UInt64":
            arrival = f"bitAnd(toUInt64(_offset), {(1 << self.time_at - self.arrival_at) - 1})"
            return _either(
                f"bitShiftLeft(toUInt64({_AT} - {self.began}), {self.time_at})",
                f"bitShiftLeft({arrival}, {self.arrival_at})",
                f"bitShiftLeft(toUInt64({steps}), {self.steps_at})",
                *([f"toUInt64({ended})"] if self.steps_at else []),
            )
        # Of two halves that are cheap to make.
        cut = 64 - self.arrival_at
        high = _either(
            f"bitShiftLeft(toUInt64({_AT}), {self.time_at - 64})", f"bitShiftRight(toUInt64(_offset), {cut})"
        )
        low = _either(
            f"bitShiftLeft(bitAnd(toUInt64(_offset), {(1 << cut) - 1}), {self.arrival_at})",
            f"bitShiftLeft(toUInt64({steps}), {self.steps_at})",
            f"toUInt64({ended})",
        )
        return f"bitOr(bitShiftLeft(toUInt128({high}), 64), toUInt128({low}))"

    @property
    def unknown(self) -> str:
        """SQL: the first step, before all events."""
        return f"to{self.kind}({1 << self.steps_at})"

    def time(self, code: str) -> str:
        """SQL: when an event was, in ms, from any one moment on that is before all."""
        return f"toInt64(bitShiftRight({code}, {self.time_at}))"

    def steps_of(self, code: str) -> str:
        """SQL: the steps that an event is, as bits."""
        mask = (1 << min(self.arrival_at - self.steps_at, 20)) - 1
        return f"toUInt32(bitAnd(bitShiftRight({code}, {self.steps_at}), {mask}))"

    def ended_of(self, code: str) -> str:
        """SQL: the walks that an event ends, as bits."""
        return f"toUInt32(bitAnd({code}, {(1 << self.steps_at) - 1}))"


def _either(*parts: str) -> str:
    """SQL: bits that are set in one of them."""
    made, *others = parts
    for one in others:
        made = f"bitOr({made}, {one})"
    return made
