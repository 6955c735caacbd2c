"""Blocks of some traffic, holes as an unclean end of the engine leaves them, and what tables say."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from app.adapters.clickhouse.catalogue import load
from app.adapters.clickhouse.repair import Block
from app.events.rows import EventRow, SessionRow
from tests.sql.store import AT, MINUTE, Store, block, event, retracted, session

Rows = Sequence[EventRow | SessionRow]
HOUR = 60 * MINUTE
#: What a retraction does not repeat of the row that it takes back.
UNSTATED = ("inserted_at", "_batch_id", "_batch_start", "_batch_end")
#: An empty part that is cleared away would take its token with it.
HELD = (
    "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1, "
    "remove_empty_parts = 0"
)


def event_block(number: int, *, partition: int = 0, site: str = "shop", at: int = AT) -> list[EventRow]:
    """Ten records that share days and pages with every other block, and visitors with none."""
    within = block(start=10 * number, end=10 * number + 9, partition=partition)
    kinds: list[dict[str, Any]] = [
        {"event_type": "page_view", "ttfb_ms": 790 + number, "load_ms": 900},
        {"event_type": "page_view", "path": "/b"},
        {"event_type": "click"},
        {"event_type": "custom_event", "name": "$alias", "user_id": "u", "properties": '{"previous_id":"p"}'},
        {
            "event_type": "custom_event",
            "name": "$purchase",
            "user_id": "u",
            "revenue": 19.99,
            "is_conversion": 1,
        },
        {"outcome": "rejected", "reason": "bad_url", "step": "decode", "local_date": ""},
        {"outcome": "duplicate", "session_id": "", "local_date": ""},
        {"event_type": "page_view", "event_at": at + 14 * HOUR, "local_date": "2015-05-18"},
        {"event_type": "custom_event", "name": "$page_leave", "engaged_ms": 700 + number},
        {"event_type": "page_view", "is_bot": 1},
    ]
    return [
        event(
            within,
            **{"event_at": at, **kind},
            offset=within["batch_start"] + offset,
            site_id=site,
            visitor_id=f"v{number}.{offset % 3}",
        )
        for offset, kind in enumerate(kinds)
    ]


def session_block(number: int, *, partition: int = 0, before: Sequence[SessionRow] = ()) -> list[SessionRow]:
    """A new session of each of two visitors, and the sessions of ``before`` extended by an event."""
    within = block(start=10 * number, end=10 * number + 9, partition=partition)
    made = [
        session(
            within,
            session_id=str(uuid.UUID(int=1000 * number + visitor)),
            visitor_id=f"v{number}.{visitor}",
            duration_ms=100 * visitor,
        )
        for visitor in range(2)
    ]
    for row in before:
        if row.sign > 0:
            made += [retracted(row, within), msgspec.structs.replace(row, **within, version=row.version + 1)]
            made[-1] = msgspec.structs.replace(made[-1], events=row.events + 1, duration_ms=5000)
    return made


def as_sent(rows: Rows) -> Block:
    """The rows of a block as the sink sends them."""
    landing = "events_in" if isinstance(rows[0], EventRow) else "sessions_in"
    lines = msgspec.json.Encoder().encode_lines(rows)
    return Block(landing=landing, batch_id=rows[0].batch_id, lines=lines)


def hold_merges(store: Store) -> None:
    """Let every part stay as it was made; to stop merges would stop deletions, too."""
    for table in store.tables():
        store.run(f"ALTER TABLE {{db}}.{table} MODIFY SETTING {HELD}")


def tear(store: Store, tables: Sequence[str], write: Callable[[], None]) -> None:
    """Let ``write`` happen, and take away the parts that it made in each of ``tables``: their tokens stay."""
    before = store.parts()
    write()
    after = store.parts()
    for table in tables:
        names = ", ".join(f"'{name}'" for name, _ in set(after[table]) - set(before[table]))
        assert names, f"nothing was written to {table}"
        delete(store, table, where=f"_part IN ({names})")


def delete(store: Store, table: str, *, where: str) -> None:
    """Take rows away, and leave the tokens of their blocks."""
    store.client.command(
        f"ALTER TABLE {store.database}.{table} DELETE WHERE {where}", settings={"mutations_sync": 2}
    )


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows as readers take them: states finished, signs summed, times of writing left out.

    What was taken back whole may stay as a row of zeros until a merge, and is none.
    """
    catalogue = load(store.client, database=store.database)
    found = {}
    for name, table in catalogue.tables.items():
        if table in catalogue.golds:
            keys = ", ".join(table.keys)
            figures = ", ".join(
                _finished(column, kind)
                for column, kind in table.columns.items()
                if column not in (*table.keys, "inserted_at", "last_inserted_at")
            )
            stands = " OR ".join(f"sum({measure}) != 0" for measure in table.measures.values())
            sql = (
                f"SELECT {keys}, {figures} FROM {{db}}.{name} GROUP BY {keys} HAVING {stands} ORDER BY {keys}"
            )
        elif "sign" in table.columns:
            columns = ", ".join(name for name in table.columns if name not in (*UNSTATED, "sign"))
            sql = (
                f"SELECT {columns}, sum(sign) FROM {{db}}.{name} GROUP BY {columns} HAVING sum(sign) != 0 "
                f"ORDER BY {columns}"
            )
        else:
            columns = ", ".join(column for column in table.columns if column != "inserted_at")
            sql = f"SELECT {columns} FROM {{db}}.{name} ORDER BY {columns}"
        found[name] = store.ask(sql)
    return found


def _finished(column: str, kind: str) -> str:
    if kind.startswith("AggregateFunction(quantiles"):
        return f"toString(quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)({column}))"
    if kind.startswith("AggregateFunction(uniq"):
        return f"finalizeAggregation(uniqCombined64MergeState({_precision(kind)})({column}))"
    if simple := re.match(r"SimpleAggregateFunction\((\w+), ", kind):
        return f"{simple[1]}({column})"
    return f"sum({column})"


def _precision(kind: str) -> str:
    return kind.partition("uniqCombined64(")[2].partition(")")[0]
