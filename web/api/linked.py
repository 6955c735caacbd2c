"""What a link to the dashboard opens of the API: sums of its site, and with a filter nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.accounts import Share
from views.stats import fields
from web.api.asking import body_of
from web.api.endpoints import Endpoint
from web.problems import ProblemKind, problem

#: What is asked by these is text of the site's, or of whoever asks; everything else may name a field.
_TEXTS = frozenset(
    {
        "site",
        "page",
        "event",
        "return_page",
        "return_event",
        "page_matches",
        "title",
        "value",
        "values",
        "keys",
        "control",
    }
)


async def refusal(share: Share, endpoint: Endpoint, request: Request) -> Response | None:
    """403 for what the link does not show; None for what it does."""
    if not endpoint.is_kept:
        return _forbidden("it shows sums: nothing of single people, and nothing that is made or changed")
    needed = msgspec.json.decode(share.filter) if share.filter else None
    if needed is not None and not _holds(needed, await _filter(endpoint, request)):
        return _forbidden(f"it shows the site with this filter, or within an `and` of it: {share.filter}")
    for name in _names(await _asked(endpoint, request), but=needed):
        if name in fields.OF_PEOPLE or name.startswith(fields.USER):
            return _forbidden(f"it shows sums, and {name[:64]!r} tells single people apart")
    return None


async def _asked(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    """All that is asked by parameters and body, by name."""
    asked: dict[str, Any] = {name: _read(value) for name, value in request.query_params.multi_items()}
    if endpoint.body is not None:
        asked[""] = msgspec.to_builtins(await body_of(request, endpoint.body))
    return asked


def _read(value: str) -> Any:
    """A parameter's value: JSON, or names with commas between them."""
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value.split(",")


def _names(asked: Any, *, but: Any) -> Iterator[str]:
    """Every text in it that may name a field; ``but``: the part that is the link's own."""
    if but is not None and asked == but:
        return
    if isinstance(asked, str):
        yield asked.strip()
    elif isinstance(asked, dict):
        for name, value in asked.items():
            if name not in _TEXTS:
                yield from _names(value, but=but)
    elif isinstance(asked, list):
        for one in asked:
            yield from _names(one, but=but)


async def _filter(endpoint: Endpoint, request: Request) -> Any:
    """The filter that is asked with; None for none, and where none can be."""
    if endpoint.body is not None:
        body = await body_of(request, endpoint.body)
        return msgspec.to_builtins(getattr(body, "filter", None))
    asked = request.query_params.getlist("filter") if "filter" in endpoint.parameters else []
    try:
        return msgspec.json.decode(asked[0]) if len(asked) == 1 else None
    except msgspec.DecodeError:
        return None


def _holds(needed: Any, asked: Any) -> bool:
    """Whether all that passes ``asked`` passes ``needed``."""
    if asked == needed:
        return True
    return isinstance(asked, dict) and asked.get("op") == "and" and needed in asked.get("filters", [])


def _forbidden(why: str) -> Response:
    return problem(403, kind=ProblemKind.FORBIDDEN, detail=f"the link does not open this: {why}")
