"""A request -> the raw events of its batch, or the problem that it is none."""

from __future__ import annotations

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.decode import explain
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason, Step
from app.events.wire import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from web.batch_note import note_of
from web.bodies import read_body
from web.problems import ProblemKind, problem

#: ``text/plain`` is what sendBeacon posts; a Blob without a type has none.
MEDIA_TYPES = frozenset({"", "application/json", "text/plain"})

_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


class _Wrapped(msgspec.Struct):
    events: list[msgspec.Raw]


_WRAPPED = msgspec.json.Decoder(_Wrapped)

#: An escape, a pair of them that is one character, or a half of such a pair.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


async def read_batch(request: Request) -> list[bytes] | Response:
    """The raw events, at least one and at most MAX_BATCH_EVENTS; not one of them is looked at yet.

    Raises HTTPException for a body that is too long or packed in another way than gzip.
    """
    if _media_type(request) not in MEDIA_TYPES:
        return problem(415, kind=ProblemKind.UNSUPPORTED_MEDIA, detail="send application/json or text/plain")
    note = note_of(request)
    body = await read_body(request, max_bytes=MAX_BATCH_BYTES)
    note.bytes = len(body)
    raws = split(body)
    if isinstance(raws, Reject):
        return _no_batch(raws)
    note.events = len(raws)
    return raws if len(raws) <= MAX_BATCH_EVENTS else _too_many(len(raws))


def split(body: bytes) -> list[bytes] | Reject:
    """The raw events of a body, an array or ``{"events": [...]}``."""
    if not body.strip():
        return _refuse(RejectReason.EMPTY_BODY, "the request has no body")
    if b"\\ud" in body or b"\\uD" in body:
        body = _ESCAPE.sub(_whole, body)
    try:
        is_wrapped = body.lstrip().startswith(b"{")
        raws = _WRAPPED.decode(body).events if is_wrapped else _ARRAY.decode(body)
    except msgspec.ValidationError as error:
        reject = explain(error, step=Step.DECODE)
        return msgspec.structs.replace(reject, detail=f'{reject.detail}; send [...] or {{"events": [...]}}')
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _refuse(RejectReason.MALFORMED_JSON, str(error))
    except RecursionError:
        return _refuse(RejectReason.TOO_DEEP, "nested too deeply to be read")
    if not raws:
        return _refuse(RejectReason.EMPTY_BODY, "no event was sent")
    return [bytes(raw) for raw in raws]


def _whole(escape: re.Match[bytes]) -> bytes:
    """The escape; of half a character, which a page's script cuts with ease and JSON cannot be read for, the
    one that browsers put in its place (U+FFFD)."""
    return b"\\ufffd" if escape["half"] else escape[0]


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


def _refuse(reason: RejectReason, detail: str) -> Reject:
    return Reject(reason=reason, step=Step.VALIDATE, detail=detail)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
