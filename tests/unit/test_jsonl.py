"""Lines of JSON -> events with what they lack filled in, and lines for the pipeline to refuse."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.core.decode import decode_web_event
from app.events.rejects import Reject
from app.events.vocabulary import Origin, RejectReason
from app.events.wire import WebEvent
from app.traffic.jsonl import read_jsonl
from app.traffic.lines import BadLine
from tests.factories import event_id, wire

NOW_MS = 1_760_000_000_000
AT_MS = 1_759_000_000_000


def line(**changes: Any) -> bytes:
    """A complete event as a line; ``...`` takes a field away."""
    times = {"occurred_at": AT_MS, "sent_at": AT_MS + 5, "received_at": AT_MS + 50}
    return msgspec.json.encode(wire(**(times | changes))) + b"\n"


def read(*lines: bytes, site_id: str | None = None, file_id: str = "f1") -> list[WebEvent | BadLine]:
    return list(read_jsonl(lines, site_id=site_id, now_ms=NOW_MS, file_id=file_id))


def event_of(raw: bytes, **options: Any) -> WebEvent:
    (answer,) = read(raw, **options)
    assert isinstance(answer, WebEvent), answer
    return answer


def test_a_complete_event_is_kept_and_becomes_a_replay():
    event = event_of(line(event_id=event_id(7), properties={"a": 1}, origin="browser"))

    assert event.origin is Origin.REPLAY
    assert (event.event_id, event.site_id, event.visitor_id) == (event_id(7), "shop", "v1")
    assert (event.occurred_at, event.sent_at, event.received_at) == (AT_MS, AT_MS + 5, AT_MS + 50)
    assert bytes(event.properties) == b'{"a":1}'


def test_missing_times_are_filled_in():
    event = event_of(line(sent_at=..., received_at=...))

    assert (event.occurred_at, event.sent_at, event.received_at) == (AT_MS, AT_MS, NOW_MS)


def test_a_missing_event_id_is_the_same_each_time_the_file_is_fed():
    lines = [line(event_id=...), line(event_id=...)]
    first = [event.event_id for event in read(*lines) if isinstance(event, WebEvent)]
    again = [event.event_id for event in read(*lines) if isinstance(event, WebEvent)]
    other = [event.event_id for event in read(*lines, file_id="f2") if isinstance(event, WebEvent)]

    assert first == again
    assert len({*first, *other}) == 4


@pytest.mark.parametrize("own", ["shop", ..., "no site id!", 7])
def test_the_site_asked_for_replaces_or_fills_that_of_the_line(own: object):
    assert event_of(line(site_id=own), site_id="blog").site_id == "blog"


@pytest.mark.parametrize("origin", ["browser", "server", "replay", "elsewhere", 3])
def test_the_origin_of_the_line_does_not_matter(origin: object):
    assert event_of(line(origin=origin)).origin is Origin.REPLAY


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", RejectReason.EMPTY_BODY),
        (b" \t\r\n", RejectReason.EMPTY_BODY),
        (b"{", RejectReason.MALFORMED_JSON),
        (b"not json", RejectReason.MALFORMED_JSON),
        (line()[:-2], RejectReason.MALFORMED_JSON),
        (line().strip() + b" {}", RejectReason.MALFORMED_JSON),
        (b"[]", RejectReason.NOT_AN_OBJECT),
        (b"null", RejectReason.NOT_AN_OBJECT),
        (b"7", RejectReason.NOT_AN_OBJECT),
        (b"{}", RejectReason.MISSING_FIELD),
        (line(visitor_id=...), RejectReason.MISSING_FIELD),
        (line(site_id=...), RejectReason.MISSING_FIELD),
        (line(occurred_at=...), RejectReason.MISSING_FIELD),
        (line(occurred_at=..., sent_at=...), RejectReason.MISSING_FIELD),
        (line(occurred_at="yesterday"), RejectReason.WRONG_TYPE),
        (line(event_type="page_looked_at"), RejectReason.UNKNOWN_EVENT_TYPE),
        (line(event_id="e1"), RejectReason.INVALID_VALUE),
        (line(url="https://shop.example/" + "a" * 2048), RejectReason.TOO_LONG),
        (line(title="a\x00b"), RejectReason.NUL_CHARACTER),
        (line(title="x").replace(b'"x"', b'"\xff"'), RejectReason.INVALID_UTF8),
        (b'{"\xff": 1}', RejectReason.INVALID_UTF8),
        (line(properties={"a": "b" * 40_000}), RejectReason.TOO_LARGE),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, RejectReason.TOO_DEEP),
    ],
)
def test_a_line_that_is_no_event_is_handed_on_as_it_is_and_the_pipeline_refuses_it(
    raw: bytes, reason: RejectReason
):
    (answer,) = read(raw)

    assert isinstance(answer, BadLine)
    assert (answer.line, answer.reason, answer.raw) == (1, reason, raw.rstrip(b"\r\n"))
    assert isinstance(decode_web_event(answer.raw), Reject)


def test_lines_are_numbered_from_one_and_bad_ones_stop_nothing():
    answers = read(b"{\n", line(), b"\n", line(event_id=...))

    assert [type(answer).__name__ for answer in answers] == ["BadLine", "WebEvent", "BadLine", "WebEvent"]
    assert [answer.line for answer in answers if isinstance(answer, BadLine)] == [1, 3]


def test_a_byte_order_mark_at_the_start_of_the_file_is_no_mistake():
    raw = line()
    assert event_of(b"\xef\xbb\xbf" + raw) == event_of(raw)
