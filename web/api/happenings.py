"""Query parameters -> the page or event that an analysis is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from app.errors import QueryError
from views.happenings import Happening, Target
from views.stats.model import Filter
from web.api.endpoints import Parameter

T = TypeVar("T", bound=Target)

PAGE_OR_EVENT = {
    "page": Parameter(meaning="A page's path; `*` stands for any run of characters."),
    "event": Parameter(meaning="An event's name; in place of a page."),
    "filter": Parameter(
        meaning='JSON as in POST /api/v1/query: `{"op": "is", "field": "channel", "value": "Email"}`.'
    ),
}


def target_of(values: Mapping[str, str]) -> Target:
    """The page or event of ``page`` or ``event``."""
    return _made({name: values.get(name) for name in ("page", "event")}, Target)


def happening_of(values: Mapping[str, str], *, prefix: str = "") -> Happening:
    """The page or event of ``page`` or ``event``, and the ``filter``; each with a prefix."""
    named = {name: values.get(prefix + name) for name in ("page", "event")}
    return _made({**named, "filter": filter_of(values, f"{prefix}filter")}, Happening)


def filter_of(values: Mapping[str, str], name: str) -> Filter | None:
    """The filter of a parameter, which is JSON."""
    if (text := values.get(name)) is None:
        return None
    try:
        found: Filter = msgspec.json.decode(text, type=Filter)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise QueryError(
            f"{name} = {text[:64]!r}: expected JSON as in POST /api/v1/query; {error}"
        ) from error
    return found


def _made(found: dict[str, object], kind: type[T]) -> T:
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise QueryError(f"page, event: {error}") from error
