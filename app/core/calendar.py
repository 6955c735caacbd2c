"""Times as days of a site's own calendar."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache

#: Every UTC offset in use is a multiple of a quarter of an hour, so a quarter lies in one local day.
QUARTER_MS = 900_000


def local_date(at_ms: int, *, zone: tzinfo) -> str:
    """The day on which ``at_ms`` (ms since 1970 UTC) falls in ``zone``, as ``YYYY-MM-DD``."""
    return _date_of_quarter(at_ms // QUARTER_MS, zone)


@lru_cache(maxsize=16_384)
def _date_of_quarter(quarter: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(quarter * QUARTER_MS / 1000, zone).date().isoformat()


def moment(at_ms: int) -> datetime:
    """A time in ms since 1970 as a datetime in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
