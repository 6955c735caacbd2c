"""bronze payloads, rules of today -> silver and gold with what is decided today; nothing where all agree.

Events are compared with user_behavior_silver. What differs is written by making whole partitions anew beside
those that are there and putting them in their places: each step is done or not, and says the same however
often it is taken. The table that is compared comes last, so that a run after one that was killed finds what
is left; and by which rules the events were decided is noted when all else is done. Sessions follow from their
events in silver, and every gold of these days is made anew from silver, whether or not it differs: a sketch
does not show what went into it.

The writers have to stand still, as for a rebuild (app.adapters.clickhouse.reconcile), and no event may reach
the sessions any more: their workers would take back what they had stated before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.catalogue import Table, load
from app.adapters.clickhouse.codes import ask, refused
from app.adapters.clickhouse.layers import AROUND, EVENT_BRONZE, SITES
from app.adapters.clickhouse.outdated import Standing, find_outdated
from app.adapters.clickhouse.recast import (
    EVENT,
    FACTS,
    MARKED,
    SESSION,
    VERSION,
    changes,
    find_sessions,
    mark,
    recast,
)
from app.adapters.clickhouse.reconcile import Rebuilt, Reconciler, Scope
from app.adapters.clickhouse.repair import FILLING
from app.adapters.clickhouse.watching import UNWATCHED, Watch
from app.adapters.enricher import Enricher
from app.core.reclassify import Facts, decided, differing
from app.core.rules import Rules

#: Events that are read at a time.
PAGE = 50_000
#: What `geo_version` says where no database was asked for the address.
NO_DATABASE = ""
_WITHIN = f"{SITES} AND local_date BETWEEN {{first:Date}} AND {{last:Date}}"

Key = tuple[int, int, int]


class Judged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event whose payload is kept: as it is stored, and as it is decided today, by rules of ``version``.

    ``is_current``: it was decided by these very rules.
    """

    key: Key
    before: Facts
    now: Facts | None
    version: str
    is_current: bool

    @property
    def is_changed(self) -> bool:
        """Whether it is decided otherwise today."""
        return self.now is not None and self.now != self.before


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

    @classmethod
    def of(cls, parts: Sequence[Compared]) -> Compared:
        """What several periods came to."""
        found: Counter[tuple[str, str, str]] = Counter()
        for part in parts:
            found.update({(one.what, one.stored, one.today): one.events for one in part.differing})
        return cls(
            events=sum(part.events for part in parts),
            changed=sum(part.changed for part in parts),
            without_payload=sum(part.without_payload for part in parts),
            differing=_differing(found),
        )


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: events and sessions that changed, and the golds that were made anew.

    ``marked``: events that were decided the same by other rules, and now have the version of today's.
    """

    events: int
    marked: int
    sessions: int
    rebuilt: list[Rebuilt]

    @classmethod
    def of(cls, parts: Sequence[Done]) -> Done:
        """What was written for several periods."""
        return cls(
            events=sum(part.events for part in parts),
            marked=sum(part.marked for part in parts),
            sessions=sum(part.sessions for part in parts),
            rebuilt=[one for part in parts for one in part.rebuilt],
        )


class Reclassifier:
    """Compares and rewrites one database; every method raises ReconcileError when ClickHouse refuses."""

    def __init__(
        self,
        client: Client,
        *,
        database: str,
        rules: Rules,
        enrich: Enricher,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._client, self._database = client, database
        self._rules, self._enrich, self._watch = rules, enrich, watch
        self._log = log.get("reclassify")
        try:
            self._catalogue = load(client, database=database)
        except ClickHouseError as error:
            raise refused(error, at=f"the schema of {database}") from error

    def last_receipt(self, scope: Scope) -> datetime | None:
        """When the last event of these days and of those beside them was received; None: there is none."""
        at = self._table("user_behavior_silver").at
        ((count, last),) = ask(
            self._client,
            f"SELECT count(), max(received_at) FROM {at} WHERE {AROUND}",
            scope.bound(),
            at=at,
        )
        return last if count else None

    def outdated(self, scope: Scope, *, closed_before_ms: int) -> Standing:
        """Which days have events that were decided by other rules, and have a payload to be judged by.

        A day is open where an event of it, or of one beside it, was received at ``closed_before_ms`` or
        later.
        """
        return find_outdated(
            self._client, self._catalogue, scope, version=self._version, closed_before_ms=closed_before_ms
        )

    def compare(self, scope: Scope, *, outdated: bool = False) -> Compared:
        """What would be decided otherwise today; with ``outdated`` of events that other rules decided."""
        found: Counter[tuple[str, str, str]] = Counter()
        events = changed = left = 0
        self._begin("compare", scope)
        for one in self._decided(scope, outdated=outdated):
            if one.now is None:
                left += 1
                continue
            events += 1
            changed += one.is_changed
            found.update(differing(one.before, one.now))
        seen = events + left
        return Compared(
            events=events,
            changed=changed,
            without_payload=left if outdated else left + self._without_payload(scope, seen=seen),
            differing=_differing(found),
        )

    def apply(self, scope: Scope, *, outdated: bool = False) -> Done:
        """Write what is decided today into silver and gold; the writers have to stand still.

        Raises ReconcileError, with nothing written, where silver and bronze differ around these days.
        """
        reconciler = Reconciler(self._client, database=self._database)
        reconciler.refuse_torn(scope)
        behavior, views = self._table("user_behavior_silver"), self._table("page_views_silver")
        said, sessions = self._table("user_sessions_bronze"), self._table("sessions_silver")
        try:
            with changes(self._client, behavior, keys=EVENT) as changed:
                events, marked = self._note(scope, into=changed, outdated=outdated)
                for table in (views, behavior):
                    recast(self._client, table, changed, keys=EVENT, watch=self._watch)
                with changes(self._client, sessions, keys=SESSION) as restated:
                    stated = find_sessions(self._client, self._catalogue, scope, into=restated)
                    for table in (said, sessions):
                        recast(self._client, table, restated, keys=SESSION, watch=self._watch)
                made_from = {behavior.name, views.name, sessions.name}
                rebuilt = reconciler.remake_golds(scope, of=made_from, watch=self._watch)
                mark(self._client, behavior, changed, keys=EVENT, watch=self._watch)
        except ClickHouseError as error:
            raise refused(error, at=self._database) from error
        self._log.warning(
            "reclassify.done", events=events, marked=marked, sessions=stated, golds=len(rebuilt)
        )
        return Done(events=events, marked=marked, sessions=stated, rebuilt=rebuilt)

    def _note(self, scope: Scope, *, into: str, outdated: bool) -> tuple[int, int]:
        """Put what is decided otherwise or by other rules into a table; how many these are."""
        encoder, noted, marked = msgspec.json.Encoder(), 0, 0
        self._begin("judge", scope)
        due = (one for one in self._decided(scope, outdated=outdated) if one.is_changed or not one.is_current)
        while some := list(islice(due, PAGE)):
            lines = encoder.encode_lines([_row(one) for one in some])
            self._client.raw_insert(into, insert_block=lines, fmt="JSONEachRow", settings=FILLING)
            changed = sum(one.is_changed for one in some)
            noted, marked = noted + changed, marked + len(some) - changed
        return noted, marked

    def _decided(self, scope: Scope, *, outdated: bool) -> Iterator[Judged]:
        """Each event whose payload is kept; with ``outdated`` only those that other rules decided."""
        at = self._table("user_behavior_silver").at
        for site_id, day, count in self._days(scope):
            pages = -(-count // PAGE)
            version = self._version(site_id)
            for page in range(pages):
                bound = {"site": site_id, "day": day, "page": page, "pages": pages}
                bound["but"] = version if outdated else ""
                rows = ask(self._client, self._events_sql(), bound, at=at)
                for epoch, partition, offset, payload, was, geo, *stored in rows:
                    before = Facts(**dict(zip(FACTS, stored, strict=True)))
                    now = decided(
                        payload,
                        before=before,
                        rules=self._rules,
                        enrich=self._enrich,
                        keeps_place=geo != NO_DATABASE,
                    )
                    yield Judged(
                        key=(epoch, partition, offset),
                        before=before,
                        now=now,
                        version=version,
                        is_current=was == version,
                    )
                self._watch.advance(count // pages)
            self._watch.part(f"{site_id} {day}")

    def _begin(self, phase: str, scope: Scope) -> None:
        days = self._days(scope)
        self._watch.begin(phase, parts=len(days), rows=sum(count for _, _, count in days))

    def _version(self, site_id: str) -> str:
        """What the site's events are decided by today."""
        return self._enrich.versions(self._rules.site(site_id)).rules

    def _days(self, scope: Scope) -> Sequence[tuple[str, date, int]]:
        at = self._table("user_behavior_silver").at
        return ask(
            self._client,
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
            f"SELECT {keys}, payload, {VERSION}, geo_version, {facts} FROM "
            f"(SELECT {keys}, {VERSION}, geo_version, {facts} FROM {self._table('user_behavior_silver').at} "
            f"WHERE {where} AND {VERSION} != {{but:String}}) AS s "
            f"INNER JOIN ({kept}) AS b USING ({keys})"
        )

    def _table(self, name: str) -> Table:
        return self._catalogue.tables[name]


def _differing(found: Counter[tuple[str, str, str]]) -> list[Differing]:
    """The most events first."""
    return [
        Differing(what=what, stored=was, today=now, events=count)
        for (what, was, now), count in sorted(found.items(), key=lambda one: (-one[1], one[0]))
    ]


def _row(one: Judged) -> dict[str, object]:
    """As it is put beside the table; one that would be refused today keeps what it has."""
    return {
        **dict(zip(EVENT, one.key, strict=True)),
        **msgspec.structs.asdict(one.now or one.before),
        VERSION: one.version,
        "is_changed": 1 if one.is_changed else MARKED,
    }
