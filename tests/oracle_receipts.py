"""How good the receipts of a site were, by interval, by the same recount as tests/oracle.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle import MINUTE, Seen, SiteRules, Table, tally

QUALITY = (
    *("received", "accepted", "rejected", "duplicates"),
    *("invalid", "untimely", "incomplete", "flawless"),
)
DELAYED_MS = 5 * MINUTE


def quality(outcomes: Iterable[tuple[Seen, str]], *, by: Callable[[int], int]) -> Table:
    """What became of the receipts by the interval that they fall into, and how many have each fault."""
    return tally(outcomes, by=lambda one: (by(one[0].received_at),), figures=_quality)


def _quality(some: list[tuple[Seen, str]]) -> dict[str, Any]:
    fates = Counter(outcome for _, outcome in some)
    accepted = [seen for seen, outcome in some if outcome == "accepted"]
    delayed = [one for one in accepted if not one.is_replayed and one.received_at - one.at > DELAYED_MS]
    of_pages = [one for one in accepted if one.kind != "$alias"]  # which servers send
    incomplete = [one for one in of_pages if not (one.is_complete or one.is_replayed or one.is_bot)]
    refused = fates["late"] + fates["in_future"]
    return {
        "received": len(some),
        "accepted": len(accepted),
        "rejected": refused,
        "duplicates": fates["duplicate"],
        "invalid": 0,
        "untimely": refused + len(delayed),
        "incomplete": len(incomplete),
        "flawless": sum(one not in delayed and one not in incomplete for one in accepted),
    }


def local_hour(at: int, rules: SiteRules) -> int:
    """When the hour of the site's clock began, in seconds since 1970 UTC."""
    local = datetime.fromtimestamp(at / 1000, ZoneInfo(rules.zone))
    begin = local.astimezone(UTC) - timedelta(minutes=local.minute, seconds=local.second)
    return int(begin.timestamp())
