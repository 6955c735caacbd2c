"""bronze payloads, rules of today -> silver and gold with what is decided today; nothing where all agree.

Events are compared with user_behavior_silver. What differs is written by making whole partitions anew beside
those that are there and putting them in their places: each step is done or not, and says the same however
often it is taken. The table that is compared comes last, so that a run after one that was killed finds what
is left. Sessions follow from their events in silver, and every gold of these days is made anew from silver,
whether or not it differs: a sketch does not show what went into it.

The writers have to stand still, as for a rebuild (app.adapters.clickhouse.reconcile), and no event may reach
the sessions any more: their workers would take back what they had stated before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.catalogue import Table, load
from app.adapters.clickhouse.codes import refused
from app.adapters.clickhouse.layers import AROUND, EVENT_BRONZE, SITES
from app.adapters.clickhouse.recast import EVENT, FACTS, SESSION, changes, find_sessions, recast
from app.adapters.clickhouse.reconcile import Rebuilt, Reconciler, Scope
from app.adapters.clickhouse.repair import FILLING
from app.core.pipeline import Enrich
from app.core.reclassify import Facts, decided, differing
from app.core.rules import Rules

#: Events that are read at a time.
PAGE = 50_000
_WITHIN = f"{SITES} AND local_date BETWEEN {{first:Date}} AND {{last:Date}}"

Key = tuple[int, int, int]


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """How many events were decided otherwise then: what, how it is stored, how it is decided today."""

    what: str
    stored: str
    today: str
    events: int


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What a period came to.

    ``events`` have a payload; ``without_payload`` have none any more, or one that would be refused today:
    these stay as they are.
    """

    events: int
    changed: int
    without_payload: int
    differing: list[Differing]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: events and sessions that changed, and the golds that were made anew."""

    events: int
    sessions: int
    rebuilt: list[Rebuilt]


class Reclassifier:
    """Compares and rewrites one database; every method raises ReconcileError when ClickHouse refuses."""

    def __init__(self, client: Client, *, database: str, rules: Rules, enrich: Enrich) -> None:
        self._client, self._database = client, database
        self._rules, self._enrich = rules, enrich
        self._log = log.get("reclassify")
        try:
            self._catalogue = load(client, database=database)
        except ClickHouseError as error:
            raise refused(error, at=f"the schema of {database}") from error

    def last_receipt(self, scope: Scope) -> datetime | None:
        """When the last event of these days and of those beside them was received; None: there is none."""
        at = self._table("user_behavior_silver").at
        ((count, last),) = self._ask(
            f"SELECT count(), max(received_at) FROM {at} WHERE {AROUND}", scope.bound(), at=at
        )
        return last if count else None

    def compare(self, scope: Scope) -> Compared:
        """What would be decided otherwise today."""
        found: Counter[tuple[str, str, str]] = Counter()
        events = changed = left = 0
        for _, before, now in self._decided(scope):
            if now is None:
                left += 1
                continue
            events += 1
            changed += now != before
            found.update(differing(before, now))
        return Compared(
            events=events,
            changed=changed,
            without_payload=left + self._without_payload(scope, seen=events + left),
            differing=[
                Differing(what=what, stored=was, today=now, events=count)
                for (what, was, now), count in sorted(found.items(), key=lambda one: (-one[1], one[0]))
            ],
        )

    def apply(self, scope: Scope) -> Done:
        """Write what is decided today into silver and gold; the writers have to stand still.

        Raises ReconcileError, with nothing written, where silver and bronze differ around these days.
        """
        reconciler = Reconciler(self._client, database=self._database)
        reconciler.refuse_torn(scope)
        behavior, views = self._table("user_behavior_silver"), self._table("page_views_silver")
        said, sessions = self._table("user_sessions_bronze"), self._table("sessions_silver")
        try:
            with changes(self._client, behavior, keys=EVENT) as changed:
                events = self._note(scope, into=changed)
                for table in (views, behavior):
                    recast(self._client, table, changed, keys=EVENT)
            with changes(self._client, sessions, keys=SESSION) as changed:
                stated = find_sessions(self._client, self._catalogue, scope, into=changed)
                for table in (said, sessions):
                    recast(self._client, table, changed, keys=SESSION)
        except ClickHouseError as error:
            raise refused(error, at=self._database) from error
        rebuilt = reconciler.remake_golds(scope, of={behavior.name, views.name, sessions.name})
        self._log.warning("reclassify.done", events=events, sessions=stated, golds=len(rebuilt))
        return Done(events=events, sessions=stated, rebuilt=rebuilt)

    def _note(self, scope: Scope, *, into: str) -> int:
        """Put what is decided otherwise today into a table; how many events these are."""
        encoder, noted = msgspec.json.Encoder(), 0
        changed = (
            {**dict(zip(EVENT, key, strict=True)), **msgspec.structs.asdict(now)}
            for key, before, now in self._decided(scope)
            if now is not None and now != before
        )
        while rows := list(islice(changed, PAGE)):
            lines = encoder.encode_lines(rows)
            self._client.raw_insert(into, insert_block=lines, fmt="JSONEachRow", settings=FILLING)
            noted += len(rows)
        return noted

    def _decided(self, scope: Scope) -> Iterator[tuple[Key, Facts, Facts | None]]:
        """Each event whose payload is kept: its key, what is stored, what is decided today."""
        for site_id, day, count in self._days(scope):
            pages = -(-count // PAGE)
            for page in range(pages):
                bound = {"site": site_id, "day": day, "page": page, "pages": pages}
                at = self._table("user_behavior_silver").at
                for epoch, partition, offset, payload, *stored in self._ask(self._events_sql(), bound, at=at):
                    before = Facts(**dict(zip(FACTS, stored, strict=True)))
                    now = decided(payload, before=before, rules=self._rules, enrich=self._enrich)
                    yield (epoch, partition, offset), before, now
            self._log.info("reclassify.read", site_id=site_id, day=str(day), events=count)

    def _days(self, scope: Scope) -> Sequence[tuple[str, date, int]]:
        at = self._table("user_behavior_silver").at
        return self._ask(
            f"SELECT site_id, local_date, count() FROM {at} WHERE {_WITHIN} "
            "GROUP BY site_id, local_date ORDER BY site_id, local_date",
            scope.bound(),
            at=at,
        )

    def _without_payload(self, scope: Scope, *, seen: int) -> int:
        return sum(count for _, _, count in self._days(scope)) - seen

    def _events_sql(self) -> str:
        keys = ", ".join(EVENT)
        its_page = f"cityHash64({keys}) % {{pages:UInt32}} = {{page:UInt32}}"
        where = f"site_id = {{site:String}} AND local_date = {{day:Date}} AND {its_page}"
        kept = " UNION ALL ".join(
            f"SELECT {keys}, payload FROM {self._table(name).at} WHERE {where}" for name in EVENT_BRONZE
        )
        facts = ", ".join(FACTS)
        return (
            f"SELECT {keys}, payload, {facts} FROM "
            f"(SELECT {keys}, {facts} FROM {self._table('user_behavior_silver').at} WHERE {where}) AS s "
            f"INNER JOIN ({kept}) AS b USING ({keys})"
        )

    def _table(self, name: str) -> Table:
        return self._catalogue.tables[name]

    def _ask(self, sql: str, bound: Mapping[str, Any], *, at: str) -> Sequence[Any]:
        try:
            rows: Sequence[Any] = self._client.query(sql, parameters=dict(bound)).result_rows
        except ClickHouseError as error:
            raise refused(error, at=at) from error
        return rows
