"""The wall clock; everything below adapters takes time as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Milliseconds since 1970 UTC.
Clock = Callable[[], int]


def now_ms() -> int:
    """The time by this machine's clock, in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000
