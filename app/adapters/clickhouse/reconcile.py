"""Bronze against silver, silver against each gold, by site and day -> what differs; and rebuilds it.

A rebuild makes the days that differ anew from their source, beside the other rows of the same partitions as
they are, in a table of the same structure, and then replaces the partitions: readers see the old or the new,
never less. TRICKY: a replaced partition forgets what reached it meanwhile, and a block that is still to be
repeated would be counted by the rebuild and by its repetition. So every block must be committed before, and
after a rebuild everything is compared again, until nothing differs or nothing can be done.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.catalogue import FIRST_DAY, load
from app.adapters.clickhouse.codes import ask, refused
from app.adapters.clickhouse.layers import Comparison, gold_comparisons, layer_comparisons
from app.adapters.clickhouse.repair import FILLING, staged
from app.adapters.clickhouse.retention import OTHERS, comparable_days
from app.adapters.clickhouse.watching import UNWATCHED, Watch
from app.core.differences import Difference, Figure, lasting, rebuildable
from app.errors import ReconcileError

#: Looks at what differs, and the pause in between, before it is taken to differ for good.
LOOKS = 3
PAUSE_S = 1.0
#: Rebuilds, each compared afterwards. The second mends what reached a partition during the first.
ROUNDS = 4
#: How far from a period the rows lie that its golds are made anew from: a gold of one day more on either side
#: is, and so is the week that this day lies in.
GOLD_REACH = timedelta(days=7)
#: The last day that has one after it, as a Date counts.
LAST_DAY = date(2149, 6, 5)

_BLOCKS_SQL = """
SELECT _partition, max(_batch_end) FROM {database:Identifier}.block_ledger WHERE _epoch = {epoch:UInt32}
GROUP BY _partition ORDER BY _partition
"""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """A site, or all where it is empty; days from ``first`` to ``last``, both included."""

    site_id: str = ""
    first: date = FIRST_DAY
    last: date = LAST_DAY

    def bound(self) -> dict[str, Any]:
        """The parameters of every statement."""
        return {"sites": [self.site_id] if self.site_id else [], "first": self.first, "last": self.last}


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """A table of which days were made anew."""

    table: str
    days: list[tuple[str, date]]
    partitions: list[str]


class Reconciler:
    """Compares and rebuilds one database; every method raises ReconcileError when ClickHouse refuses."""

    def __init__(
        self, client: Client, *, database: str, today: date | None = None, pause_s: float = PAUSE_S
    ) -> None:
        self._client = client
        self._database = database
        self._today = today or datetime.now(UTC).date()
        self._pause_s = pause_s
        self._log = log.get("reconcile")
        try:
            self._catalogue = load(client, database=database)
            self._kept_from = comparable_days(
                client, database=database, today=self._today, born=self._catalogue.born
            )
        except ClickHouseError as error:
            raise refused(error, at=f"the schema of {database}") from error
        self._layers = layer_comparisons(self._catalogue)
        self._golds = gold_comparisons(self._catalogue)

    def compare(self, scope: Scope, *, watch: Watch = UNWATCHED) -> list[Difference]:
        """What differs for good, by table, site and day; a store where nothing does is read once."""
        return self._lasting([*self._layers, *self._golds], scope, watch)

    def refuse_torn(self, scope: Scope) -> None:
        """Raise ReconcileError where ``remake_golds`` would make gold of silver that lacks something."""
        if torn := self._lasting(self._layers, _around(scope)):
            at = ", ".join(sorted({f"{one.site_id} {one.day} ({one.table})" for one in torn}))
            raise ReconcileError(
                f"bronze and silver do not agree: {at}. Gold of these days and of those around them would be "
                "made of less than it holds: run `wua reconcile --repair`, or keep the period "
                f"{GOLD_REACH.days + 1} days away from what that cannot mend"
            )

    def last_blocks(self, *, epoch: int) -> dict[int, int]:
        """Partition of the topic -> offset of the last event that the ledger knows."""
        rows = ask(self._client, _BLOCKS_SQL, {"database": self._database, "epoch": epoch}, at="block_ledger")
        return dict(rows)

    def rebuild(self, scope: Scope, *, watch: Watch = UNWATCHED) -> list[Rebuilt]:
        """Make anew what differs, until nothing does or nothing can be done; what was made anew, in order.

        Every block must be committed, so that none is repeated: the caller sees to it.
        """
        made: list[Rebuilt] = []
        for _ in range(ROUNDS):
            differences = self.compare(scope, watch=watch)
            done = self._rebuild_all(self._layers, differences, watch)
            done = done or self._rebuild_all(self._golds, [*differences, *self._beside(scope)], watch)
            if not done or done == made[-len(done) :]:
                break
            made += done
        return made

    def remake_golds(self, scope: Scope, *, of: AbstractSet[str], watch: Watch = UNWATCHED) -> list[Rebuilt]:
        """Make these days of every gold of the tables anew, whether they differ or not; as ``rebuild``.

        Days that retention may have taken rows of stay: gold is all there is of them. ``refuse_torn`` comes
        first.
        """
        made = []
        golds = [one for one in self._golds if one.table.source in of]
        watch.begin("make golds anew", parts=len(golds))
        for one in golds:
            if days := self._all_days(one, scope):
                made.append(self._rebuild(one, days))
            watch.part(one.table.name)
        return made

    def _beside(self, scope: Scope) -> list[Difference]:
        """What differs of the layers, also beside the scope: no week of gold is made of torn days."""
        around = _around(scope)
        return [] if around == scope else self._lasting(self._layers, around)

    def _all_days(self, one: Comparison, scope: Scope) -> list[tuple[str, date]]:
        """The days of a gold that events or sessions of these days may have a part in."""
        rows = [f"SELECT site_id, {one.day} AS day FROM ({select})" for select in (one.wanted, one.found)]
        monday = "toMonday({first:Date} - 1)" if one.table.has_weeks else "{first:Date} - 1"
        beside = f"day BETWEEN {monday} AND {{last:Date}} + 1"
        answer = ask(
            self._client,
            f"SELECT DISTINCT site_id, day FROM {_either(rows)} "
            f"WHERE {beside} AND day >= {{oldest:Date}} ORDER BY 1, 2",
            {**scope.bound(), "oldest": self._oldest(one)},
            at=one.table.at,
        )
        return [(site_id, day) for site_id, day in answer if day >= self._first_day(one, site_id)]

    def _lasting(
        self, comparisons: Sequence[Comparison], scope: Scope, watch: Watch = UNWATCHED
    ) -> list[Difference]:
        def look() -> list[Difference]:
            watch.begin("compare the layers", parts=len(comparisons))
            differences = []
            for one in comparisons:
                differences += self._differences(one, scope)
                watch.part(one.table.name)
            return differences

        looks = [look()]
        while looks[-1] and len(looks) < LOOKS:
            time.sleep(self._pause_s)
            looks.append(look())
        return lasting(looks)

    def _differences(self, one: Comparison, scope: Scope) -> list[Difference]:
        keys, names = ", ".join(one.keys), list(one.measures)
        rows = [
            f"SELECT {keys}, {_figured(one, wanted=wanted)} FROM ({select}) "
            f"WHERE {one.within} AND {one.day} >= {{oldest:Date}}"
            for select, wanted in ((one.wanted, True), (one.found, False))
        ]
        every = [f"{side}{number}" for side in "wf" for number in range(len(names))]
        sums = ", ".join(f"sum({name}) AS s{name}" for name in every)
        totals = ", ".join(f"sum(s{name})" for name in every)
        differs = " OR ".join(f"sw{number} != sf{number}" for number in range(len(names)))
        answer = ask(
            self._client,
            f"SELECT site_id, {one.day} AS day, countIf({differs}) AS differing, {totals} FROM ("
            f"SELECT {keys}, {sums} FROM {_either(rows)} GROUP BY {keys}) "
            "GROUP BY site_id, day HAVING differing > 0 ORDER BY site_id, day",
            self._bound(one, scope),
            at=one.table.at,
        )
        return [
            Difference(
                table=one.table.name,
                source=one.source,
                site_id=site_id,
                day=day,
                keys=count,
                figures=_figures(names, totals),
            )
            for site_id, day, count, *totals in answer
            if day >= self._first_day(one, site_id)
        ]

    def _first_day(self, one: Comparison, site_id: str) -> date:
        """The first day of which the site's own retention can have taken no row."""
        if not any(table.name in self._catalogue.people for table in (one.table, *one.sources)):
            return FIRST_DAY
        return self._kept_from.get(site_id, self._kept_from.get(OTHERS, FIRST_DAY))

    def _rebuild_all(
        self, comparisons: Sequence[Comparison], differences: Sequence[Difference], watch: Watch
    ) -> list[Rebuilt]:
        done = []
        if differences:
            watch.begin("rebuild what differs", parts=len(comparisons))
        for one in comparisons:
            sources = {table.name for table in one.sources}
            torn = [other for other in differences if other.table in sources]
            days = rebuildable(differences, of=one.table.name, torn=torn, in_weeks=one.table.has_weeks)
            if one.derived and days and not self._has_strays(one, days):
                done.append(self._rebuild(one, days))
            watch.part(one.table.name)
        return done

    def _has_strays(self, one: Comparison, days: Sequence[tuple[str, date]]) -> bool:
        """Whether the table has blocks that its source lacks: then it is the source that is torn."""
        if not one.strays:
            return False
        return any(
            ask(
                self._client,
                f"SELECT count() FROM ({one.strays})",
                Scope(site_id=site_id, first=day, last=day).bound(),
                at=one.table.at,
            )[0][0]
            for site_id, day in days
        )

    def _rebuild(self, one: Comparison, days: list[tuple[str, date]]) -> Rebuilt:
        table, at = one.table, one.table.at
        first, last = min(day for _, day in days), max(day for _, day in days)
        bound = {
            "sites": sorted({site_id for site_id, _ in days}),
            "first": first,
            "last": last,
            "days": days,
        }
        is_theirs = f"(site_id, {one.day}) IN {{days:Array(Tuple(String, Date))}}"
        anew = f"SELECT * FROM ({one.derived}) WHERE {is_theirs}"
        name = f"reconcile_{uuid.uuid4().hex}"
        columns = ", ".join(table.columns)
        try:
            with staged(self._client, table, anew, name=name, bound=bound) as stage:
                partitions = self._ids(stage, f"{at} WHERE {is_theirs}", bound=bound)
                self._client.command(
                    f"INSERT INTO {stage} ({columns}) SELECT {columns} FROM {at} "
                    f"WHERE _partition_id IN {{partitions:Array(String)}} AND NOT ({is_theirs})",
                    parameters={**bound, "partitions": partitions},
                    settings=FILLING,
                )
                filled = self._ids(stage, bound=bound)
                for partition in partitions:
                    # An empty partition cannot replace another.
                    how = ("REPLACE", f" FROM {stage}") if partition in filled else ("DROP", "")
                    self._client.command(f"ALTER TABLE {at} {how[0]} PARTITION ID '{partition}'{how[1]}")
        except ClickHouseError as error:
            raise refused(error, at=at) from error
        self._log.warning("reconcile.rebuilt", table=table.name, days=len(days), partitions=partitions)
        return Rebuilt(table=table.name, days=days, partitions=partitions)

    def _ids(self, *of: str, bound: Mapping[str, Any]) -> list[str]:
        """The partitions that rows of these tables lie in."""
        selects = [f"SELECT _partition_id FROM {one}" for one in of]
        rows = ask(
            self._client, f"SELECT DISTINCT _partition_id FROM {_either(selects)} ORDER BY 1", bound, at=of[0]
        )
        return [partition for (partition,) in rows]

    def _bound(self, one: Comparison, scope: Scope) -> dict[str, Any]:
        oldest = self._oldest(one)
        return {**scope.bound(), "first": max(scope.first, oldest), "oldest": oldest}

    def _oldest(self, one: Comparison) -> date:
        return self._catalogue.comparable_from(one.table, *one.sources, today=self._today)


