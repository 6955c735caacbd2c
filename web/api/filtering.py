"""Query parameters of the analyses: a filter as JSON, an order, names with commas between."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec

from app.errors import QueryError
from views.stats.model import Filter
from web.api.endpoints import Parameter

E = TypeVar("E", bound=StrEnum)

FILTER = Parameter(
    meaning='JSON as in POST /api/v1/query: `{"op": "is", "field": "channel", "value": "Email"}`.'
)


def filter_of(values: Mapping[str, str]) -> Filter | None:
    """The filter that is given as JSON."""
    text = values.get("filter")
    if text is None:
        return None
    try:
        found: Filter = msgspec.json.decode(text, type=Filter)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise QueryError(
            f"filter = {text[:64]!r}: expected JSON as in POST /api/v1/query; {error}"
        ) from error
    return found


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
