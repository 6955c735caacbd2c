"""``wua simulate``: invented, realistic traffic as JSON lines, or produced to the configured Kafka."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from app import settings
from app.adapters.address_seal import AddressSeal
from app.adapters.clock import now_ms
from app.commands.progress import shown
from app.events.wire import WebEvent
from app.traffic.kafka import KafkaFeeder
from app.traffic.simulator import DEFAULT_DAYS, DEFAULT_EVENTS, simulate

BATCH_EVENTS = 500


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "simulate",
        description="Several sites, devices, countries, channels, campaigns, bots, conversions, experiments "
        "and web vitals; the same --seed and --end-ms give the same events. Prints JSON lines of the wire "
        "contract, or produces them to the configured Kafka.",
    )
    parser.add_argument("--events", type=int, default=DEFAULT_EVENTS)
    parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="spread over so many days")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--end-ms", type=int, help="when the last one is received; default: now")
    parser.add_argument("--produce", action="store_true", help="produce to Kafka instead of printing")
    parser.add_argument("--json", action="store_true", help="with --produce: progress as JSON lines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or produce the events."""
    end_ms = arguments.end_ms if arguments.end_ms is not None else now_ms()
    events = simulate(seed=arguments.seed, end_ms=end_ms, events=arguments.events, days=arguments.days)
    if arguments.produce:
        produced = asyncio.run(_produce(events, total=arguments.events, as_json=arguments.json))
        print(f"produced {produced} events")
        return 0
    encoder = msgspec.json.Encoder()
    for event in events:
        sys.stdout.buffer.write(encoder.encode(event) + b"\n")
    return 0


async def _produce(events: Iterator[WebEvent], *, total: int, as_json: bool) -> int:
    loaded = settings.load()
    seal = AddressSeal.of(loaded)
    produced = 0
    async with KafkaFeeder(loaded.broker, group=loaded.app.id) as feeder:
        with shown(as_json=as_json) as progress:
            progress.begin("producing", rows=total, unit="events")
            while batch := list(islice(events, BATCH_EVENTS)):
                await feeder.send([seal.message(event) for event in batch])
                produced += len(batch)
                progress.advance(len(batch))
    return produced
