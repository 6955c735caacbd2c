"""Query parameters -> the page or event that an analysis is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from app.errors import QueryError
from views.happenings import Happening, Target
from web.api.endpoints import Parameter
from web.api.filtering import FILTER, filter_of

T = TypeVar("T", bound=Target)

PAGE_OR_EVENT = {
    "page": Parameter(meaning="A page's path; `*` stands for any run of characters."),
    "event": Parameter(meaning="An event's name; in place of a page."),
    "filter": FILTER,
}


def target_of(values: Mapping[str, str]) -> Target:
    """The page or event of ``page`` or ``event``."""
    return _made({name: values.get(name) for name in ("page", "event")}, Target)


def happening_of(values: Mapping[str, str], *, prefix: str = "") -> Happening:
    """The page or event of ``page`` or ``event``, and the ``filter``; each with a prefix."""
    named = {name: values.get(prefix + name) for name in ("page", "event")}
    return _made({**named, "filter": filter_of(values, f"{prefix}filter")}, Happening)


def _made(found: dict[str, object], kind: type[T]) -> T:
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise QueryError(f"page, event: {error}") from error
