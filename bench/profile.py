"""Where the time of row (c) goes: by process, by stage of the worker, and by part of its Python.

Stages are wall time as ``/metrics`` tells it: blocks of several partitions are under way at once, so that
they overlap, and a stage's wait counts. The parts are CPU time, measured again in this process on blocks
of the size that the worker had; what they leave of the worker's CPU is Faust, its consumer and producer, the
event loop, RocksDB and the HTTP client.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from app import settings
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.core.decode import decode_web_event
from app.core.pipeline import examine, fold
from app.events.state import VisitorState
from bench.blocks import blocks
from bench.report import Section
from bench.rig import PARTITIONS, Rig
from bench.workers import WorkerRun


def section(rig: Rig, run: WorkerRun) -> Section:
    """CPU and wall microseconds an event."""
    row, events = run.row, run.row.span.events
    size = max(1, round(run.block_events))
    python = parts(rig, block_events=size)
    rest = row.cpu_us("program") - sum(python.values())
    engine_ms = row.cpu_s["engine"] / run.blocks * 1000
    return Section(
        title="Where the time of the worker goes",
        columns=("part", "CPU µs", "wall µs"),
        rows=[
            ("worker process", f"{row.cpu_us('program'):.1f}", f"{1e6 / row.events_per_s:.1f}"),
            *((f"· {name}", f"{cost:.1f}", "") for name, cost in python.items()),
            ("· all else (Faust, Kafka, event loop, RocksDB, HTTP)", f"{rest:.1f}", ""),
            *((f"stage {name}", "", f"{took / events * 1e6:.1f}") for name, took in run.stages_s.items()),
            ("engine process", f"{row.cpu_us('engine'):.1f}", ""),
            ("broker process", f"{row.cpu_us('broker'):.1f}", ""),
        ],
        note=f"Microseconds an event. {run.blocks} blocks of {size:,} events on average, which cost the "
        f"engine {engine_ms:.0f} ms of CPU each, merges and questions included. Stages are summed over "
        f"{PARTITIONS} partitions side by side.",
    )


def parts(rig: Rig, *, block_events: int) -> dict[str, float]:
    """CPU microseconds an event of the worker's own Python."""
    rules = rules_of(settings.load())
    enrich, lines, packed = Enricher(), msgspec.json.Encoder(), msgspec.msgpack.Encoder()
    read = msgspec.msgpack.Decoder(VisitorState).decode
    stored: dict[bytes, bytes] = {}
    spent: dict[str, float] = defaultdict(float)
    events = 0
    for block in blocks(rig.messages, size=block_events):
        events += len(block.records)
        with timed(spent, "decode"):
            for record in block.records:
                decode_web_event(record.value)
        with timed(spent, "examine, all of it"):
            examined = [examine(record, rules=rules, enrich=enrich) for record in block.records]
        with timed(spent, "states unpacked and packed"):
            states = {key: read(stored[key]) for key in block.keys & stored.keys()}
        with timed(spent, "fold"):
            folded = fold(examined, block=block.id, states=states, rules=rules)
        with timed(spent, "rows to JSON"):
            lines.encode_lines(folded.events)
            lines.encode_lines(folded.sessions)
        with timed(spent, "states unpacked and packed"):
            stored |= {key: packed.encode(state) for key, state in folded.states.items()}
    spent["examine without decode"] = spent.pop("examine, all of it") - spent["decode"]
    return {name: seconds / events * 1e6 for name, seconds in spent.items()}


@contextmanager
def timed(spent: dict[str, float], name: str) -> Iterator[None]:
    """Add the CPU seconds of the body, in this thread."""
    began = time.thread_time()
    yield
    spent[name] += time.thread_time() - began
