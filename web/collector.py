"""POST /api/v1/events -> web_events: decode, check, stamp, produce; answered when the broker has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.clock import Clock
from app.core.decode import decode_client_event, explain
from app.core.validate import event_time, validate
from app.errors import BrokerUnavailableError
from app.events.rejects import Reject
from app.events.vocabulary import Origin, RejectReason, Step
from app.events.wire import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES, ClientEvent, WebEvent
from app.metrics import WebMetrics
from app.settings import Settings
from web.bodies import read_body
from web.cors import Cors
from web.limits import RateLimit, network_of
from web.problems import ProblemKind, problem
from web.sender import Sender, merge_hints, networks, read_sender

EVENTS_PATH = "/api/v1/events"
#: ``text/plain`` is what sendBeacon posts; a Blob without a type has none.
MEDIA_TYPES = frozenset({"", "application/json", "text/plain"})

Message = tuple[bytes | None, bytes]

_ENCODER = msgspec.json.Encoder()
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


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


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event of the batch was refused; ``index`` counts from 0."""

    index: int
    reason: RejectReason
    field: str
    detail: str


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A batch, sorted: what is to be produced, and what is not."""

    messages: list[Message]
    refused: list[RefusedEvent]


class _Wrapped(msgspec.Struct):
    events: list[msgspec.Raw]


_WRAPPED = msgspec.json.Decoder(_Wrapped)


class Collector:
    """The endpoint and what it needs; ``clock`` stamps ``received_at``."""

    def __init__(self, settings: Settings, *, producer: Produces, metrics: WebMetrics, clock: Clock) -> None:
        self._producer = producer
        self._clock = clock
        self._limit = RateLimit(rate_per_s=settings.web.rate_per_s, burst=settings.web.rate_burst)
        self._trusted = networks(settings.web.trusted_proxies)
        self._sites = frozenset(settings.sites)
        self._settings = settings
        self._checks_headers = settings.web.check_headers
        self._fates = {fate: metrics.collected.labels(fate) for fate in Fate}
        self._rejected = metrics.collector_rejected

    async def post(self, request: Request) -> Response:
        """Take a batch: 202 when the broker has all of it, 400 with a reason for each event it has not."""
        sender = read_sender(request, trusted=self._trusted)
        # One token before anything is read, so that garbage is limited as well.
        if wait_s := self._wait_s(sender, 1):
            return _slow_down(wait_s)
        if _media_type(request) not in MEDIA_TYPES:
            return problem(
                415, kind=ProblemKind.UNSUPPORTED_MEDIA, detail="send application/json or text/plain"
            )
        raws = split(await read_body(request, max_bytes=MAX_BATCH_BYTES))
        if isinstance(raws, Reject):
            return _no_batch(raws)
        if len(raws) > MAX_BATCH_EVENTS:
            return _too_many(len(raws))
        if wait_s := self._wait_s(sender, len(raws) - 1):
            self._fates[Fate.LIMITED].inc(len(raws))
            return _slow_down(wait_s)
        examined = self._examine(raws, sender)
        await self._produce(examined.messages)
        self._count(examined)
        return _answer(examined)

    def _wait_s(self, sender: Sender, tokens: int) -> float:
        return self._limit.take(network_of(sender.ip), tokens, now_s=self._clock() / 1000)

    def _examine(self, raws: Sequence[bytes], sender: Sender) -> Examined:
        received_at = self._clock()
        examined = Examined(messages=[], refused=[])
        for index, raw in enumerate(raws):
            match self._admit(raw, sender, received_at):
                case Reject() as reject:
                    examined.refused.append(
                        RefusedEvent(
                            index=index, reason=reject.reason, field=reject.field, detail=reject.detail
                        )
                    )
                case message:
                    examined.messages.append(message)
        return examined

    def _admit(self, raw: bytes, sender: Sender, received_at: int) -> Message | Reject:
        """The message to produce, or why not: what the worker would say, while the sender still listens."""
        posted = decode_client_event(raw)
        if isinstance(posted, Reject):
            return posted
        if self._sites and posted.site_id not in self._sites:
            return _refuse(RejectReason.UNKNOWN_SITE, "site_id", "no such site is configured here")
        event = stamp(
            posted,
            sender,
            received_at=received_at,
            missing_headers=self._checks_headers and sender.lacking.at(posted.url),
        )
        if isinstance(known := validate(event), Reject):
            return known
        if isinstance(at := event_time(event, grace_ms=self._grace_ms(event.site_id)), Reject):
            return at
        value = _ENCODER.encode(event)
        if len(value) > MAX_EVENT_BYTES:
            return _refuse(
                RejectReason.TOO_LARGE, "", f"{len(value)} bytes with what the collector adds to it"
            )
        return event.key, value

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

    def _count(self, examined: Examined) -> None:
        self._fates[Fate.ACCEPTED].inc(len(examined.messages))
        self._fates[Fate.REJECTED].inc(len(examined.refused))
        for refused in examined.refused:
            self._rejected.labels(refused.reason).inc()


def routes(settings: Settings, *, producer: Produces, metrics: WebMetrics, clock: Clock) -> list[Route]:
    """The collector's route."""
    collector = Collector(settings, producer=producer, metrics=metrics, clock=clock)
    cors = Middleware(Cors, origins=settings.web.cors_origins)
    return [Route(EVENTS_PATH, collector.post, methods=["POST", "OPTIONS"], middleware=[cors])]


