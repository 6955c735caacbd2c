"""``wua enrich < events.jsonl``: what the pipeline decides about each event, or how many of what."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from app import settings
from app.adapters.clock import now_ms
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.commands.enriched_counts import count, show
from app.core.decode import decode_web_event
from app.core.pipeline import Enrich, LooseRecord, Refused, examine_event
from app.core.rows import Accepted
from app.core.rules import Rules
from app.events.rejects import Reject
from app.events.vocabulary import Outcome, Step
from app.events.wire import WebEvent
from app.traffic.access_log import PageRule, VisitorKey, read_access_log
from app.traffic.lines import BadLine

#: The steps that need no state, in their order.
STATELESS = [Step.DECODE, Step.VALIDATE, Step.TIME, Step.ENRICH]


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "enrich",
        description="Reads events from standard input, one JSON object a line, or an access log, of which "
        "every request counts. Writes one JSON line each, or with --counts how many are of each device, "
        "browser, channel, source and program, and what is not recognised.",
    )
    parser.add_argument("--format", default="jsonl", choices=["jsonl", "combined"])
    parser.add_argument("--site", default="example.com", metavar="ID", help="of access logs: the site's host")
    parser.add_argument("--counts", action="store_true", help="tables of counts instead")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="rows of a table; 0 = all")
    parser.add_argument("--json", action="store_true", help="the counts as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """One line of JSON for each line read, or the counts of them all."""
    loaded = settings.load()
    enrich, rules, at_ms = Enricher.of(loaded), rules_of(loaded), now_ms()
    lines: Iterable[bytes] = sys.stdin.buffer
    if arguments.format == "combined":
        lines = logged(lines, site_id=arguments.site, at_ms=at_ms)
    encoder = msgspec.json.Encoder()
    if not arguments.counts:
        for verdict in verdicts(lines, rules=rules, enrich=enrich, at_ms=at_ms):
            sys.stdout.buffer.write(encoder.encode(verdict) + b"\n")
        return 0
    counts = count(examined(lines, rules=rules, enrich=enrich, at_ms=at_ms), top=arguments.top)
    if arguments.json:
        sys.stdout.buffer.write(encoder.encode(counts) + b"\n")
    else:
        show(counts)
    return 0


def logged(lines: Iterable[bytes], *, site_id: str, at_ms: int) -> Iterator[bytes]:
    """Each request of an access log as an event; a line that is none as it is, for it to be refused."""
    encoder = msgspec.json.Encoder()
    for line in lines:
        (answer,) = read_access_log(
            [line], site_id=site_id, visitor=VisitorKey.IP_UA, pages=PageRule.ALL, now_ms=at_ms, file_id=""
        )
        yield line if isinstance(answer, BadLine) else encoder.encode(answer)


def examined(
    lines: Iterable[bytes], *, rules: Rules, enrich: Enrich, at_ms: int
) -> Iterator[Accepted | Refused]:
    """What became of each line in the steps that need no state."""
    for number, line in enumerate(lines, start=1):
        raw = line.strip()
        event = decode_web_event(raw)
        key = event.key if isinstance(event, WebEvent) else b""
        record = LooseRecord(offset=number, key=key, value=raw, timestamp=at_ms)
        yield examine_event(record, rules=rules, enrich=enrich)


def verdicts(lines: Iterable[bytes], *, rules: Rules, enrich: Enrich, at_ms: int) -> Iterator[dict[str, Any]]:
    """For each line: ``line``, ``outcome``, ``steps`` passed, and what was decided or why it was refused."""
    items = examined(lines, rules=rules, enrich=enrich, at_ms=at_ms)
    for number, item in enumerate(items, start=1):
        verdict = _rejected(item.reject) if isinstance(item, Refused) else _accepted(item)
        yield {"line": number, **verdict}


def _accepted(item: Accepted) -> dict[str, Any]:
    enriched = item.enriched
    return {
        "outcome": Outcome.ACCEPTED,
        "steps": STATELESS,
        "event_id": item.event.event_id,
        "event_at": item.at,
        "page": msgspec.structs.asdict(enriched.page),
        "device": msgspec.structs.asdict(enriched.device),
        "geo": msgspec.structs.asdict(enriched.geo),
        "traffic": msgspec.structs.asdict(enriched.traffic),
        "is_bot": enriched.bot.is_bot,
        "bot_reasons": enriched.bot.reasons.labels,
        "bot_kind": enriched.bot.kind,
        "bot_name": enriched.bot.name,
    }


def _rejected(reject: Reject) -> dict[str, Any]:
    return {
        "outcome": Outcome.REJECTED,
        "steps": STATELESS[: STATELESS.index(reject.step)],
        "step": reject.step,
        "reason": reject.reason,
        "field": reject.field,
        "detail": reject.detail,
    }
