"""A block that an unclean end of the engine may have torn -> the same block in every table, once.

Plain MergeTree notes a block's token before the part is there. When the engine dies between the two, the
token is without its rows, and the repeated insert is dropped in that one table. So a block that was under way
when the engine ended is looked for in each table after its insert was acknowledged, and put where it is
missing. A part is there as a whole or not at all, so each partition of a table has the block or lacks it:

- bronze, silver, ledger: by ``_batch_id``;
- gold: by its sums over the keys of the block, silver against gold. While blocks of other partitions of the
  topic are half-way the sums fit neither, and are looked at again.

What is missing goes through the view's own SELECT into a table of the same structure, whose partition is
attached: at once for readers, past the deduplication, and past the views that hang on silver, for these have
had the block. Blocks of replicated tables need none of this: Keeper takes token and part in one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.catalogue import FIRST_DAY, Catalogue, Table
from app.core.holes import Observed, Verdict, judge

#: Into a table of our own, of whole partitions: nothing to deduplicate, and many partitions are no mistake.
FILLING = {"async_insert": 0, "insert_deduplicate": 0, "max_partitions_per_insert_block": 0}
#: Rows that may share a key with the block: a bucket of UTC reaches over two days of a site.
SCOPE = "site_id IN {sites:Array(String)} AND local_date BETWEEN {first:Date} - 1 AND {last:Date} + 1"
#: And in a gold that has rows of weeks, too: those of the weeks that the block has a day of.
WEEKS = (
    "site_id IN {sites:Array(String)} "
    "AND toMonday(local_date) BETWEEN toMonday({first:Date}) AND toMonday({last:Date})"
)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block whose insert was acknowledged: its rows as they were sent, as lines of JSON."""

    landing: str
    batch_id: str
    lines: bytes


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """The sites and days that a block has rows of in one table; no site where it has none."""

    sites: tuple[str, ...]
    first: date
    last: date

    def bound(self, batch_id: str) -> dict[str, Any]:
        """The parameters of the statements about the block."""
        first = max(self.first, FIRST_DAY)
        return {"sites": list(self.sites), "first": first, "last": self.last, "batch": batch_id}


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """A gold that a block feeds by way of silver, and where its rows are in both."""

    gold: Table
    reach: Reach


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a block in one table: partitions that were filled, and those that fit nothing."""

    table: str
    filled: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()


def uptime_s(client: Client) -> float:
    """For how long the engine has been up."""
    return float(client.query("SELECT uptime()").result_rows[0][0])


def mend_layers(client: Client, block: Block, *, known: Catalogue) -> tuple[list[Look], list[Fed]]:
    """Put the block where bronze, silver or ledger lack it; what was seen, and which golds it feeds."""
    looks: list[Look] = []
    fed: list[Fed] = []
    with _landed(client, block, database=known.database) as stage:
        for table in known.fed_by(block.landing):
            select = table.select_from(stage)
            with staged(client, table, select, name=_name(block, table.name), bound={}) as wanted:
                looks.append(_mend_layer(client, table, block, wanted=wanted))
                golds = known.fed_by(table.name)
                if golds and (reach := _reach(client, wanted)).sites:
                    fed += [Fed(gold=gold, reach=reach) for gold in golds]
    return looks, fed


def mend_gold(client: Client, fed: Fed, block: Block, *, known: Catalogue) -> Look:
    """Put the block where the gold lacks it.

    Call it while no other block is under way, as far as that can be known; what is unsettled may be settled
    by another look.
    """
    gold, reach = fed.gold, fed.reach
    source = known.tables[gold.source]
    from_day = known.comparable_from(gold, source, today=datetime.now(UTC).date())
    bound = {**reach.bound(block.batch_id), "from": from_day}
    rows = f"(SELECT * FROM {source.at} WHERE _batch_id = toUUID({{batch:String}}) AND {SCOPE})"
    with staged(client, gold, gold.select_from(rows), name=_name(block, gold.name), bound=bound) as stage:
        verdicts = judge(_observed(client, gold, source, stage=stage, bound=bound))
        lacking = tuple(part for part, verdict in verdicts.items() if verdict is Verdict.LACKS)
        _attach(client, gold, stage, lacking)
    unsettled = tuple(part for part, verdict in verdicts.items() if verdict is Verdict.OTHER)
    return Look(table=gold.name, filled=lacking, unsettled=unsettled)


@contextmanager
def staged(
    client: Client, table: Table, select: str, *, name: str, bound: Mapping[str, Any]
) -> Iterator[str]:
    """A table of the structure of ``table`` with the rows of ``select``, for as long as the context lasts."""
    stage = f"{table.database}.{name}"
    columns = ", ".join(table.columns)
    client.command(f"DROP TABLE IF EXISTS {stage} SYNC")
    client.command(f"CREATE TABLE {stage} AS {table.at}")
    try:
        client.command(
            f"INSERT INTO {stage} ({columns}) SELECT {columns} FROM ({select})",
            parameters=dict(bound),
            settings=FILLING,
        )
        yield stage
    finally:
        client.command(f"DROP TABLE IF EXISTS {stage} SYNC")


@contextmanager
def _landed(client: Client, block: Block, *, database: str) -> Iterator[str]:
    """The rows of the block in a table like the one that they were sent to, but one that keeps them."""
    stage = f"{database}.{_name(block, 'rows')}"
    client.command(f"DROP TABLE IF EXISTS {stage} SYNC")
    client.command(f"CREATE TABLE {stage} AS {database}.{block.landing} ENGINE = Memory")
    try:
        client.raw_insert(stage, insert_block=block.lines, fmt="JSONEachRow", settings=FILLING)
        yield stage
    finally:
        client.command(f"DROP TABLE IF EXISTS {stage} SYNC")


def _mend_layer(client: Client, table: Table, block: Block, *, wanted: str) -> Look:
    rows = client.query(
        f"SELECT part, sum(found) FROM ("
        f"SELECT _partition_id AS part, 0 AS found FROM {wanted} UNION ALL "
        f"SELECT _partition_id AS part, 1 AS found FROM {table.at} "
        f"WHERE _partition_id IN (SELECT DISTINCT _partition_id FROM {wanted}) "
        "AND _batch_id = toUUID({batch:String})) GROUP BY part",
        parameters={"batch": block.batch_id},
    ).result_rows
    lacking = tuple(part for part, found in rows if found == 0)
    _attach(client, table, wanted, lacking)
    return Look(table=table.name, filled=lacking)


def _reach(client: Client, wanted: str) -> Reach:
    sites, first, last = client.query(
        f"SELECT groupUniqArray(site_id), min(local_date), max(local_date) FROM {wanted}"
    ).result_rows[0]
    return Reach(sites=tuple(sites), first=first, last=last)


def _observed(
    client: Client, gold: Table, source: Table, *, stage: str, bound: Mapping[str, Any]
) -> list[Observed]:
    """The keys of the block in ``stage``, with what gold is short of, all seen in one moment."""
    keys = ", ".join(gold.keys)
    names = gold.measures
    mine = ", ".join(f"{figure} AS b_{name}" for name, figure in names.items())
    nothing = ", ".join(f"toDecimal128(0, 4) AS b_{name}" for name in names)
    plus = ", ".join(f"{figure} AS d_{name}" for name, figure in names.items())
    minus = ", ".join(f"-{figure} AS d_{name}" for name, figure in names.items())
    none = ", ".join(f"toDecimal128(0, 4) AS d_{name}" for name in names)
    totals = ", ".join(f"sum({kind}_{name})" for kind in "bd" for name in names)
    within = f"({keys}) IN (SELECT {keys} FROM {stage})"
    wanted = gold.select_from(f"(SELECT * FROM {source.at} WHERE {WEEKS if gold.has_weeks else SCOPE})")
    rows = client.query(
        f"SELECT max(part), {totals} FROM ("
        f"SELECT _partition_id AS part, {keys}, {mine}, {none} FROM {stage} UNION ALL "
        f"SELECT '' AS part, {keys}, {nothing}, {plus} FROM ({wanted}) WHERE {within} UNION ALL "
        f"SELECT '' AS part, {keys}, {nothing}, {minus} FROM {gold.at} WHERE {within}"
        f") WHERE {gold.day} >= {{from:Date}} GROUP BY {keys}",
        parameters=dict(bound),
    ).result_rows
    count = len(names)
    return [
        Observed(partition=part, of_block=tuple(figures[:count]), short=tuple(figures[count:]))
        for part, *figures in rows
    ]


def _attach(client: Client, table: Table, stage: str, partitions: tuple[str, ...]) -> None:
    for partition in partitions:
        client.command(f"ALTER TABLE {table.at} ATTACH PARTITION ID '{partition}' FROM {stage}")


def _name(block: Block, of: str) -> str:
    """The same at every try, so that what a try has left behind goes with the next."""
    return f"repair_{block.batch_id.replace('-', '')}_{block.landing}_{of}"
