"""Some traffic of a site, and how a block of rows states it: with versions taken back and merged sessions."""

from __future__ import annotations

import json
import random
from typing import Any

from app.events.rows import SessionRow
from tests.answering import Asked, began
from tests.oracle_stats import Did, Visit
from tests.sql.store import block, retracted, session, some_uuid

SOURCES = (
    ("Direct", "", "", ""),
    ("Organic Search", "google", "", "google.com"),
    ("Organic Search", "bing", "", "bing.com"),
    ("Email", "news", "spring", ""),
    ("Paid Search", "google", "O'Brien \\ {x}", "google.com"),
)
DEVICES = (("desktop", "Firefox", "Linux"), ("desktop", "Chrome", "Windows"), ("mobile", "Safari", "iOS"))
PATHS = ("/", "/pricing", "/docs/a", "/docs/b", "/straße", "/a'b")
PLANS = ("free", "pro", "")


def some_visit(dice: random.Random, *, since: int, until: int, visitors: int = 12) -> Visit:
    """A visit that begins in [since, until), in ms since 1970."""
    channel, source, campaign, referrer = dice.choice(SOURCES)
    device_class, browser, system = dice.choice(DEVICES)
    did = [_some_deed(dice) for _ in range(dice.randrange(1, 6))]
    return Visit(
        id=some_uuid(),
        visitor=f"v{dice.randrange(visitors)}",
        at=dice.randrange(since, until),
        duration_ms=dice.choice([0, 900, 61_000, 7_200_000]),
        is_bounce=len(did) == 1,
        is_bot=dice.random() < 0.1,
        facts={
            "channel": channel,
            "source": source,
            "campaign": campaign,
            "referrer_host": referrer,
            "country": dice.choice(["DE", "FR", ""]),
            "device_class": device_class,
            "browser": browser,
            "os": system,
            "entry_path": did[0].path,
            "exit_path": did[-1].path,
        },
        did=did,
    )


def _some_deed(dice: random.Random) -> Did:
    kind = dice.choice(["page_view", "page_view", "click", "custom_event"])
    name = dice.choice(["signup", "$goal", "$purchase"]) if kind == "custom_event" else ""
    return Did(
        kind=kind,
        path=dice.choice(PATHS),
        name=name,
        is_conversion=name.startswith("$"),
        revenue=dice.choice([0, 19.99, 0.1]) if name == "$purchase" else 0,
        engaged_ms=dice.choice([0, 0, 4_000]),
        properties={"plan": dice.choice(PLANS)} if dice.random() < 0.5 else {},
    )


def facts_of(visit: Visit, **changes: Any) -> dict[str, Any]:
    """A visit as the row that states it."""
    dids = visit.did
    return {
        "session_id": visit.id,
        "visitor_id": visit.visitor,
        "at": visit.at,
        "duration_ms": visit.duration_ms,
        "is_bounce": int(visit.is_bounce),
        "is_bot": int(visit.is_bot),
        "events": len(dids),
        "page_views": sum(did.kind == "page_view" for did in dids),
        "conversions": sum(did.is_conversion for did in dids),
        "revenue": sum(round(did.revenue * 10_000) for did in dids) / 10_000,
        "engaged_ms": sum(did.engaged_ms for did in dids),
        **visit.facts,
        **changes,
    }


def tell(asked: Asked, visits: list[Visit], dice: random.Random, *, site: str) -> None:
    """Write visits as a stream would: a third is stated otherwise first and taken back, a tenth is of two."""
    statements: list[SessionRow] = []
    within = block()
    deeds: list[dict[str, Any]] = []
    for visit in visits:
        last = session(within, **began(facts_of(visit, site_id=site, version=3)))
        ids = [visit.id]
        if dice.random() < 0.33:
            channel, source, campaign, referrer = dice.choice(SOURCES)
            earlier = {"channel": channel, "source": source, "campaign": campaign, "referrer_host": referrer}
            at = visit.at + dice.choice([0, 3_600_000, 90_000_000])
            first = session(within, **began(facts_of(visit, site_id=site, **earlier, at=at)))
            statements += [first, retracted(first, within)]
        if dice.random() < 0.1:
            ids.append(some_uuid())
            dead = session(within, **began(facts_of(visit, site_id=site, session_id=ids[1])))
            statements += [dead, retracted(dead, within, merged_into=visit.id)]
        statements.append(last)
        deeds += [
            {
                "site_id": site,
                "at": visit.at + number * 1000,
                "visitor_id": visit.visitor,
                "session_id": dice.choice(ids),
                "event_type": did.kind,
                "name": did.name,
                "path": did.path,
                "is_bot": int(visit.is_bot),
                "is_conversion": int(did.is_conversion),
                "revenue": did.revenue,
                "engaged_ms": did.engaged_ms,
                "properties": json.dumps(did.properties),
            }
            for number, did in enumerate(visit.did)
        ]
    dice.shuffle(statements)
    if statements:
        asked.insert(statements)
        asked.events(*deeds)
