"""A question that may be asked -> a response: the type that is wanted, kept for a while, with validators."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.kept_answers import Store
from app.settings import Settings
from views.params import Period
from web.accepting import ARROW, CSV, JSON, chosen
from web.api.access import Access
from web.api.endpoints import Context, Endpoint
from web.api.presenting import Answered
from web.api.tables import as_arrow, as_csv, columns
from web.problems import ProblemKind, problem

#: How long a client may use an answer without asking, in seconds: one that can still change, and one about
#: days that no event can reach any more.
OPEN_AGE_S = 10
CLOSED_AGE_S = 300
VARY = "Accept, Authorization, Cookie, X-Share-Token"
NO_STORE = "private, no-store"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A good answer as it is sent; ``next_cursor`` is the one that a table has no place for."""

    content_type: str
    body: bytes
    max_age_s: int
    next_cursor: str | None = None


class _NotKept(Exception):  # noqa: N818 - no error: an answer that is not to be given again
    def __init__(self, response: Response) -> None:
        self.response = response


class Answering:
    """Handles the requests of every endpoint."""

    def __init__(self, context: Context, *, access: Access, store: Store) -> None:
        settings = context.queries.settings
        self._context = context
        self._access = access
        self._ttl_s = settings.cache.ttl_s
        self._store = store
        self._about = _about(settings)
        self._flights: dict[str, asyncio.Task[Kept]] = {}

    async def handle(self, endpoint: Endpoint, request: Request) -> Response:
        """Admit, choose the type, answer."""
        caller = await self._access.caller(endpoint, request)
        limited, headers = self._access.limit(caller, request)
        request.state.asker = self._access.asker(caller, request)
        if limited is not None:
            return limited
        refused = await self._access.refusal(caller, endpoint, request)
        response = refused or await self._answer(endpoint, request)
        response.headers.update(headers)
        return response

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        media = chosen(", ".join(request.headers.getlist("accept")), endpoint.media)
        if media is None:
            return problem(
                406,
                kind=ProblemKind.NOT_ACCEPTABLE,
                detail=f"Accept names none of {', '.join(endpoint.media)}",
                headers={"Vary": VARY},
            )
        try:
            kept = await self._kept(endpoint, request, media)
        except _NotKept as found:
            found.response.headers.setdefault("Vary", VARY)
            found.response.headers.setdefault("Cache-Control", NO_STORE)
            return _unless_known(found.response, request)
        return _unless_known(_response(kept, is_kept=endpoint.is_kept), request)

    async def _kept(self, endpoint: Endpoint, request: Request, media: str) -> Kept:
        """The answer, of several that ask the same at once made for one."""

        async def made() -> Kept:
            return self._present(endpoint, await endpoint.handler(request, self._context), media)

        if not (self._ttl_s and endpoint.is_kept):
            return await made()
        key = await self._key(endpoint, request, media)
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._found_or(key, made), name="api-answer")
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        # Who goes away takes nothing from the others.
        return await asyncio.shield(flight)

    async def _found_or(self, key: str, made: Callable[[], Awaitable[Kept]]) -> Kept:
        found = await self._store.get(key)
        if found is not None:
            try:
                return msgspec.msgpack.decode(found, type=Kept)
            except msgspec.DecodeError:
                pass  # another version's, or nobody's: asked anew and written over
        kept = await made()
        await self._store.put(key, msgspec.msgpack.encode(kept), ttl_s=self._ttl_s)
        return kept

    def _landed(self, key: str, done: asyncio.Task[Kept]) -> None:
        del self._flights[key]
        if not done.cancelled():
            done.exception()  # whoever waits gets it; nobody may wait any more

    async def _key(self, endpoint: Endpoint, request: Request, media: str) -> str:
        """Everything that an answer depends on, apart from the time: whoever may ask gets the same."""
        asked = [
            self._about,
            endpoint.method,
            endpoint.path,
            sorted(request.path_params.items()),
            sorted(request.query_params.multi_items()),
            await request.body() if endpoint.body is not None else b"",
            media,
        ]
        return f"wua:answer:{hashlib.sha256(msgspec.msgpack.encode(asked)).hexdigest()}"

    def _present(self, endpoint: Endpoint, response: Response, media: str) -> Kept:
        # A file, and what has a version of its own, goes out as it is.
        if response.status_code != 200 or not isinstance(response, Answered) or "etag" in response.headers:
            raise _NotKept(response)
        answer = response.answer
        kept = Kept(
            content_type=response.headers["content-type"],
            body=bytes(response.body),
            max_age_s=self._age_s(answer),
        )
        if not endpoint.table or media == JSON:
            return kept
        found = columns(answer, endpoint.table)
        return msgspec.structs.replace(
            kept,
            content_type=f"{CSV}; charset=utf-8" if media == CSV else ARROW,
            body=as_csv(found) if media == CSV else as_arrow(found),
            next_cursor=getattr(answer, "next_cursor", None),
        )

    def _age_s(self, answer: Any) -> int:
        about = getattr(answer, "overview", answer)
        if not {"site_id", "since", "until", "timezone"} <= set(getattr(about, "__struct_fields__", ())):
            return OPEN_AGE_S
        period = Period(since=about.since, until=about.until, zone=ZoneInfo(about.timezone))
        settings = self._context.queries.settings
        own = settings.site(about.site_id).sessions.grace_ms
        grace = timedelta(milliseconds=settings.sessions.grace_ms if own is None else own)
        now = self._context.now
        return CLOSED_AGE_S if now - period.bounds[1] >= grace else OPEN_AGE_S


def _response(kept: Kept, *, is_kept: bool) -> Response:
    """200 with the body."""
    etag = f'"{hashlib.sha256(kept.content_type.encode() + kept.body).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Vary": VARY,
        "Cache-Control": f"private, max-age={kept.max_age_s}" if is_kept else NO_STORE,
    }
    if kept.next_cursor is not None:
        headers["X-Next-Cursor"] = kept.next_cursor
    return Response(kept.body, headers={**headers, "Content-Type": kept.content_type})


def _unless_known(response: Response, request: Request) -> Response:
    """The answer; 304 without its body where the client has that version of it already."""
    is_asked = response.status_code == 200 and request.method in ("GET", "HEAD")
    etag = response.headers.get("etag")
    if not is_asked or etag is None or not _has(request.headers.getlist("if-none-match"), etag):
        return response
    headers = {name: text for name, text in response.headers.items() if not name.startswith("content-")}
    return Response(status_code=304, headers=headers)


def _has(if_none_match: list[str], etag: str) -> bool:
    """Whether one of the tags is this one, by the weak comparison that RFC 9110 asks for here."""
    tags = {tag.strip().removeprefix("W/") for value in if_none_match for tag in value.split(",")}
    return bool(tags & {etag, "*"})


def _about(settings: Settings) -> str:
    """What every answer depends on beside the question; other servers may share the store."""
    told = settings.model_dump_json(
        include={"clickhouse", "default_site", "sites", "funnels", "sessions", "ingest"}
    )
    return f"{version('web-user-analytics')} {told}"
