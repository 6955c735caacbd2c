"""Rows (a) and (b): aiokafka's ``getmany`` and a loop: ``python -m bench.bare decode|pipeline``.

decode: each event becomes a WebEvent. pipeline: each block goes through ``examine`` and ``fold``, with the
states in a dict. Neither has Faust, a state store or a sink.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer

from app import settings
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.core.decode import decode_web_event
from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.events.state import VisitorState
from bench.job import Job, Progress

Handle = Callable[[int, Sequence[Any]], None]


def main() -> int:
    """Handle every event of the topic, and wait to be ended."""
    asyncio.run(consume(Job.given(), {"decode": decode, "pipeline": pipeline}[sys.argv[1]]()))
    signal.pause()
    return 0


async def consume(job: Job, handle: Handle) -> None:
    """Fetch as much at once as the worker does, and take it in blocks of at most the worker's size."""
    ingest = settings.load().ingest
    progress = Progress(job.total, report=job.report)
    async with AIOKafkaConsumer(
        job.topic,
        bootstrap_servers=job.servers,
        group_id=job.group,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=ingest.block_max_bytes,
    ) as consumer:
        while not progress.is_done:
            for tp, records in (await consumer.getmany(timeout_ms=100)).items():
                progress.begin()
                for start in range(0, len(records), ingest.block_max_events):
                    block = records[start : start + ingest.block_max_events]
                    handle(tp.partition, block)
                    progress.add(len(block))


def decode() -> Handle:
    """Decode each event."""

    def handle(_: int, records: Sequence[Any]) -> None:
        for record in records:
            decode_web_event(record.value)

    return handle


def pipeline() -> Handle:
    """Take each block through the pure pipeline; rows are made and dropped."""
    rules, enrich = rules_of(settings.load()), Enricher()
    states: dict[int, dict[bytes, VisitorState | None]] = defaultdict(dict)

    def handle(partition: int, records: Sequence[Any]) -> None:
        block = BlockId(
            topic="bench",
            epoch=0,
            partition=partition,
            start=records[0].offset,
            end=records[-1].offset,
            batch_id="",
        )
        examined = [examine(record, rules=rules, enrich=enrich) for record in records]
        folded = fold(examined, block=block, states=states[partition], rules=rules)
        states[partition].update(folded.states)

    return handle


if __name__ == "__main__":
    raise SystemExit(main())
