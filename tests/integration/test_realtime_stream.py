"""What goes on now as a stream: who may have it, how many of them, and how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from app.errors import SinkUnavailableError
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW, client, get
from web.api import streaming
from web.api.streaming import EVENT_STREAM, Streams

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

STREAM = "/api/v1/sites/shop/realtime/stream"
ACCEPT = {"Accept": EVENT_STREAM}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams of three answers, one right after the other."""
    monkeypatch.setattr(streaming, "EVERY_S", 0.0)
    monkeypatch.setattr(streaming, "ANSWERS", 3)


def told(text: str) -> list[Any]:
    """What the messages of a stream say."""
    return [
        json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")
    ]


async def test_it_says_what_the_question_without_a_stream_says(
    asked: Asked, client: httpx.AsyncClient, quick: None
) -> None:
    asked.events({"path": "/cart", "visitor_id": "v1", "at": NOW - 60_000})
    asked.sessions({"visitor_id": "v1", "at": NOW - 60_000})
    once = await get(client, "/api/v1/sites/shop/realtime")
    assert once["here"] == 1
    answer = await client.get(STREAM, headers=ACCEPT)
    assert answer.headers["content-type"].startswith(EVENT_STREAM)
    assert answer.headers["cache-control"] == "private, no-store"
    assert told(answer.text) == [once, once, once]
    assert await get(client, STREAM) == once


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/api/v1/sites/a%20b/realtime/stream", EVENT_STREAM, 400),
        (f"{STREAM}?limit=0", EVENT_STREAM, 400),
        (f"{STREAM}?from=2026-03-01", EVENT_STREAM, 400),
        (STREAM, "image/png", 406),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_the_stream_begins(
    client: httpx.AsyncClient, quick: None, path: str, accept: str, status: int
) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def request(receive: Any = None) -> Request:
    made = Request({"type": "http", "headers": [], "state": {}}, receive)
    made.state.asker = "somebody"
    return made


class Viewer:
    """An ASGI connection that notes what is sent, and stays until it is told to go."""

    def __init__(self) -> None:
        self.text = ""
        self.came = asyncio.Event()
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.text += message.get("body", b"").decode()
        if told(self.text):
            self.came.set()

    def watch(self, response: Any) -> asyncio.Task[None]:
        scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
        return asyncio.create_task(response(scope, self.receive, self.send))


async def answer() -> dict[str, int]:
    return {"here": 1}


async def test_a_viewer_who_goes_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PER_VIEWER", 1)
    streams, viewer = Streams(), Viewer()
    watching = viewer.watch(await streams.response(request(), answer))
    await viewer.came.wait()
    refused = await streams.response(request(), answer)
    assert (refused.status_code, refused.headers["retry-after"], len(streams)) == (429, "30", 1)
    viewer.gone.set()
    await watching
    assert len(streams) == 0
    assert (await streams.response(request(), answer)).status_code == 200


async def test_a_server_that_stops_ends_every_stream() -> None:
    streams, viewer = Streams(), Viewer()
    watching = viewer.watch(await streams.response(request(), answer))
    await viewer.came.wait()
    streams.close()
    await watching
    assert told(viewer.text) == [{"here": 1}]
    assert len(streams) == 0


async def test_a_question_that_fails_is_told_and_the_stream_goes_on(quick: None) -> None:
    streams, viewer, answers = Streams(), Viewer(), 0

    async def failing() -> dict[str, int]:
        nonlocal answers
        answers += 1
        if answers == 2:
            raise SinkUnavailableError("ClickHouse is away")
        return {"here": answers}

    await viewer.watch(await streams.response(request(), failing))
    assert "event: trouble" in viewer.text
    first, trouble, last = told(viewer.text)
    assert (first, trouble["detail"], last) == ({"here": 1}, "ClickHouse is away", {"here": 3})


async def test_a_slow_answer_lets_the_server_be_heard(quick: None) -> None:
    streams, viewer, asked_for = Streams(), Viewer(), 0

    async def slow() -> dict[str, int]:
        nonlocal asked_for
        asked_for += 1
        while asked_for > 1 and ": still asking" not in viewer.text:
            await asyncio.sleep(0)
        return {"here": asked_for}

    await viewer.watch(await streams.response(request(), slow))
    assert [one["here"] for one in told(viewer.text)] == [1, 2, 3]
