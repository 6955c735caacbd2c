"""Definitions of a kind over HTTP: list, read, history; with scope `write`: create, replace, delete."""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.api_keys import KeyScope
from app.errors import QueryError
from app.events.wire import SiteId
from views.definitions import Kind, Stored
from web.api.asking import body_of, query_of, site_of
from web.api.endpoints import Context, Endpoint, Parameter
from web.api.presenting import json_response

T = TypeVar("T", bound=msgspec.Struct)

_MATCH = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')
_SITE = {"site": Parameter(meaning="Site id.", kind=SiteId, is_required=True)}
_NAMED = {
    **_SITE,
    "id": Parameter(meaning="The id to be: letters, digits, - and _. Default: one of its own making."),
}


class Listed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Definitions of a site; ``version`` 0: in the settings, for every site."""

    site_id: str
    definitions: list[Stored[T]]


def endpoints(kind: Kind[T], *, stored: Any, listed: Any) -> tuple[Endpoint, ...]:
    """The endpoints of a kind: /api/v1/funnels and so on. ``stored``, ``listed``: the types of answers."""
    path = f"/api/v1/{kind.name}s"
    one = f"{path}/{{{kind.name}_id}}"

    async def show_list(request: Request, context: Context) -> Response:
        site_id = site_of(query_of(request, allowed=_SITE))
        found = await context.queries.definitions.listed(kind, site_id=site_id)
        return json_response(Listed(site_id=site_id, definitions=found))

    async def show(request: Request, context: Context) -> Response:
        definitions = context.queries.definitions
        return _answer(await definitions.get(kind, site_id=_site(request), definition_id=_id(request)))

    async def history(request: Request, context: Context) -> Response:
        site_id = _site(request)
        found = await context.queries.definitions.history(kind, site_id=site_id, definition_id=_id(request))
        return json_response(Listed(site_id=site_id, definitions=found))

    async def create(request: Request, context: Context) -> Response:
        values = query_of(request, allowed=_NAMED)
        made = await context.queries.definitions.create(
            kind,
            await body_of(request, kind.body),
            site_id=site_of(values),
            definition_id=values.get("id"),
            now_ms=context.clock(),
        )
        return _answer(made)

    async def replace(request: Request, context: Context) -> Response:
        made = await context.queries.definitions.replace(
            kind,
            await body_of(request, kind.body),
            site_id=_site(request),
            definition_id=_id(request),
            expected=_expected(request),
            now_ms=context.clock(),
        )
        return _answer(made)

    async def delete(request: Request, context: Context) -> Response:
        gone = await context.queries.definitions.delete(
            kind,
            site_id=_site(request),
            definition_id=_id(request),
            expected=_expected(request),
            now_ms=context.clock(),
        )
        return _answer(gone)

    def _id(request: Request) -> str:
        return str(request.path_params[f"{kind.name}_id"])

    return (
        Endpoint(
            method="GET",
            path=path,
            summary=f"The {kind.name}s of a site",
            handler=show_list,
            answer=listed,
            parameters=_SITE,
            is_personal=True,
        ),
        Endpoint(
            method="POST",
            path=path,
            summary=f"Define a {kind.name}",
            handler=create,
            answer=stored,
            parameters=_NAMED,
            body=kind.body,
            may_conflict=True,
            scope=KeyScope.WRITE,
        ),
        Endpoint(
            method="GET",
            path=one,
            summary=f"One {kind.name}; ETag is its version",
            handler=show,
            answer=stored,
            parameters=_SITE,
            may_be_missing=True,
            is_personal=True,
        ),
        Endpoint(
            method="PUT",
            path=one,
            summary=f"Replace a {kind.name}; with If-Match only that version",
            handler=replace,
            answer=stored,
            parameters=_SITE,
            body=kind.body,
            may_be_missing=True,
            may_conflict=True,
            scope=KeyScope.WRITE,
        ),
        Endpoint(
            method="DELETE",
            path=one,
            summary=f"Delete a {kind.name}; with If-Match only that version",
            handler=delete,
            answer=stored,
            parameters=_SITE,
            may_be_missing=True,
            may_conflict=True,
            scope=KeyScope.WRITE,
        ),
        Endpoint(
            method="GET",
            path=f"{one}/history",
            summary=f"Every version of a {kind.name}, latest first, also of a deleted one",
            handler=history,
            answer=listed,
            parameters=_SITE,
            may_be_missing=True,
            is_personal=True,
        ),
    )


def _site(request: Request) -> str:
    return site_of(query_of(request, allowed=_SITE))


def _answer(stored: Stored[Any]) -> Response:
    response = json_response(stored)
    # What stands in the settings has one version, whatever it says.
    if stored.version:
        response.headers["ETag"] = f'"{stored.version}"'
    return response


def _expected(request: Request) -> int | None:
    """The version that If-Match names; None where any will do."""
    text = request.headers.get("if-match", "*").strip()
    if text == "*":
        return None
    match = _MATCH.fullmatch(text)
    if match is None:
        raise QueryError(f'If-Match = {text[:40]!r}: expected the ETag of an answer, such as "3", or *')
    return int(match[1])
