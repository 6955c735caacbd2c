"""The same events in any order, twice, by one worker or three: the same gold, value for value."""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from app.events.wire import WebEvent
from tests.e2e.crash import encoded, traffic
from tests.e2e.crew import Crew
from tests.e2e.deployment import Deployment
from tests.e2e.recount import GOLD_SQL, OF_RECEIPTS

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio]

EVENTS = 1500
Events = list[WebEvent]

#: All of them lie within one day, which is the grace period.
ARRANGEMENTS: dict[str, Callable[[Events], Events]] = {
    "in_order": lambda events: events,
    "reversed": lambda events: events[::-1],
    "shuffled": lambda events: random.Random(3).sample(events, len(events)),
    "twice": lambda events: random.Random(4).sample(events * 2, len(events) * 2),
}
_STATE = re.compile(r"AggregateFunction\((?P<function>\w+)(?P<parameters>\([^)]*\))?, ")
_SIMPLE = re.compile(r"SimpleAggregateFunction\((?P<function>\w+), ")
#: When rows were written is no fact about the events.
WRITTEN = frozenset({"inserted_at", "last_inserted_at"})


async def test_gold_depends_on_the_events_alone(deployment: Deployment) -> None:
    """An arrangement has sites of its own; visitors, ids and all else are the same."""
    events, crew = traffic(EVENTS), Crew(deployment)
    deployment.wait_until_topics_exist(crew.start())
    for workers in (1, 3):
        while len(crew.workers) < workers:
            crew.start()
        crew.wait_until_shared()
        await deployment.produce_raw(
            [message for name in ARRANGEMENTS for message in arranged(events, name, workers=workers)]
        )
        deployment.wait_until_drained(crew.first)
    for worker in list(crew.workers):
        crew.end(worker, signal.SIGTERM)
    # What became of receipts does depend on how often an event arrived, and on the blocks.
    for table in {name for (name,) in deployment.ask(GOLD_SQL)} - OF_RECEIPTS.keys():
        by_arrangement = gold(deployment, table)
        expected = by_arrangement["in_order-1"]
        assert expected, table
        assert len(by_arrangement) == 2 * len(ARRANGEMENTS)
        for name, rows in by_arrangement.items():
            assert rows == expected, f"{table}, {name}"


def arranged(events: Sequence[WebEvent], name: str, *, workers: int) -> list[tuple[bytes | None, bytes]]:
    """Messages of the events, in the arrangement, on its own sites."""
    return encoded(
        [
            msgspec.structs.replace(event, site_id=f"{event.site_id}.{name}-{workers}")
            for event in ARRANGEMENTS[name](list(events))
        ]
    )


def gold(deployment: Deployment, table: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a gold, by arrangement: keys, then each value as it is read; without those of nothing."""
    columns = deployment.ask(
        "SELECT name, type, is_in_sorting_key FROM system.columns "
        f"WHERE database = '{{db}}' AND table = '{table}' ORDER BY position"
    )
    keys = [name for name, _, is_key in columns if is_key and name != "site_id"]
    values = [_read(name, kind) for name, kind, is_key in columns if not is_key and name not in WRITTEN]
    asked = deployment.ask(
        f"SELECT splitByChar('.', site_id)[2] AS arrangement, splitByChar('.', site_id)[1] AS site, "
        f"{', '.join([*keys, *values])} FROM {{db}}.{table} GROUP BY site_id, {', '.join(keys)} "
        f"HAVING sum(rows) != 0 ORDER BY arrangement, site, {', '.join(keys)}"
    )
    by_arrangement: dict[str, list[tuple[Any, ...]]] = {}
    for arrangement, *row in asked:
        by_arrangement.setdefault(arrangement, []).append(tuple(row))
    return by_arrangement


def _read(name: str, kind: str) -> str:
    """What a reader sums or merges of a column."""
    if state := _STATE.match(kind):
        return f"toString({state['function']}Merge{state['parameters'] or ''}({name}))"
    if "Map(" in kind:
        # What was taken back stays as a zero until a merge.
        return f"toString(mapFilter((_, count) -> count != 0, sumMap({name})))"
    simple = _SIMPLE.match(kind)
    return f"toString({simple['function'] if simple else 'sum'}({name}))"
