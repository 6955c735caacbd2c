"""Hop 1: web/collector.py takes what the browser posts, stamps it and hands it to Kafka."""

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from app.adapters.visitor_ids import VisitorIds
from app.metrics import WebMetrics
from tests.collecting import SEAL, RecordingProducer
from tests.tour.story import HEADERS, KEY, POSTED, RECEIVED_AT, settings
from web import collector


@pytest.fixture
def producer():
    return RecordingProducer()


@pytest.mark.asyncio
async def test_a_posted_event_becomes_a_message_under_its_visitors_key(producer, tmp_path):
    routes = collector.routes(
        settings(),
        producer=producer,
        metrics=WebMetrics(),
        clock=lambda: RECEIVED_AT,
        visitor_ids=VisitorIds(tmp_path),
        link_key=tmp_path / "links.key",
        seal=SEAL,
    )
    browser = httpx.ASGITransport(Starlette(routes=routes), client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=browser, base_url="http://collector.test") as client:
        answer = await client.post("/api/v1/events", json=[POSTED], headers=HEADERS)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    ((key, value),) = producer.messages
    assert key == KEY
    assert msgspec.json.decode(value)["received_at"] == RECEIVED_AT
    assert b"192.0.2.7" not in value
    (event,) = producer.events
    assert event.ip == "192.0.2.7"
