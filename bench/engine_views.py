"""What each materialized view costs the engine, fixed for a block and for each event in it.

Blocks of two sizes are inserted into chDB in this process with all views; then views are detached one after
the other, those that feed no other first, and what an insert then costs less is the view's. CPU time of the
whole process, the cheapest of the same blocks each time, for whatever else runs only adds. Background merges
are stopped meanwhile.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from app import settings
from app.adapters.clickhouse import open_client
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.core.pipeline import examine, fold
from app.embedded.engine import ChdbEngine
from app.events.state import VisitorState
from app.settings import ClickHouseSettings
from bench.blocks import blocks
from bench.report import Section
from bench.rig import Rig
from migrations.runner import migrate
from tests.sql.store import Store

DATABASE = "wua"
SIZES = (400, 4000)
BLOCKS = 5
#: How often each block is inserted in each state of the schema.
ROUNDS = 2
LANDINGS = ("events_in", "sessions_in")

SOURCES_SQL = """
SELECT arrayJoin(dependencies_table) AS view, name FROM system.tables WHERE database = '{db}'
"""
TARGETS_SQL = r"""
SELECT name, splitByChar('.', extract(create_table_query, 'TO (\\S+)'))[2]
FROM system.tables WHERE database = '{db}' AND engine = 'MaterializedView'
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU milliseconds of an insert of each of SIZES events."""

    small_ms: float
    big_ms: float

    @property
    def event_us(self) -> float:
        """For each event more, as if the cost grew evenly."""
        return (self.big_ms - self.small_ms) / (SIZES[1] - SIZES[0]) * 1000

    @property
    def fixed_ms(self) -> float:
        """For a block of no event, as if the cost grew evenly."""
        return self.small_ms - self.event_us * SIZES[0] / 1000

    def __sub__(self, other: Cost) -> Cost:
        return Cost(small_ms=self.small_ms - other.small_ms, big_ms=self.big_ms - other.big_ms)


def section(rig: Rig) -> Section:
    """A row for each view, and what an insert costs with all and with none."""
    bodies = [encoded(rig, size=size) for size in SIZES]
    with ChdbEngine(rig.new_directory("engine")) as engine:
        client = open_client(ClickHouseSettings(url=engine.url), readonly=False)
        migrate(client, database=DATABASE)
        store = Store(client, DATABASE)
        store.freeze()
        rows = []
        for number, landing in enumerate(LANDINGS):
            of_landing = [[body[number] for body in size] for size in bodies]
            rows += costs(store, landing, small=of_landing[0], big=of_landing[1])
        client.close()
    return Section(
        title="What a block costs the engine, by view",
        columns=("view", "CPU ms a block, fixed", "CPU µs an event", *(f"of {size:,}: ms" for size in SIZES)),
        rows=[
            (name, *(f"{value:.1f}" for value in (cost.fixed_ms, cost.event_us, cost.small_ms, cost.big_ms)))
            for name, cost in rows
        ],
        note=f"Blocks of {SIZES[0]:,} and {SIZES[1]:,} events and the session rows that come of them, "
        f"the cheapest of {BLOCKS * ROUNDS}; fixed and per event are the line through the two.",
    )


def costs(
    store: Store, landing: str, *, small: Sequence[bytes], big: Sequence[bytes]
) -> list[tuple[str, Cost]]:
    """The cost of an insert with all views, of each view, and with none, in that order."""
    insert_ms(store, landing, [*small, *big])  # the engine warms up
    first = before = Cost(small_ms=insert_ms(store, landing, small), big_ms=insert_ms(store, landing, big))
    found = []
    for view in leaves_first(views(store), root=landing):
        store.run(f"DETACH TABLE {{db}}.{view}")
        after = Cost(small_ms=insert_ms(store, landing, small), big_ms=insert_ms(store, landing, big))
        found.append((f"· {view}", before - after))
        before = after
    return [(f"{landing}, all views", first), *found, (f"{landing}, no view", before)]


def insert_ms(store: Store, landing: str, bodies: Sequence[bytes]) -> float:
    """CPU milliseconds of the cheapest insert."""
    took = []
    for body in [*bodies] * ROUNDS:
        began = time.process_time()
        store.insert_lines(landing, body)
        took.append((time.process_time() - began) * 1000)
    return min(took)


def views(store: Store) -> dict[str, list[tuple[str, str]]]:
    """Source table -> its views, each with the table that it writes to."""
    targets = dict(store.ask(TARGETS_SQL))
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for view, source in sorted(store.ask(SOURCES_SQL)):
        found[source].append((view, targets[view]))
    return found


def leaves_first(views: Mapping[str, Sequence[tuple[str, str]]], *, root: str) -> list[str]:
    """The views below a table, each after those that read what it writes."""
    order: list[str] = []
    for view, target in views.get(root, ()):
        order += [*leaves_first(views, root=target), view]
    return order


def encoded(rig: Rig, *, size: int) -> list[tuple[bytes, bytes]]:
    """Event rows and session rows of some blocks of so many events, as the sink sends them."""
    rules, enrich, encoder = rules_of(settings.load()), Enricher(), msgspec.json.Encoder()
    states: dict[bytes, VisitorState | None] = {}
    bodies = []
    for block in islice(blocks(rig.messages, size=size), BLOCKS):
        examined = [examine(record, rules=rules, enrich=enrich) for record in block.records]
        folded = fold(examined, block=block.id, states=states, rules=rules)
        states |= folded.states
        bodies.append((encoder.encode_lines(folded.events), encoder.encode_lines(folded.sessions)))
    return bodies
