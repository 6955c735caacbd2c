"""WebEvent -> Validated | Reject: the rules that a type cannot state, and the event's time."""

from __future__ import annotations

from typing import Any

import msgspec

from app.core.decode import explain
from app.events.properties import BY_NAME, BY_TYPE, AliasProperties, KnownProperties, OtherProperties
from app.events.rejects import Reject
from app.events.vocabulary import EventType, Origin, RejectReason, ReservedName, Step
from app.events.wire import (
    MAX_AGE_MS,
    MAX_FUTURE_MS,
    MAX_PROPERTIES,
    MAX_PROPERTIES_BYTES,
    MAX_PROPERTIES_DEPTH,
    WebEvent,
)

_RESERVED = frozenset(ReservedName)
_OTHER = OtherProperties()
_AS_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_AS_ANY = msgspec.json.Decoder(Any)
_KNOWN = {
    properties: msgspec.json.Decoder(properties) for properties in {*BY_NAME.values(), *BY_TYPE.values()}
}
#: What no properties at all are read as; an alias needs one.
_EMPTY: dict[type[KnownProperties], KnownProperties] = {
    kind: msgspec.convert({}, kind) for kind in {*_KNOWN, OtherProperties} - {AliasProperties}
}


def validate(event: WebEvent) -> KnownProperties | Reject:
    """The event's properties that have a meaning, or why the event is refused."""
    if event.event_type is EventType.CUSTOM_EVENT and (reject := _check_name(event)):
        return reject
    raw, kind = bytes(event.properties), _kind(event)
    if raw == b"{}" and kind in _EMPTY:
        return _EMPTY[kind]
    return _check_size(raw) or _read_known(raw, kind)


def event_time(event: WebEvent, *, grace_ms: int) -> int | Reject:
    """When the event happened, in ms, by the collector's clock: ``received_at - (sent_at - occurred_at)``.

    A replayed event keeps its own time, however old. Any other is refused from MAX_FUTURE_MS ahead of its
    receipt, when older than MAX_AGE_MS, and when later than the grace period. All three depend on nothing but
    the event itself, so that its fate is the same in any order of arrival.
    """
    replayed = event.origin is Origin.REPLAY
    at = event.occurred_at if replayed else event.received_at - (event.sent_at - event.occurred_at)
    age_ms = event.received_at - at
    if -age_ms > MAX_FUTURE_MS:
        return _refuse_time(RejectReason.IN_FUTURE, f"{-age_ms} ms after it was received")
    if replayed:
        return at
    if age_ms > MAX_AGE_MS or at < 0:
        return _refuse_time(RejectReason.TOO_OLD, f"{age_ms} ms old, at most {MAX_AGE_MS} are taken")
    if age_ms > grace_ms:
        return _refuse_time(RejectReason.LATE, f"{age_ms} ms late, the grace period is {grace_ms} ms")
    return at


def _check_name(event: WebEvent) -> Reject | None:
    name = event.name
    if not name:
        return _refuse(RejectReason.MISSING_FIELD, "name", "a custom_event needs a name")
    if name.startswith("$") and name not in _RESERVED:
        return _refuse(
            RejectReason.UNKNOWN_RESERVED_NAME, "name", f"names with $ are reserved: {', '.join(_RESERVED)}"
        )
    return _check_alias(event) if name == ReservedName.ALIAS else None


def _check_alias(event: WebEvent) -> Reject | None:
    """Anybody can post as a browser, and who is joined to a person is handed out and erased with it."""
    if event.origin is Origin.BROWSER:
        detail = f"{event.name} joins people for good and is taken from servers alone: /api/v1/server/events"
        return _refuse(RejectReason.INVALID_VALUE, "name", detail)
    if not event.user_id:
        return _refuse(RejectReason.MISSING_FIELD, "user_id", f"{event.name} says who else its user_id is")
    return None


def _kind(event: WebEvent) -> type[KnownProperties]:
    if event.event_type is EventType.CUSTOM_EVENT:
        return BY_NAME.get(event.name, OtherProperties)
    return BY_TYPE.get(event.event_type, OtherProperties)


def _check_size(raw: bytes) -> Reject | None:
    if len(raw) > MAX_PROPERTIES_BYTES:
        return _refuse(
            RejectReason.PROPERTIES_TOO_LARGE,
            "properties",
            f"{len(raw)} bytes, at most {MAX_PROPERTIES_BYTES} are taken",
        )
    try:
        count = len(_AS_OBJECT.decode(raw))
        # Only what has more brackets than levels allowed can be too deep.
        brackets = raw.count(b"{") + raw.count(b"[")
        deep = brackets > MAX_PROPERTIES_DEPTH and _depth(_AS_ANY.decode(raw)) > MAX_PROPERTIES_DEPTH
    except msgspec.ValidationError as error:
        return explain(error, step=Step.VALIDATE, within="properties")
    except RecursionError:
        deep, count = True, 0
    if deep:
        return _refuse(
            RejectReason.TOO_DEEP, "properties", f"at most {MAX_PROPERTIES_DEPTH} levels are taken"
        )
    if count > MAX_PROPERTIES:
        return _refuse(
            RejectReason.TOO_MANY_PROPERTIES, "properties", f"{count}, at most {MAX_PROPERTIES} are taken"
        )
    return None


def _read_known(raw: bytes, kind: type[KnownProperties]) -> KnownProperties | Reject:
    if kind is OtherProperties:
        return _OTHER
    try:
        return _KNOWN[kind].decode(raw)
    except msgspec.ValidationError as error:
        return explain(error, step=Step.VALIDATE, within="properties")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _refuse(reason: RejectReason, field: str, detail: str) -> Reject:
    return Reject(reason=reason, step=Step.VALIDATE, field=field, detail=detail)


def _refuse_time(reason: RejectReason, detail: str) -> Reject:
    return Reject(reason=reason, step=Step.TIME, field="occurred_at", detail=detail)
