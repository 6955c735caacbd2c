"""A time or a length of time, as a person reads it."""

from __future__ import annotations

from datetime import datetime, timedelta

#: (seconds, name) of what a length is told in, the longest first.
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
#: Closer than this nobody asks how close.
NOW_S = 2


def utc(at: datetime) -> str:
    """The time in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def relative(at: datetime, *, now: datetime) -> str:
    """How long ago, or how long from now, in the one unit that says it."""
    apart = (now - at).total_seconds()
    if abs(apart) < NOW_S:
        return "just now"
    told = length(timedelta(seconds=abs(apart)))
    return f"{told} ago" if apart > 0 else f"in {told}"


def length(span: timedelta) -> str:
    """A length in the largest unit of which it is at least two, rounded down; so it is told nearly right."""
    seconds = int(span.total_seconds())
    size, name = next((unit for unit in UNITS if seconds >= 2 * unit[0]), UNITS[-1])
    return f"{seconds // size} {name}"


def lasting(span_ms: int) -> str:
    """The same of milliseconds."""
    return length(timedelta(milliseconds=span_ms))


def size(count: int) -> str:
    """Bytes in the largest unit of which they are at least one, by powers of 1024."""
    amount: float = count
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
