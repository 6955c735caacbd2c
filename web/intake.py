"""Raw events -> web_events: what the ways in have in common. Limits, the worker's own rules, the broker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec
from starlette.responses import Response

from app.adapters.address_seal import AddressSeal
from app.adapters.clock import Clock
from app.core.validate import event_time, validate
from app.errors import BrokerUnavailableError
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason, Step
from app.events.wire import MAX_EVENT_BYTES, WebEvent
from app.metrics import WebMetrics
from app.settings import Settings
from web.batch_note import BatchNote
from web.limits import RateLimit, network_of
from web.problems import ProblemKind, problem

Message = tuple[bytes | None, bytes]
#: (raw event, when it was received in ms) -> the event as it goes to Kafka; None: its sender wants none kept.
Stamp = Callable[[bytes, int], WebEvent | Reject | None]
#: Site id -> why the sender may not post its events.
Forbid = Callable[[str], Reject | None]

#: The sender is at fault, not the event.
_FORBIDDEN = frozenset(
    {RejectReason.WRONG_WRITE_KEY, RejectReason.FORBIDDEN_ORIGIN, RejectReason.FORBIDDEN_SITE}
)
_ENCODER = msgspec.json.Encoder()


class Produces(Protocol):
    """Where accepted events go."""

    async def send_batch(self, batch: Sequence[Message]) -> Mapping[int, int]:
        """Return once all are acknowledged, or raise BrokerUnavailableError."""


class Fate(StrEnum):
    """What became of a posted event."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LIMITED = "limited"
    UNACKNOWLEDGED = "unacknowledged"
    OPTED_OUT = "opted_out"


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event of the batch was refused; ``index`` counts from 0."""

    index: int
    reason: RejectReason
    field: str
    detail: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a batch: how many events the broker has, and which were refused.

    ``opted_out``: those that were dropped because the browser asks for it (GPC, DNT).
    """

    accepted: int
    refused: list[RefusedEvent]
    opted_out: int = 0

    def answer(self) -> Response:
        """202 when all are kept; else a reason for each that is not: 403 if it is all about who sent them.

        What was dropped at the browser's wish counts as dealt with: to send it again would change nothing.
        """
        if not self.refused:
            said = {"accepted": self.accepted} | ({"opted_out": self.opted_out} if self.opted_out else {})
            return Response(_ENCODER.encode(said), status_code=202, media_type="application/json")
        is_forbidden = not self.accepted and all(one.reason in _FORBIDDEN for one in self.refused)
        return problem(
            403 if is_forbidden else 400,
            kind=ProblemKind.NOT_PERMITTED if is_forbidden else ProblemKind.REJECTED_EVENTS,
            detail=f"{len(self.refused)} events refused; {self.accepted} accepted, need not be sent again",
            accepted=self.accepted,
            errors=self.refused,
        )


class Intake:
    """Takes events in; ``clock`` stamps ``received_at``, and under ``seal`` addresses go to Kafka."""

    def __init__(
        self,
        settings: Settings,
        *,
        producer: Produces,
        metrics: WebMetrics,
        clock: Clock,
        seal: AddressSeal,
    ) -> None:
        web = settings.web
        self._producer = producer
        self._clock = clock
        self._seal = seal
        self._networks = RateLimit(rate_per_s=web.rate_per_s, burst=web.rate_burst)
        self._keys = RateLimit(rate_per_s=web.key_rate_per_s, burst=web.key_rate_burst)
        self._settings = settings
        self._fates = {fate: metrics.collected.labels(fate) for fate in Fate}
        self._rejected = metrics.collector_rejected

    def limit_network(self, ip: str, tokens: int, *, events: int = 0) -> Response | None:
        """Take tokens from the address's network; 429 where it has too few. ``events`` are counted then."""
        wait_s = self._networks.take(network_of(ip), tokens, now_s=self._clock() / 1000)
        return self._slow_down(wait_s, "this network address", "rate", events) if wait_s else None

    def limit_key(self, key: str, events: int) -> Response | None:
        """Take a token for each event from the key's bucket; 429 where it has too few."""
        wait_s = self._keys.take(key, events, now_s=self._clock() / 1000)
        return self._slow_down(wait_s, "this key", "key_rate", events) if wait_s else None

    async def keep(self, raws: Sequence[bytes], *, stamp: Stamp, forbid: Forbid, note: BatchNote) -> Kept:
        """Examine the events and produce the good ones; raises BrokerUnavailableError.

        ``note`` is told the sites, and what came of the events.
        """
        received_at = self._clock()
        messages: list[Message] = []
        refused: list[RefusedEvent] = []
        opted_out = 0
        for index, raw in enumerate(raws):
            match self._admit(raw, received_at, stamp, forbid, note):
                case Reject(reason=reason, field=field, detail=detail):
                    refused.append(RefusedEvent(index=index, reason=reason, field=field, detail=detail))
                case None:
                    opted_out += 1
                case message:
                    messages.append(message)
        note.refused, note.opted_out = len(refused), opted_out
        await self._produce(messages)
        note.accepted = len(messages)
        kept = Kept(accepted=len(messages), refused=refused, opted_out=opted_out)
        self._count(kept)
        return kept

    def _admit(
        self, raw: bytes, received_at: int, stamp: Stamp, forbid: Forbid, note: BatchNote
    ) -> Message | Reject | None:
        """The message to produce, or why not: what the worker would say, while the sender still listens.

        None for what its sender wants nobody to keep.
        """
        event = stamp(raw, received_at)
        if event is None or isinstance(event, Reject):
            return event
        if forbidden := forbid(event.site_id):
            return forbidden
        note.add_site(event.site_id)
        if isinstance(known := validate(event), Reject):
            return known
        if isinstance(at := event_time(event, grace_ms=self._grace_ms(event.site_id)), Reject):
            return at
        key, value = self._seal.message(event)
        if len(value) > MAX_EVENT_BYTES:
            detail = f"{len(value)} bytes with what the collector adds to it"
            return Reject(reason=RejectReason.TOO_LARGE, step=Step.VALIDATE, detail=detail)
        return key, value

    def _grace_ms(self, site_id: str) -> int:
        own = self._settings.site(site_id).sessions.grace_ms
        return self._settings.sessions.grace_ms if own is None else own

    async def _produce(self, messages: Sequence[Message]) -> None:
        # A batch that is half written when this raises is harmless: the client sends the same event ids
        # again, and the worker drops the ones it has seen.
        try:
            if messages:
                await self._producer.send_batch(messages)
        except BrokerUnavailableError:
            self._fates[Fate.UNACKNOWLEDGED].inc(len(messages))
            raise

    def _count(self, kept: Kept) -> None:
        self._fates[Fate.ACCEPTED].inc(kept.accepted)
        self._fates[Fate.REJECTED].inc(len(kept.refused))
        self._fates[Fate.OPTED_OUT].inc(kept.opted_out)
        for one in kept.refused:
            self._rejected.labels(one.reason).inc()

    def _slow_down(self, wait_s: float, whose: str, setting: str, events: int) -> Response:
        self._fates[Fate.LIMITED].inc(events)
        return problem(
            429,
            kind=ProblemKind.TOO_MANY_REQUESTS,
            detail=f"too many events from {whose}; see web.{setting}_per_s and web.{setting}_burst",
            headers={"Retry-After": str(max(1, math.ceil(wait_s)))},
        )
