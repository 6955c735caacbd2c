"""``wua enrich < events.jsonl``: what the pipeline decides about each event, step by step; no store."""

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
from app.core.decode import decode_web_event
from app.core.pipeline import Enrich, LooseRecord, Refused, examine_event
from app.core.rows import Accepted
from app.core.rules import Rules
from app.events.rejects import Reject
from app.events.vocabulary import Outcome, Step
from app.events.wire import WebEvent

#: The steps that need no state, in their order.
STATELESS = [Step.DECODE, Step.VALIDATE, Step.TIME, Step.ENRICH]


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "enrich",
        help="say what the pipeline decides about events",
        description="Reads events, one JSON object a line, from standard input; writes one JSON line each.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """One line of JSON for each line read."""
    loaded = settings.load()
    enrich = Enricher.of(loaded)
    encoder = msgspec.json.Encoder()
    for verdict in verdicts(sys.stdin.buffer, rules=rules_of(loaded), enrich=enrich, at_ms=now_ms()):
        sys.stdout.buffer.write(encoder.encode(verdict) + b"\n")
    return 0


def verdicts(lines: Iterable[bytes], *, rules: Rules, enrich: Enrich, at_ms: int) -> Iterator[dict[str, Any]]:
    """For each line: ``line``, ``outcome``, ``steps`` passed, and what was decided or why it was refused."""
    for number, raw in enumerate(lines, start=1):
        verdict = _verdict(raw.strip(), number=number, rules=rules, enrich=enrich, at_ms=at_ms)
        yield {"line": number, **verdict}


def _verdict(raw: bytes, *, number: int, rules: Rules, enrich: Enrich, at_ms: int) -> dict[str, Any]:
    event = decode_web_event(raw)
    key = event.key if isinstance(event, WebEvent) else b""
    record = LooseRecord(offset=number, key=key, value=raw, timestamp=at_ms)
    item = examine_event(record, rules=rules, enrich=enrich)
    return _rejected(item.reject) if isinstance(item, Refused) else _accepted(item)


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
