"""The memory of a worker with 200,000 open windows, measured in a process of its own: prints one JSON object.

    python -m tests.integration.open_windows DIRECTORY

Only the changelog is left out: its place in the store is counted, and nothing is sent.
"""

from __future__ import annotations

import asyncio
import sys
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app import topology
from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.events.state import VisitorState
from app.settings import Settings
from tables.visitors import VisitorStates
from tests.factories import T0, plain_enrichment, record, rules

WINDOWS, PARTITIONS, BLOCK = 200_000, 4, 5_000
KEEP_MS = 86_400_000


def open_state() -> VisitorState:
    """The state of a visitor with one open window, of two events."""
    block = BlockId(topic="t", epoch=1, partition=0, start=0, end=1, batch_id="b")
    messages = [record(offset=number, at=T0 + number, visitor_id="v") for number in range(2)]
    examined = [examine(one, rules=rules(), enrich=plain_enrichment) for one in messages]
    (state,) = fold(examined, block=block, states={}, rules=rules()).states.values()
    return state


def rss_bytes() -> int:
    """Memory of this process that is in RAM."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


async def fill(store: VisitorStates, *, windows: int) -> None:
    """Store a state for each of so many visitors, block by block, as a worker does."""
    state = open_state()
    for start in range(0, windows, BLOCK):
        states = {b"shop:%036d" % number: state for number in range(start, min(start + BLOCK, windows))}
        await store.store(start // BLOCK % PARTITIONS, states)


async def no_changelog(partition: int, values: Mapping[bytes, bytes | None]) -> int:
    """In place of the changelog."""
    return len(values)


async def main(directory: Path) -> None:
    settings = Settings(app={"data_dir": directory}, broker={"partitions": PARTITIONS})  # type: ignore[arg-type]
    graph = topology.build(settings, enrich=plain_enrichment, on_fatal=sys.exit)
    windows: Any = graph.windows
    windows._bulk._journal = no_changelog
    for partition in range(PARTITIONS):
        assert windows.count(partition) == 0
    before = rss_bytes()
    await fill(windows, windows=WINDOWS)
    after = rss_bytes()
    again = VisitorStates(windows.table, keep_ms=KEEP_MS)
    tracemalloc.start()
    counted = sum(again.count(partition) for partition in range(PARTITIONS))
    index_bytes, _ = tracemalloc.get_traced_memory()
    found = {
        "windows": counted,
        "state_bytes": len(windows.codec.encode(open_state())),
        "index_bytes": index_bytes,
        "rss_growth_bytes": after - before,
    }
    sys.stdout.write(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
