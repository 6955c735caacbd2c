"""A block of messages -> rows, session statements and new states: the whole ingest sub-topology, pure.

decode -> validate -> time -> enrich -> deduplicate -> sessionise. Each step keeps an event or says why not;
personal data is gone after the first. ``received = accepted + rejected + duplicates`` holds for every block.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Protocol

import msgspec

from app.core.decode import decode_web_event
from app.core.erasures import is_erasure, told_key
from app.core.rows import (
    Accepted,
    BlockId,
    accepted_row,
    closed_session,
    duplicate_row,
    hit,
    rejected_row,
    session_row,
)
from app.core.rules import Rules, SessionRules, SiteRules
from app.core.scrub import scrub_event, scrub_message
from app.core.sessions import forgotten, holding, place_hit, session_id, sessions_of, whole
from app.core.statements import statements
from app.core.validate import event_time, validate
from app.events.dead_letter import Returned
from app.events.enriched import Enrichment
from app.events.rejects import Reject
from app.events.rows import EventRow, SessionRow
from app.events.sessions import ClosedSession
from app.events.state import VisitorState, Window
from app.events.vocabulary import BotReason, RejectReason, Step
from app.events.wire import WebEvent

#: Beside a message that was sent back after a refusal; its value is a Returned as JSON.
RETURNED_HEADER = "wua-returned"

_RETURNED = msgspec.json.Decoder(Returned)


#: A block that begins so many offsets back is committed: it is never replayed.
REPLAYED = 1_000_000


class Record(Protocol):
    """One message of a block, as a Kafka client hands it over."""

    @property
    def offset(self) -> int:
        """Position in the partition."""

    @property
    def key(self) -> bytes | None:
        """``site_id:visitor_id``."""

    @property
    def value(self) -> bytes | None:
        """The event as JSON."""

    @property
    def timestamp(self) -> int:
        """When the broker took it, in ms."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """What stands beside key and value."""


class LooseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that stands in no topic: to see what the pipeline would say of it."""

    value: bytes
    key: bytes
    offset: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class Enrich(Protocol):
    """Adds page, device, geography, traffic source and bot verdict; refuses a URL that is none."""

    def __call__(self, event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
        """The enrichment of one event."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that a step refused; ``event`` where it could at least be decoded.

    ``returned``: what it said of earlier refusals, if it had been sent back.
    """

    offset: int
    raw: bytes
    received_at: int
    reject: Reject
    event: WebEvent | None = None
    returned: Returned | None = None


class Erasure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that asks to forget the visitor of its key. It is no event, and becomes no row."""

    key: bytes


Examined = Accepted | Refused | Erasure


class Folded(msgspec.Struct, kw_only=True):
    """What a block came to; ``closed``: the sessions that no event can reach any more.

    ``bots``: accepted events of programs, by reason. A state that is None is to be deleted: it was erased.
    """

    block: BlockId
    events: list[EventRow]
    sessions: list[SessionRow]
    states: dict[bytes, VisitorState | None]
    refused: list[Refused]
    closed: list[ClosedSession]
    accepted: int = 0
    duplicates: int = 0
    bots: Counter[BotReason] = msgspec.field(default_factory=Counter)
    erased: int = 0

    @property
    def received(self) -> int:
        """Messages of the block."""
        return self.accepted + self.duplicates + len(self.refused) + self.erased

    @property
    def rejected_by_reason(self) -> Counter[tuple[RejectReason, Step]]:
        """How many were refused, by reason and step."""
        return Counter((refused.reject.reason, refused.reject.step) for refused in self.refused)


def examine(record: Record, *, rules: Rules, enrich: Enrich) -> Examined:
    """One message through every step that needs no state."""
    if record.headers and record.key and is_erasure(record.headers):
        return Erasure(key=record.key)
    return examine_event(record, rules=rules, enrich=enrich)


def examine_event(record: Record, *, rules: Rules, enrich: Enrich) -> Accepted | Refused:
    """The same for a message that holds an event, or should."""
    event, raw = _read(record.value, rules=rules)
    if isinstance(event, Reject):
        return _refused(record, event, raw=raw)
    key = event.key
    if record.key != key:
        return _refused(record, _wrong_key(record.key), raw=raw, event=event)
    known = validate(event)
    if isinstance(known, Reject):
        return _refused(record, known, raw=raw, event=event)
    site = rules.site(event.site_id)
    at = event_time(event, grace_ms=rules.sessions_of(event.site_id).grace_ms)
    if isinstance(at, Reject):
        return _refused(record, at, raw=raw, event=event)
    enriched = enrich(event, site=site)
    if isinstance(enriched, Reject):
        return _refused(record, enriched, raw=raw, event=event)
    return Accepted(
        offset=record.offset,
        key=key,
        raw=raw,
        event=event,
        at=at,
        known=known,
        enriched=enriched,
        site=site,
        returned_at=record.timestamp if record.headers and read_returned(record.headers) else 0,
    )


def _read(value: bytes | None, *, rules: Rules) -> tuple[WebEvent | Reject, bytes]:
    """The event and the text that is kept of it, both without personal data if its site wants it so.

    What cannot be decoded names no site; its text is always looked through.
    """
    raw = value or b""
    event = decode_web_event(raw)
    if isinstance(event, Reject):
        return event, scrub_message(raw)
    site = rules.site(event.site_id)
    return scrub_event(event, raw, allow=site.query_allow_list) if site.scrub_pii else (event, raw)


def read_returned(headers: Sequence[tuple[str, bytes]]) -> Returned | None:
    """What a message tells of the refusals before, if it was sent back; what cannot be read tells nothing."""
    for name, value in headers:
        if name == RETURNED_HEADER:
            try:
                return _RETURNED.decode(value)
            except msgspec.DecodeError:
                return None
    return None


def fold(
    examined: Iterable[Examined],
    *,
    block: BlockId,
    states: Mapping[bytes, VisitorState | None],
    rules: Rules,
) -> Folded:
    """Deduplicate and sessionise a block in the order of its offsets.

    ``states`` are those of the visitors who occur in it, as stored; the answer holds the ones that changed.
    """
    folded = Folded(block=block, events=[], sessions=[], states={}, refused=[], closed=[])
    visitors: dict[bytes, _VisitorFold] = {}
    kept: list[tuple[Accepted, _VisitorFold, str]] = []
    for item in examined:
        if isinstance(item, Refused):
            folded.refused.append(item)
            folded.events.append(_row_of(item, block=block))
            continue
        key = item.key
        if isinstance(item, Erasure):
            _erase(key, visitors.pop(key, None), folded=folded, rules=rules)
            continue
        visitor = visitors.get(key)
        if visitor is None:
            sessions = rules.sessions_of(item.event.site_id)
            # What was stored is of a visitor who was erased: this is somebody new.
            before = None if key in folded.states else states.get(key)
            visitor = visitors[key] = _VisitorFold(
                before, epoch=block.epoch, rules=sessions, zone=item.site.zone
            )
        held_by = visitor.take(item)
        if held_by is None:
            folded.duplicates += 1
            folded.events.append(duplicate_row(item, block=block))
        else:
            kept.append((item, visitor, held_by))
    for item, visitor, held_by in kept:
        folded.events.append(accepted_row(item, block=block, session_id=visitor.living(held_by)))
    folded.accepted = len(kept)
    folded.bots.update(item.enriched.bot.reasons for item, *_ in kept if item.enriched.bot.is_bot)
    reach_ms = rules.reach_ms
    for key, visitor in visitors.items():
        _publish(key, visitor, folded=folded, rules=rules, reach_ms=reach_ms)
    return folded


def closing(states: Mapping[bytes, VisitorState], *, rules: Rules) -> list[ClosedSession]:
    """The sessions of visitors who are dropped: no event can reach any of them."""
    closed: list[ClosedSession] = []
    for key, state in states.items():
        site_id = key.decode().partition(":")[0]
        groups = sessions_of(state.windows, rules=rules.sessions_of(site_id), zone=rules.site(site_id).zone)
        closed += [closed_session(key, whole(group), rules=rules) for group in groups]
    return closed


def _publish(key: bytes, visitor: _VisitorFold, *, folded: Folded, rules: Rules, reach_ms: int) -> None:
    if not visitor.touched:
        return
    windows = _say(key, visitor, folded=folded, rules=rules)
    windows, closed = forgotten(
        windows,
        before_ms=visitor.last_received_at - reach_ms,
        rules=visitor.rules,
        zone=visitor.zone,
    )
    folded.closed += [closed_session(key, session, rules=rules) for session in closed]
    folded.states[key] = VisitorState(
        epoch=folded.block.epoch,
        last_offset=visitor.last_offset,
        last_received_at=visitor.last_received_at,
        windows=windows,
        seen=visitor.remembered(limit=visitor.rules.dedup_ids),
        repeats=visitor.repeated(since=folded.block.start - REPLAYED, limit=visitor.rules.dedup_ids),
    )


def _say(key: bytes, visitor: _VisitorFold, *, folded: Folded, rules: Rules) -> tuple[Window, ...]:
    """Add what is to be said of the visitor's sessions; the windows, which know that it was said."""
    said, windows = statements(visitor.before, visitor.windows, rules=visitor.rules, zone=visitor.zone)
    site_id, _, visitor_id = key.decode().partition(":")
    folded.sessions += [
        session_row(one, site_id=site_id, visitor_id=visitor_id, block=folded.block, rules=rules)
        for one in said
    ]
    return windows


def _erase(key: bytes, visitor: _VisitorFold | None, *, folded: Folded, rules: Rules) -> None:
    """Forget the visitor. What came before is said, for gold counts it; nothing is published of it."""
    if visitor is not None and visitor.touched:
        _say(key, visitor, folded=folded, rules=rules)
    folded.states[key] = None
    folded.erased += 1


class _VisitorFold:
    """The fold of one visitor's events within one block."""

    def __init__(self, state: VisitorState | None, *, epoch: int, rules: SessionRules, zone: tzinfo) -> None:
        self.rules = rules
        self.zone = zone
        self.before: tuple[Window, ...] = state.windows if state else ()
        self.windows = self.before
        self.fence = state.last_offset if state and state.epoch == epoch else -1
        self.last_offset = self.fence
        self.last_received_at = state.last_received_at if state else 0
        self.touched = False
        self._seen = array("Q", state.seen if state else b"")
        self._known = set(self._seen)
        self._repeats = array("Q", state.repeats if self.fence >= 0 and state else b"")
        self._heirs: dict[str, str] = {}

    def take(self, item: Accepted) -> str | None:
        """The id of the window that holds the event now, or None for a duplicate.

        An event behind the fence was folded before this block was replayed: it changes nothing, and is again
        what it was then. A table that got no row of the block at first would take one now.
        """
        event = item.event
        if item.offset <= self.fence:
            if item.offset in self._repeats:
                return None
            held = holding(self.windows, item.at)
            return held.session_id if held else session_id(item.key, event.event_id)
        self.touched = True
        self.last_offset = item.offset
        self.last_received_at = max(self.last_received_at, item.receipt)
        digest = _digest(event.event_id)
        if digest in self._known:
            self._repeats.append(item.offset)
            return None
        self._known.add(digest)
        self._seen.append(digest)
        placed = place_hit(self.windows, hit(item), rules=self.rules, zone=self.zone)
        self.windows = placed.windows
        for window in placed.absorbed:
            self._heirs[window.session_id] = placed.holder.session_id
        return placed.holder.session_id

    def living(self, session: str) -> str:
        """The id that ``session`` lives on under at the end of the block."""
        while session in self._heirs:
            session = self._heirs[session]
        return session

    def remembered(self, *, limit: int) -> bytes:
        """The newest ``limit`` event ids, as stored."""
        return self._seen[-limit:].tobytes()

    def repeated(self, *, since: int, limit: int) -> bytes:
        """The newest ``limit`` offsets of duplicates from ``since`` on, as stored."""
        kept = [offset for offset in self._repeats if offset >= since]
        return array("Q", kept[-limit:]).tobytes()


def _digest(event_id: str) -> int:
    """64 bits of a 128-bit id. Both halves count: the low one alone is constant in some kinds of UUID."""
    number = int(event_id.replace("-", ""), 16)
    return (number >> 64) ^ (number & 0xFFFF_FFFF_FFFF_FFFF)


def _refused(record: Record, reject: Reject, *, raw: bytes, event: WebEvent | None = None) -> Refused:
    return Refused(
        offset=record.offset,
        raw=raw,
        received_at=event.received_at if event else record.timestamp,
        reject=reject,
        event=event,
        returned=read_returned(record.headers),
    )


def _row_of(refused: Refused, *, block: BlockId) -> EventRow:
    return rejected_row(
        refused.reject,
        raw=refused.raw,
        offset=refused.offset,
        received_at=refused.received_at,
        event=refused.event,
        returned=refused.returned,
        block=block,
    )


def _wrong_key(key: bytes | None) -> Reject:
    return Reject(
        reason=RejectReason.WRONG_KEY,
        step=Step.DECODE,
        field="key",
        detail=f"{told_key(key or b'')} it must be site_id:visitor_id",
    )
