"""Filters and goals in query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.errors import QueryError
from views.stats.model import Filter
from web.api.endpoints import Parameter

EVENT_PARAMETERS = {
    "event": Parameter(
        meaning="Name of the events that count. Default: any that the site counts as conversion."
    ),
    "event_filter": Parameter(
        meaning="JSON as in POST /api/v1/query, on fields of events: those that count."
    ),
}


def filter_of(values: Mapping[str, str], name: str) -> Filter | None:
    """The filter that a parameter holds; QueryError for what is none."""
    if name not in values:
        return None
    found: Filter = converted(json_of(values, name), Filter)
    return found


def goal_of(values: Mapping[str, str]) -> dict[str, Any]:
    """The events that EVENT_PARAMETERS name, as a Goal that is still to be checked."""
    asked: dict[str, Any] = {}
    if "event" in values:
        asked["event"] = values["event"]
    if "event_filter" in values:
        asked["filter"] = json_of(values, "event_filter")
    return asked


def json_of(values: Mapping[str, str], name: str) -> Any:
    """The JSON of a parameter; QueryError that says what is wrong."""
    text = values[name]
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise QueryError(
            f"{name} = {text[:64]!r}: expected JSON as in POST /api/v1/query; {error}"
        ) from error


def converted(asked: Any, kind: Any) -> Any:
    """Values of parameters as a type; QueryError that says what is wrong."""
    try:
        return msgspec.convert(asked, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise QueryError(f"the question is not as expected: {error}; see /docs") from error
