"""Whether the server lives, whether it can do its work, and its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from web.problems import ProblemKind, problem

#: A part that is silent for this long does not answer.
CHECK_TIMEOUT_S = 3.0
NO_STORE = {"Cache-Control": "no-store"}

#: Whether a part answers now.
Check = Callable[[], Awaitable[bool]]


class PartState(StrEnum):
    """What a part of the product said."""

    OK = "ok"
    UNAVAILABLE = "unavailable"


def routes(parts: Mapping[str, Check], *, registries: Sequence[CollectorRegistry]) -> list[Route]:
    """``/healthz``, ``/readyz`` and ``/metrics``; ``parts`` are what readiness depends on, by name."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=NO_STORE)

    async def ready(_: Request) -> Response:
        states = await ask(parts)
        if all(state is PartState.OK for state in states.values()):
            return JSONResponse({"status": "ok", "parts": states}, headers=NO_STORE)
        silent = ", ".join(name for name, state in states.items() if state is not PartState.OK)
        return problem(
            503, kind=ProblemKind.NOT_READY, detail=f"no answer from {silent}; see `wua doctor`", parts=states
        )

    async def metrics(_: Request) -> Response:
        text = b"".join(generate_latest(registry) for registry in registries)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/api/v1/health", alive),
        Route("/metrics", metrics),
    ]


async def ask(parts: Mapping[str, Check]) -> dict[str, PartState]:
    """What each part says, all asked at once."""
    answers = await asyncio.gather(*(_answers(check) for check in parts.values()))
    return {
        name: PartState.OK if ok else PartState.UNAVAILABLE for name, ok in zip(parts, answers, strict=True)
    }


async def _answers(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except TimeoutError:
        return False
