"""bytes -> WebEvent | Reject. The same mapping of mistakes to reasons serves collector and worker."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from app.events.rejects import Reject
from app.events.vocabulary import RejectReason, Step
from app.events.wire import MAX_EVENT_BYTES, ClientEvent, ServerEvent, WebEvent

T = TypeVar("T")

_WEB_EVENT = msgspec.json.Decoder(WebEvent)
_CLIENT_EVENT = msgspec.json.Decoder(ClientEvent)
_SERVER_EVENT = msgspec.json.Decoder(ServerEvent)

#: An escaped NUL: ``\\u0000`` after an even number of backslashes.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_AT_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")


def decode_web_event(raw: bytes | None) -> WebEvent | Reject:
    """The event in a Kafka message, or why there is none."""
    return _decode(raw, _WEB_EVENT)


def decode_client_event(raw: bytes) -> ClientEvent | Reject:
    """The event that a browser posted, or why there is none."""
    return _decode(raw, _CLIENT_EVENT)


def decode_server_event(raw: bytes) -> ServerEvent | Reject:
    """The event that a server posted, or why there is none."""
    return _decode(raw, _SERVER_EVENT)


def explain(error: msgspec.ValidationError, *, step: Step, within: str = "") -> Reject:
    """The reason, field and text of a shape that msgspec refused; ``within`` names the outer field."""
    text = str(error)
    match = _AT_PATH.search(text)
    path = ".".join(part for part in (within, match["path"] if match else "") if part)
    if missing := _MISSING.search(text):
        field = ".".join(part for part in (path, missing["field"]) if part)
        return Reject(reason=RejectReason.MISSING_FIELD, step=step, field=field, detail=text)
    return Reject(reason=_reason(text, path=path), step=step, field=path, detail=text)


def _reason(text: str, *, path: str) -> RejectReason:
    if "of length <=" in text:
        return RejectReason.TOO_LONG
    if text.startswith("Invalid enum value"):
        return RejectReason.UNKNOWN_EVENT_TYPE if path == "event_type" else RejectReason.INVALID_VALUE
    if text.startswith("Expected `object`") and not path:
        return RejectReason.NOT_AN_OBJECT
    if " got " in text:
        return RejectReason.WRONG_TYPE
    return RejectReason.INVALID_VALUE


def _decode(raw: bytes | None, decoder: msgspec.json.Decoder[T]) -> T | Reject:
    if raw is None or not raw.strip():
        return _refuse(RejectReason.EMPTY_BODY, "the message has no body")
    if reject := _check_text(raw):
        return reject
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        return explain(error, step=Step.DECODE)
    except msgspec.DecodeError as error:
        return _refuse(RejectReason.MALFORMED_JSON, str(error))
    except RecursionError:
        return _refuse(RejectReason.TOO_DEEP, "nested too deeply to be read")


def _check_text(raw: bytes) -> Reject | None:
    """What the decoder itself would not notice: it skips over unknown fields without looking at them."""
    if len(raw) > MAX_EVENT_BYTES:
        return _refuse(RejectReason.TOO_LARGE, f"{len(raw)} bytes, at most {MAX_EVENT_BYTES} are taken")
    if b"\x00" in raw or (b"\\u0000" in raw and _ESCAPED_NUL.search(raw)):
        return _refuse(RejectReason.NUL_CHARACTER, "a NUL character, raw or as \\u0000")
    if raw.isascii():
        return None
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _refuse(RejectReason.INVALID_UTF8, str(error))
    return None


def _refuse(reason: RejectReason, detail: str) -> Reject:
    return Reject(reason=reason, step=Step.DECODE, detail=detail)
