"""How an event is told as one number: its time, its arrival, its steps and the walks that it ends. Pure.

Time and arrival are those of ``event_order``, a column of user_behavior_silver.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from views.params import FIRST_DAY, Period
from views.stats.filters import Places

#: Of ``event_order``, below the time: the last bits of the offset.
_ARRIVAL_BITS = 22
#: No zone's day begins or ends further from that of UTC, and no clock change moves it further.
_MARGIN = timedelta(days=2)
#: Where the steps of a number of 128 bits begin, and the bits of its steps, or of the walks that it ends.
_STEPS_AT = 20


class Codes(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of a number begin, the time highest, and the walks that it ends from the first bit on.

    ``kind``: its type; ``order``: SQL, the time and the arrival.
    """

    kind: str
    order_at: int
    steps_at: int
    order: str = "event_order"

    @classmethod
    def of(cls, period: Period, places: Places, *, steps: int, ended: int) -> Codes:
        """For events of the period: in 64 bits, sorted at half the cost, where these have room for all parts.

        ``steps``, ``ended``: how many bits each has.
        """
        began = period.since - min(_MARGIN, period.since - FIRST_DAY)
        longest_ms = (period.until + _MARGIN - began) // timedelta(milliseconds=1)
        if longest_ms.bit_length() + _ARRIVAL_BITS + steps + ended > 64:
            return cls(kind="UInt128", order_at=2 * _STEPS_AT, steps_at=_STEPS_AT)
        began_ms = (began - FIRST_DAY) // timedelta(milliseconds=1)
        order = f"event_order - {places.put(began_ms << _ARRIVAL_BITS, 'UInt64')}"
        return cls(kind="UInt64", order_at=steps + ended, steps_at=ended, order=order)

    def code(self, *, steps: str, ended: str) -> str:
        """SQL: the number of a row of user_behavior_silver."""
        order = f"bitShiftLeft(to{self.kind}({self.order}), {self.order_at})"
        does = f"toUInt64({steps})"
        if self.steps_at:
            does = f"bitOr(bitShiftLeft({does}, {self.steps_at}), toUInt64({ended}))"
        return f"bitOr({order}, to{self.kind}({does}))"

    def time(self, code: str) -> str:
        """SQL: when an event was, in ms, from any one moment on that is before all."""
        return f"toInt64(bitShiftRight({code}, {self.order_at + _ARRIVAL_BITS}))"

    def steps_of(self, code: str) -> str:
        """SQL: the steps that an event is, as bits."""
        steps = f"bitShiftRight({code}, {self.steps_at})" if self.steps_at else code
        return f"toUInt32(bitAnd({steps}, {(1 << self.order_at - self.steps_at) - 1}))"

    def ended_of(self, code: str) -> str:
        """SQL: the walks that an event ends, as bits."""
        return f"toUInt32(bitAnd({code}, {(1 << self.steps_at) - 1}))"
