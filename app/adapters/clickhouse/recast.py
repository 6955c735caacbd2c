"""What is decided of events today -> the same rows of silver with it, partition by partition.

A partition is written anew beside the one that is there and put in its place: a step is done or not, and says
the same however often it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.catalogue import Catalogue, Table
from app.adapters.clickhouse.layers import SITES
from app.adapters.clickhouse.reconcile import Scope
from app.adapters.clickhouse.repair import FILLING, staged
from app.adapters.clickhouse.watching import UNWATCHED, Watch
from app.core.reclassify import Facts
from app.events.vocabulary import BotReason

#: What names an event, and a statement about a session.
EVENT, SESSION = ("_epoch", "_partition", "_offset"), ("session_id", "version", "sign")
FACTS = Facts.__struct_fields__
#: And by which rules it was decided, which the events themselves have alone.
VERSION = "rules_version"
MARKED = 2

#: Sessions of the day before have events in the first, those of the last have some on the day after.
_BEGAN = f"{SITES} AND local_date BETWEEN {{first:Date}} - 1 AND {{last:Date}}"
_AROUND = f"{SITES} AND local_date BETWEEN {{first:Date}} - 1 AND {{last:Date}} + 1"


@contextmanager
def changes(client: Client, like: Table, *, keys: Sequence[str]) -> Iterator[str]:
    """A table for the rows that change, of the types of ``like``, for as long as the context lasts.

    ``is_changed`` of a row is 1, or MARKED where it keeps its facts and has another version.
    """
    name = f"{like.database}.reclassify_changes_{like.name}"
    columns = [*keys, *facts_in(like), *({VERSION} & like.columns.keys())]
    types = ", ".join(f"{column} {like.columns[column]}" for column in columns)
    client.command(f"DROP TABLE IF EXISTS {name} SYNC")
    client.command(
        f"CREATE TABLE {name} ({types}, is_changed UInt8 DEFAULT 1) "
        f"ENGINE = MergeTree ORDER BY ({', '.join(keys)})"
    )
    try:
        yield name
    finally:
        client.command(f"DROP TABLE IF EXISTS {name} SYNC")


def facts_in(table: Table) -> list[str]:
    """Those columns of a table that rules and tables decide."""
    return [name for name in FACTS if name in table.columns]


def recast(
    client: Client, table: Table, changed: str, *, keys: Sequence[str], watch: Watch = UNWATCHED
) -> list[str]:
    """Give the rows of ``table`` the facts that ``changed`` has for their keys; the partitions made anew."""
    facts, which = facts_in(table), "is_changed = 1"
    return _recast(client, table, f"(SELECT * FROM {changed} WHERE {which})", facts, keys=keys, watch=watch)


def mark(
    client: Client, table: Table, changed: str, *, keys: Sequence[str], watch: Watch = UNWATCHED
) -> list[str]:
    """Give them the version of the rules that ``changed`` has; the partitions made anew."""
    return _recast(client, table, changed, [VERSION], keys=keys, watch=watch)


def _recast(
    client: Client, table: Table, changed: str, names: Sequence[str], *, keys: Sequence[str], watch: Watch
) -> list[str]:
    named = ", ".join(keys)
    columns = ", ".join(
        f"if(c.is_changed != 0, c.{name}, s.{name}) AS {name}" if name in names else f"s.{name} AS {name}"
        for name in table.columns
    )
    same = " AND ".join(f"s.{key} = c.{key}" for key in keys)
    partitions = [
        partition
        for (partition,) in client.query(
            f"SELECT DISTINCT _partition_id FROM {table.at} "
            f"WHERE ({named}) IN (SELECT {named} FROM {changed}) ORDER BY 1"
        ).result_rows
    ]
    watch.begin(f"write {table.name}", parts=len(partitions))
    for partition in partitions:
        rows = f"(SELECT * FROM {table.at} WHERE _partition_id = {{partition:String}})"
        anew = f"SELECT {columns} FROM {rows} AS s LEFT ANY JOIN {changed} AS c ON {same}"
        bound = {"partition": partition}
        with staged(client, table, anew, name=f"reclassify_{table.name}", bound=bound) as stage:
            client.command(f"ALTER TABLE {table.at} REPLACE PARTITION ID '{partition}' FROM {stage}")
        watch.part(partition)
    return partitions


def find_sessions(client: Client, known: Catalogue, scope: Scope, *, into: str) -> int:
    """Note the statements whose facts are not those of their session's events in silver; how many these are.

    A session has the facts of its first event, and the bot reasons of all of them. One whose events are not
    all there is left as it is.
    """
    events, sessions = known.tables["user_behavior_silver"], known.tables["sessions_silver"]
    merges = known.tables["session_merges"]
    facts = facts_in(sessions)
    touched = [name for name in facts if name not in {"is_bot", "bot_reasons"}]
    told, first = ", ".join(facts), ", ".join(f"e.{name}" for name in touched)
    latest = ", ".join(f"argMax(s.{name}, s.version * s.sign) AS {name}" for name in ("events", *facts))
    named = ", ".join(f"o.first.{place} AS {name}" for place, name in enumerate(touched, start=1))
    differ = " OR ".join(f"n.{name} != n.was_{name}" for name in facts)
    were = ", ".join(f"l.{name} AS was_{name}" for name in facts)
    client.command(
        f"INSERT INTO {into} (session_id, version, sign, {told}) "
        f"SELECT session_id, version, 1 AS sign, {told} FROM ("
        f"SELECT l.session_id AS session_id, l.version AS version, {named}, {were}, "
        f"bitOr(o.reasons, bitAnd(l.bot_reasons, {int(BotReason.RATE)})) AS bot_reasons, "
        f"toUInt8(bot_reasons != 0) AS is_bot FROM ("
        f"SELECT s.session_id AS session_id, max(s.version * s.sign) AS version, {latest} "
        f"FROM {sessions.at} AS s WHERE {_BEGAN} GROUP BY s.session_id HAVING sum(s.sign) > 0) AS l "
        f"INNER JOIN (SELECT if(m.died = 1, m.heir, e.session_id) AS session_id, count() AS events, "
        f"groupBitOr(e.bot_reasons) AS reasons, "
        f"argMin(({first}), (e.event_at, toString(e.event_id))) AS first FROM "
        f"(SELECT * FROM {events.at} WHERE {_AROUND}) AS e LEFT JOIN ("
        f"SELECT session_id, argMax(merged_into, version) AS heir, 1 AS died FROM {merges.at} "
        f"WHERE {SITES} GROUP BY session_id) AS m ON m.session_id = e.session_id "
        "GROUP BY session_id) AS o ON o.session_id = l.session_id WHERE o.events = l.events"
        f") AS n WHERE {differ}",
        parameters=scope.bound(),
        settings=FILLING,
    )
    return int(client.query(f"SELECT count() FROM {into}").result_rows[0][0])
