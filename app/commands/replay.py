"""``wua replay FILE...``: real input, from JSON lines of the wire contract or from access logs."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from zoneinfo import ZoneInfo

import msgspec

from app import log, settings
from app.adapters.address_seal import AddressSeal
from app.adapters.clickhouse import QueryPool
from app.adapters.clock import now_ms
from app.adapters.enricher import Enricher
from app.commands.progress import BYTES, Progress, shown
from app.core.decode import decode_web_event
from app.core.rows import without_address
from app.embedded.stack import EmbeddedStack, Feeder
from app.errors import WuaError
from app.events.rejects import Reject
from app.events.wire import SiteId, WebEvent
from app.settings import Settings
from app.traffic.access_log import PageRule, VisitorKey, read_access_log
from app.traffic.jsonl import read_jsonl
from app.traffic.kafka import KafkaFeeder
from app.traffic.lines import BadLine, Skipped, file_id
from views.params import Bots, Period, Scope
from views.queries import Queries

BATCH_EVENTS = 500
#: A longer line is cut: any broker takes a message of this size, and the pipeline refuses it as too large.
MAX_LINE_BYTES = 1_000_000
#: Broken lines shown on standard error; all are counted.
SHOWN_BAD_LINES = 20

Line = WebEvent | BadLine | Skipped


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "replay",
        description="Feeds files to the pipeline; events keep their own times, also historic. With --data it "
        "runs the embedded stack over DIR until everything is through and prints a JSON summary; without, it "
        "produces to the configured Kafka. Feeding a file twice changes nothing: ids come from its lines.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--format", required=True, choices=["jsonl", "combined"])
    parser.add_argument("--site", required=True, metavar="ID", type=site_id_of)
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.add_argument("--drain", action="store_true", help="wait until everything is through")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines, too")
    parser.add_argument("--visitor", choices=[*VisitorKey], default=VisitorKey.IP_UA, help="of access logs")
    parser.add_argument("--pages", choices=[*PageRule], default=PageRule.DEFAULT, help="of access logs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Feed the files and print the summary."""
    missing = [str(file) for file in arguments.files if not file.is_file()]
    if missing:
        raise WuaError(f"no such file: {', '.join(missing)}")
    loaded = settings.load(overrides={"log.level": "warning"})
    log.configure(loaded.log)
    replay = _embedded if arguments.data else _to_kafka
    summary = asyncio.run(replay(arguments, loaded))
    json.dump(summary, sys.stdout, indent=2)
    print()
    return 0


class Sends(Protocol):
    """Takes (key, value) pairs; returns once they are acknowledged."""

    async def send(self, batch: list[tuple[bytes | None, bytes]]) -> None:
        """Produce the batch."""


class Tally(msgspec.Struct):
    """What the lines read so far came to."""

    events: int = 0
    bad: Counter[str] = msgspec.field(default_factory=Counter)
    skipped: Counter[str] = msgspec.field(default_factory=Counter)


def read_lines(
    arguments: argparse.Namespace, file: Path, *, at_ms: int, progress: Progress
) -> Iterator[Line]:
    """An answer for each line of a file in the format that was asked for."""
    with file.open("rb") as opened:
        lines = _watched(opened, progress)
        if arguments.format == "jsonl":
            yield from read_jsonl(lines, site_id=arguments.site, now_ms=at_ms, file_id=file_id(file))
        else:
            yield from read_access_log(
                lines,
                site_id=arguments.site,
                visitor=VisitorKey(arguments.visitor),
                pages=PageRule(arguments.pages),
                now_ms=at_ms,
                file_id=file_id(file),
            )


async def feed(arguments: argparse.Namespace, feeder: Sends, *, seal: AddressSeal) -> Tally:
    """Send every event of the files, and every line that the pipeline is to refuse by name.

    No address leaves in clear: it is sealed, or in a line that is no event left out.
    """
    tally, at_ms = Tally(), now_ms()
    with shown(as_json=arguments.json) as progress:
        for file in arguments.files:
            progress.begin(file.name, unit=BYTES, rows=file.stat().st_size)
            await _feed_file(read_lines(arguments, file, at_ms=at_ms, progress=progress), feeder, tally, seal)
    return tally


