"""A period -> how the moments of its events are told in as few bits as there are. Pure."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from views.params import FIRST_DAY

#: Of ``event_order``, below the time: the last bits of the offset.
ARRIVAL_BITS = 22
#: No zone's day begins or ends further from that of UTC, and no clock change moves it further.
_MARGIN = timedelta(days=2)


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """Times of events in ms after ``began_ms``, which is before all of them; so many ``bits`` hold each."""

    began_ms: int
    bits: int


def moments(since: date, until: date) -> Moments:
    """The moments of events whose day is from ``since`` to before ``until``."""
    began = since - min(_MARGIN, since - FIRST_DAY)
    longest_ms = (until + _MARGIN - began) // timedelta(milliseconds=1)
    return Moments(began_ms=(began - FIRST_DAY) // timedelta(milliseconds=1), bits=longest_ms.bit_length())