def split(body: bytes) -> list[bytes] | Reject:
    """The raw events of a body, an array or ``{"events": [...]}``; not one of them is looked at yet."""
    if not body.strip():
        return _refuse(RejectReason.EMPTY_BODY, "", "the request has no body")
    try:
        is_wrapped = body.lstrip().startswith(b"{")
        raws = _WRAPPED.decode(body).events if is_wrapped else _ARRAY.decode(body)
    except msgspec.ValidationError as error:
        reject = explain(error, step=Step.DECODE)
        return msgspec.structs.replace(reject, detail=f'{reject.detail}; send [...] or {{"events": [...]}}')
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _refuse(RejectReason.MALFORMED_JSON, "", str(error))
    except RecursionError:
        return _refuse(RejectReason.TOO_DEEP, "", "nested too deeply to be read")
    if not raws:
        return _refuse(RejectReason.EMPTY_BODY, "", "no event was sent")
    return [bytes(raw) for raw in raws]


def stamp(
    posted: ClientEvent, sender: Sender, *, received_at: int, missing_headers: bool = False
) -> WebEvent:
    """The event as it goes to Kafka: what was posted, and what only the collector knows."""
    fields = {name: getattr(posted, name) for name in posted.__struct_fields__}
    fields["client_hints"] = merge_hints(posted.client_hints, sender.client_hints)
    return WebEvent(
        **fields,
        received_at=received_at,
        ip=sender.ip,
        user_agent=sender.user_agent,
        missing_headers=missing_headers,
        origin=Origin.BROWSER,
    )


def _answer(examined: Examined) -> Response:
    accepted = len(examined.messages)
    if not examined.refused:
        return Response(
            _ENCODER.encode({"accepted": accepted}), status_code=202, media_type="application/json"
        )
    return problem(
        400,
        kind=ProblemKind.REJECTED_EVENTS,
        detail=f"{len(examined.refused)} events refused; {accepted} accepted, which need not be sent again",
        accepted=accepted,
        errors=examined.refused,
    )


def _no_batch(reject: Reject) -> Response:
    return problem(
        400,
        kind=ProblemKind.INVALID_BATCH,
        detail=reject.detail,
        accepted=0,
        reason=reject.reason,
        field=reject.field,
    )


def _too_many(events: int) -> Response:
    return problem(
        413,
        kind=ProblemKind.TOO_LARGE,
        detail=f"{events} events, at most {MAX_BATCH_EVENTS} are taken at once",
        accepted=0,
        reason=RejectReason.TOO_LARGE,
    )


def _slow_down(wait_s: float) -> Response:
    return problem(
        429,
        kind=ProblemKind.TOO_MANY_REQUESTS,
        detail="too many events from this network address; see web.rate_per_s and web.rate_burst",
        headers={"Retry-After": str(max(1, math.ceil(wait_s)))},
    )


def _refuse(reason: RejectReason, field: str, detail: str) -> Reject:
    return Reject(reason=reason, step=Step.VALIDATE, field=field, detail=detail)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
