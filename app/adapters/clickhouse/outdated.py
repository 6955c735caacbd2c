"""By which rules events were decided -> the days that other rules than today's decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

import msgspec
from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.catalogue import Catalogue
from app.adapters.clickhouse.codes import ask
from app.adapters.clickhouse.layers import AROUND, EVENT_BRONZE
from app.adapters.clickhouse.recast import EVENT, VERSION
from app.adapters.clickhouse.reconcile import Scope

DAY = timedelta(days=1)

SiteDay = tuple[str, date]


class OutdatedDay(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a day that were decided by other ``versions``, and have a payload to be judged by.

    ``is_open``: an event may still reach the sessions of the day, or of one beside it.
    """

    site_id: str
    day: date
    events: int
    versions: list[str]
    today: str
    is_open: bool


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The outdated days, and the periods without an open day that hold those that are not open."""

    days: list[OutdatedDay]
    periods: list[Scope]


def find_outdated(
    client: Client,
    known: Catalogue,
    scope: Scope,
    *,
    version: Callable[[str], str],
    closed_before_ms: int,
) -> Standing:
    """The outdated days of a scope; raises ReconcileError when ClickHouse refuses."""
    at = known.tables["user_behavior_silver"].at
    rows = ask(
        client,
        f"SELECT site_id, local_date, {VERSION}, toUnixTimestamp64Milli(max(received_at)) FROM {at} "
        f"WHERE {AROUND} GROUP BY site_id, local_date, {VERSION}",
        scope.bound(),
        at=at,
    )
    last: dict[SiteDay, int] = {}
    others: list[tuple[str, date, str]] = []
    for site_id, day, was, received_at in rows:
        last[site_id, day] = max(received_at, last.get((site_id, day), received_at))
        if was != version(site_id) and scope.first <= day <= scope.last:
            others.append((site_id, day, was))

    def is_open(one: SiteDay) -> bool:
        near = [(one[0], one[1] + shift * DAY) for shift in (-1, 0, 1)]
        return any(last[other] >= closed_before_ms for other in near if other in last)

    found = _with_payload(client, known, scope, others)
    days = [
        OutdatedDay(
            site_id=site_id,
            day=day,
            events=sum(versions.values()),
            versions=sorted(versions),
            today=version(site_id),
            is_open=is_open((site_id, day)),
        )
        for (site_id, day), versions in sorted(found.items())
    ]
    every = [(*one, is_open(one)) for one in sorted(last)]
    return Standing(days=days, periods=_periods(every, {(one.site_id, one.day) for one in days}))


def _with_payload(
    client: Client, known: Catalogue, scope: Scope, days: Iterable[tuple[str, date, str]]
) -> dict[SiteDay, dict[str, int]]:
    """Site and day -> version -> its events that have a payload, of those days and versions that have any."""
    wanted = list(days)
    if not wanted:
        return {}
    at = known.tables["user_behavior_silver"].at
    keys = ", ".join(EVENT)
    kept = " UNION ALL ".join(
        f"SELECT {keys} FROM {known.tables[name].at} "
        f"WHERE (site_id, local_date) IN {{days:Array(Tuple(String, Date))}}"
        for name in EVENT_BRONZE
    )
    rows = ask(
        client,
        f"SELECT site_id, local_date, {VERSION}, count() FROM {at} WHERE {AROUND} "
        f"AND (site_id, local_date, {VERSION}) IN {{wanted:Array(Tuple(String, Date, String))}} "
        f"AND ({keys}) IN ({kept}) GROUP BY site_id, local_date, {VERSION}",
        {**scope.bound(), "wanted": wanted, "days": sorted({(site, day) for site, day, _ in wanted})},
        at=at,
    )
    found: dict[SiteDay, dict[str, int]] = {}
    for site_id, day, was, events in rows:
        found.setdefault((site_id, day), {})[was] = events
    return found


def _periods(every: Iterable[tuple[str, date, bool]], outdated: set[SiteDay]) -> list[Scope]:
    """For each site as few as there can be: days that are neither open nor outdated lie in them, too."""
    periods: list[Scope] = []
    site: str | None = None
    for site_id, day, is_open in every:
        if is_open:
            site = None
        elif (site_id, day) in outdated:
            first = periods.pop().first if site == site_id else day
            periods.append(Scope(site_id=site_id, first=first, last=day))
            site = site_id
    return periods
