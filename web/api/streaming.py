"""The same question again and again, its answers as a stream of server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.errors import WuaError
from web.problems import TITLES, ProblemKind, problem

EVENT_STREAM = "text/event-stream"
#: Between two answers; while one is awaited longer than this, a comment shows that the server is there.
EVERY_S = 4.0
#: Answers of one stream. Whoever looks on asks anew, and is admitted anew.
ANSWERS = 60
#: How many there may be at once, of one viewer and in all.
PER_VIEWER, IN_ALL = 6, 60
RETRY_MS = 2000

Ask = Callable[[], Awaitable[Any]]


class Streams:
    """Those that are open."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._closing = asyncio.Event()

    def __len__(self) -> int:
        return self._open.total()

    def close(self) -> None:
        """End every stream, and each that begins from now on after its first answer."""
        self._closing.set()

    async def response(self, request: Request, ask: Ask) -> Response:
        """The stream, or 429 where there are enough. Raises what the first question raises."""
        asker = request.state.asker
        if self._open[asker] >= PER_VIEWER or len(self) >= IN_ALL:
            return problem(
                429,
                kind=ProblemKind.TOO_MANY_REQUESTS,
                detail=f"{PER_VIEWER} streams of a viewer and {IN_ALL} of all may be open at once; "
                "close one, or ask without `Accept: text/event-stream`",
                headers={"Retry-After": "30"},
            )
        first = _message(await ask())
        self._open[asker] += 1
        return _Stream(self._messages(first, ask), released=lambda: self._release(asker))

    def _release(self, asker: str) -> None:
        self._open[asker] -= 1
        self._open += Counter()  # forgets those that have none

    async def _messages(self, first: bytes, ask: Ask) -> AsyncIterator[bytes]:
        yield b"retry: %d\n\n" % RETRY_MS
        yield first
        closing = asyncio.create_task(self._closing.wait(), name="streams-closing")
        try:
            for _ in range(ANSWERS - 1):
                await asyncio.wait({closing}, timeout=EVERY_S)
                async for message in _asked(ask, closing):
                    yield message
                if closing.done():
                    return
        finally:
            closing.cancel()


async def _asked(ask: Ask, closing: asyncio.Task[Any]) -> AsyncIterator[bytes]:
    """The answer, with comments before it while it takes long; nothing where all is closing."""
    asking = asyncio.create_task(_told(ask), name="stream-answer")
    try:
        while not closing.done():
            await asyncio.wait({asking, closing}, timeout=EVERY_S)
            if asking.done() and not closing.done():
                yield asking.result()
                return
            yield b": still asking\n\n"
    finally:
        asking.cancel()


async def _told(ask: Ask) -> bytes:
    try:
        return _message(await ask())
    except WuaError as error:
        # The stream goes on: the next question may be answered.
        title = TITLES[ProblemKind.STORE_UNAVAILABLE]
        return b"event: trouble\n" + _message({"title": title, "detail": str(error)})


def _message(answer: Any) -> bytes:
    return b"data: " + msgspec.json.encode(answer) + b"\n\n"


class _Stream(StreamingResponse):
    """A stream that says when it has ended, however it did."""

    def __init__(self, messages: AsyncIterator[bytes], *, released: Callable[[], None]) -> None:
        # A proxy that waits for the whole answer would wait long.
        super().__init__(messages, media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"})
        self._released = released

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends or the viewer has gone."""
        try:
            sending = asyncio.create_task(super().__call__(scope, receive, send), name="stream")
            gone = asyncio.create_task(_gone(receive), name="stream-viewer")
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)
        finally:
            self._released()


async def _gone(receive: Receive) -> None:
    """Return once the viewer has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