async def _feed_file(lines: Iterator[Line], feeder: Sends, tally: Tally, seal: AddressSeal) -> None:
    messages = (message for line in lines if (message := _message(line, tally, seal)) is not None)
    while batch := list(islice(messages, BATCH_EVENTS)):
        await feeder.send(batch)


def _watched(lines: BinaryIO, progress: Progress) -> Iterator[bytes]:
    """The lines; tells how far it is after every batch, and at the end."""
    count = 0
    for count, line in enumerate(lines, start=1):
        yield line
        if count % BATCH_EVENTS == 0:
            progress.reach(lines.tell(), lines=count)
    progress.reach(lines.tell(), lines=count)


def _message(line: Line, tally: Tally, seal: AddressSeal) -> tuple[bytes | None, bytes] | None:
    match line:
        case WebEvent():
            tally.events += 1
            return seal.message(line)
        case BadLine(raw=raw) if raw:
            _show(line, tally)
            tally.events += 1
            return None, _refused(raw)[:MAX_LINE_BYTES]
        case BadLine():
            _show(line, tally)
            tally.bad[line.reason] += 1
        case Skipped():
            tally.skipped[line.reason] += 1
    return None


def _refused(raw: bytes) -> bytes:
    """A line that is no event, without its address, and still none where that is all that was wrong."""
    bare = without_address(raw)
    return bare if isinstance(decode_web_event(bare), Reject) else without_address(raw, value=b"[]")


def _show(line: BadLine, tally: Tally) -> None:
    if tally.bad.total() < SHOWN_BAD_LINES:
        print(f"line {line.line}: {line.reason}: {line.detail}", file=sys.stderr)


async def _embedded(arguments: argparse.Namespace, loaded: Settings) -> dict[str, Any]:
    enrich = Enricher.of(loaded)
    async with EmbeddedStack(loaded, data_dir=arguments.data, enrich=enrich) as stack:
        feeder = Feeder(stack)
        await feeder.start()
        began = time.monotonic()
        try:
            tally = await feed(arguments, feeder, seal=AddressSeal.of(stack.settings))
            await feeder.drain()
        finally:
            await feeder.stop()
        seconds = time.monotonic() - began
        return await _summary(stack.settings, tally, site_id=arguments.site, seconds=seconds)


async def _to_kafka(arguments: argparse.Namespace, loaded: Settings) -> dict[str, Any]:
    began = time.monotonic()
    async with KafkaFeeder(loaded.broker, group=loaded.app.id) as feeder:
        tally = await feed(arguments, feeder, seal=AddressSeal.of(loaded))
        if arguments.drain:
            await feeder.drain()
    return {
        "produced": tally.events,
        "rejected_by_reason": dict(tally.bad),
        "skipped_by_reason": dict(tally.skipped),
        "drained": arguments.drain,
        **_speed(tally.events, seconds=time.monotonic() - began),
    }


async def _summary(loaded: Settings, tally: Tally, *, site_id: str, seconds: float) -> dict[str, Any]:
    """What became of the lines, and what gold says of the whole site now, bots included."""
    pool = QueryPool(loaded.clickhouse)
    try:
        queries = Queries(pool, settings=loaded)
        run = await queries.block_totals(epoch=loaded.broker.epoch)
        zone = ZoneInfo(loaded.site(site_id).timezone)
        scope = Scope(site_id=site_id, period=Period.all_time(zone), bots=Bots.INCLUDE)
        site = await queries.overview(scope)
    finally:
        await pool.close()
    unread = tally.bad.total()
    return {
        "received": run.received + unread,
        "accepted": run.accepted,
        "rejected_by_reason": dict(Counter(run.rejected_by_reason) + tally.bad),
        "duplicates": run.duplicates,
        "skipped_by_reason": dict(tally.skipped),
        "bots": run.bots,
        "visitors": site.visitors,
        "sessions": site.sessions,
        "page_views": site.page_views,
        **_speed(run.received, seconds=seconds),
    }


def _speed(events: int, *, seconds: float) -> dict[str, float]:
    return {"seconds": round(seconds, 3), "events_per_second": round(events / seconds) if seconds else 0}


def site_id_of(text: str) -> str:
    """A site id of the command line; argparse tells of any other text."""
    try:
        return msgspec.convert(text, SiteId)
    except msgspec.ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
