"""Query parameters of the analyses: filters and goals as JSON, an order, names with commas between."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from app.errors import QueryError
from views.stats.model import Filter
from web.api.endpoints import Parameter

E = TypeVar("E", bound=StrEnum)

FILTER = Parameter(
    meaning='JSON as in POST /api/v1/query: `{"op": "is", "field": "channel", "value": "Email"}`.'
)
COMPARE = Parameter(
    meaning="`previous_period`, `previous_year`, or days as `2026-01-01/2026-02-01`, the last left out."
)
EVENT_PARAMETERS = {
    "event": Parameter(
        meaning="Name of the events that count. Default: any that the site counts as conversion."
    ),
    "event_filter": Parameter(
        meaning="JSON as in POST /api/v1/query, on fields of events: those that count."
    ),
}


def filter_of(values: Mapping[str, str], name: str = "filter") -> Filter | None:
    """The filter that a parameter holds as JSON, None where none is; QueryError for what is no filter."""
    if (text := values.get(name)) is None:
        return None
    found: Filter = _decoded(text, name, Filter)
    return found


def compare_of(values: Mapping[str, str]) -> dict[str, Any]:
    """The period that COMPARE names, as a field of a question that is still to be checked."""
    if "compare" not in values:
        return {}
    since, _, until = values["compare"].partition("/")
    return {"compare": {"from": since, "to": until} if until else since}


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
    return _decoded(values[name], name, Any)


def converted(asked: Any, kind: Any) -> Any:
    """Values of parameters as a type; QueryError that says what is wrong."""
    try:
        return msgspec.convert(asked, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise QueryError(f"the question is not as expected: {error}; see /docs") from error


def names_of(kind: type[E], values: Mapping[str, str], name: str) -> list[E]:
    """Values of a closed list with commas between, in the order given, each once."""
    found = dict.fromkeys(part for part in values.get(name, "").split(",") if part)
    try:
        return [kind(one) for one in found]
    except ValueError as error:
        raise QueryError(f"{name} = {values[name][:64]!r}: expected some of {', '.join(kind)}") from error


def order_of(kind: type[E], values: Mapping[str, str], *, default: str) -> tuple[E, bool]:
    """What rows are ordered by, and whether the most comes first: where a ``-`` stands before the name."""
    text = values.get("order", default)
    try:
        return kind(text.removeprefix("-")), text.startswith("-")
    except ValueError as error:
        expected = ", ".join(kind)
        raise QueryError(
            f"order = {text[:64]!r}: expected one of {expected}, with a `-` before it for most first"
        ) from error


def _decoded(text: str, name: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise QueryError(
            f"{name} = {text[:64]!r}: expected JSON as in POST /api/v1/query; {error}"
        ) from error
