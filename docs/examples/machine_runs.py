"""readings of machines -> runs: a machine that is silent for more than five minutes has ended its run.

With nothing installed, on a broker inside this process, with seven readings of its own:

    python docs/examples/machine_runs.py

On a broker of yours that has the topic ``machine_readings`` with four partitions:

    BROKER=kafka://localhost:9092 faust -A docs.examples.machine_runs:app worker -l info
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import UTC, datetime, timedelta
from typing import Any

import faust
import msgspec

from agents.session_windows import close_idle, register
from app.embedded.broker import EmbeddedBroker
from tables.session_windows import Item, SessionWindow, SessionWindows

EMBEDDED = EmbeddedBroker() if __name__ == "__main__" else None
PARTITIONS = 4


class Reading(faust.Record, serializer="json"):
    """What a machine has used since its last reading; ``at`` is its own clock, in seconds."""

    at: float
    kwh: float


class Run(msgspec.Struct, frozen=True):
    """What is known of a run."""

    readings: int = 0
    kwh: float = 0.0


app = faust.App(
    os.environ.get("APP_ID", "machine-runs"),
    broker=EMBEDDED.url if EMBEDDED else os.environ.get("BROKER", "kafka://localhost:9092"),
    datadir=os.environ.get("DATA_DIR") or tempfile.mkdtemp(),
    topic_partitions=PARTITIONS,
    # The broker in this process makes topics by itself, and cannot be asked to.
    topic_allow_declare=EMBEDDED is None,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    table_standby_replicas=0,
    web_enabled=False,
)
readings = app.topic("machine_readings", key_type=bytes, value_type=Reading)

runs = SessionWindows.of_inactivity_gap_and_grace(
    gap=timedelta(minutes=5), grace=timedelta(minutes=30)
).aggregate(
    app,
    "runs",
    initializer=Run,
    aggregator=lambda machine, reading, run: Run(run.readings + 1, run.kwh + reading.kwh),
    merger=lambda machine, one, other: Run(one.readings + other.readings, one.kwh + other.kwh),
    value_type=Run,
)


@runs.on_update
def show(machine: bytes, run: SessionWindow[Run]) -> None:
    """A run is new, or has another reading."""
    say("run", machine, run)


@runs.on_retract
def take_back(machine: bytes, run: SessionWindow[Run]) -> None:
    """What was shown is no more: it became part of a longer run."""
    say("no run", machine, run)


@runs.on_close
async def bill(machine: bytes, run: SessionWindow[Run]) -> None:
    """A run is over, and no reading can change it any more."""
    say("final", machine, run)


@runs.on_late
def complain(item: Item) -> None:
    """A reading came when its run was over."""
    print(f"too late  {item.key.decode()} {item.value.kwh} kWh", flush=True)


def say(what: str, machine: bytes, run: SessionWindow[Run]) -> None:
    """Print what became of a run."""
    start, end = (datetime.fromtimestamp(at / 1000, UTC) for at in (run.start_at, run.end_at))
    used = f"{run.value.kwh:.1f} kWh in {run.value.readings} readings"
    print(f"{what:9} {machine.decode()} {start:%H:%M}-{end:%H:%M} {used}", flush=True)


def time_of(event: Any) -> int:
    """Event time in ms; without such a function, it is the time of the Kafka message."""
    return round(event.value.at * 1000)


register(app, source=readings, store=runs, timestamp=time_of)
close_idle(app, topic="machine_readings", store=runs, every_s=60)


# What follows is only for a run on the broker inside this process.

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp()
#: Machine, minutes after eight, kWh. 08:09 comes late and joins two runs.
FIRST = [("press-1", 0, 1.0), ("press-1", 4, 1.5), ("press-1", 13, 2.0), ("press-1", 9, 0.5)]
#: 09:00 closes the run before, so that 08:10 is too late.
THEN = [("press-2", 60, 3.0)]
LAST = [("press-1", 10, 0.3), ("press-2", 64, 1.0)]


async def demonstrate(broker: EmbeddedBroker) -> None:
    """Run the app on readings of its own."""
    loose: Any = app
    broker.create_topics(
        "machine_readings", runs.table.changelog_topic_name, loose._leader_assignor._leader_topic_name
    )
    async with app:
        for wave in (FIRST, THEN, LAST):
            for machine, minutes, kwh in wave:
                # One partition, so that their order is always the same.
                reading = Reading(at=EIGHT + minutes * 60, kwh=kwh)
                await readings.send(key=machine.encode(), value=reading, partition=0)
            latest = EIGHT + max(minutes for _, minutes, _ in wave) * 60
            while app.rebalancing or app.in_recovery or runs.stream_time(0) < latest * 1000:
                await asyncio.sleep(0.05)


if EMBEDDED:
    asyncio.run(demonstrate(EMBEDDED))