def _around(scope: Scope) -> Scope:
    """The days whose rows gold of the scope is made of."""
    return Scope(
        site_id=scope.site_id,
        first=max(scope.first, FIRST_DAY + GOLD_REACH) - GOLD_REACH,
        last=min(scope.last, LAST_DAY - GOLD_REACH) + GOLD_REACH,
    )


def _figured(one: Comparison, *, wanted: bool) -> str:
    """The measures as ``w0, w1, ... f0, f1, ...``: of rows that are wanted, or of those that were found."""
    nothing = ["toDecimal128(0, 4)"] * len(one.measures)
    figures = list(one.measures.values())
    sides = {"w": figures if wanted else nothing, "f": nothing if wanted else figures}
    return ", ".join(
        f"{figure} AS {side}{number}" for side, those in sides.items() for number, figure in enumerate(those)
    )


def _either(selects: Sequence[str]) -> str:
    return f"({' UNION ALL '.join(selects)})"


def _figures(names: Sequence[str], totals: Sequence[Decimal]) -> dict[str, Figure]:
    """The figures that differ, of the totals of the source followed by those of the table."""
    pairs = zip(names, totals[: len(names)], totals[len(names) :], strict=True)
    return {name: Figure(wanted=wanted, found=found) for name, wanted, found in pairs if wanted != found}
