"""Lines of JSON, one event of the wire contract each -> events with what they lack filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from app.core.decode import decode_web_event
from app.events.rejects import Reject
from app.events.vocabulary import Origin
from app.events.wire import WebEvent
from app.traffic.lines import BadLine, event_id_of, numbered

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_REPLAY = msgspec.Raw(msgspec.json.encode(Origin.REPLAY))


def read_jsonl(
    lines: Iterable[bytes], *, site_id: str | None, now_ms: int, file_id: str
) -> Iterator[WebEvent | BadLine]:
    """An event for each line, or the line itself with the reason that the pipeline will refuse it for.

    Every event becomes a replay with its own time, and ``site_id`` replaces that of the line. Where missing,
    ``sent_at`` is ``occurred_at``, ``received_at`` is ``now_ms``, and the event id is derived from the line.
    """
    for number, line in numbered(lines):
        event = decode_web_event(line)
        if isinstance(event, Reject):
            filled = _filled(line, site_id=site_id, now_ms=now_ms, number=number, file_id=file_id)
            event = event if filled is None else decode_web_event(filled)
        if isinstance(event, Reject):
            yield BadLine(number, event.reason, event.detail, raw=line)
        else:
            yield msgspec.structs.replace(event, origin=Origin.REPLAY, site_id=site_id or event.site_id)


def _filled(line: bytes, *, site_id: str | None, now_ms: int, number: int, file_id: str) -> bytes | None:
    """The line with all that can be filled in, or None when it is no JSON object at all."""
    try:
        fields = _FIELDS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    fields["origin"] = _REPLAY
    if site_id is not None:
        fields["site_id"] = _raw(site_id)
    if "occurred_at" in fields:
        fields.setdefault("sent_at", fields["occurred_at"])
    fields.setdefault("received_at", _raw(now_ms))
    fields.setdefault("event_id", _raw(event_id_of(line, number=number, file_id=file_id)))
    return msgspec.json.encode(fields)


def _raw(value: str | int) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
