"""Who is meant, what is held of a person, and what was done about it. docs/PRIVACY.md has the shapes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person on one site: the visitor ids that are taken for the person's, and the user ids asked for."""

    site_id: str
    visitors: tuple[str, ...]
    users: tuple[str, ...] = ()


class HeldRows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of a person a table holds, and the query that says so."""

    table: str
    rows: int
    query: str


class ErasedTable(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed from a table; ``left`` is what ``query`` answered afterwards."""

    table: str
    removed: int
    left: int
    query: str


class StateAnswer(StrEnum):
    """What the state store says of a visitor after the erase message was handled."""

    GONE = "gone"
    PRESENT = "present"
    NOT_ASKED = "not_asked"


class ErasedState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a visitor: ``not_asked`` where no worker's web server could be reached.

    The erase message was handled and committed in any case.
    """

    visitor_id: str
    answer: StateAnswer
    detail: str = ""


class KeptTopic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic that goes on holding messages; ``retention_ms``: None where Kafka does not say, -1 for ever."""

    topic: str
    holds: str
    cleanup: str
    retention_ms: int | None


class ErasureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased, with the proof; ``is_complete`` where nothing is left in tables and state store."""

    site_id: str
    visitor_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    was_known: bool
    is_complete: bool
    tables: list[ErasedTable]
    states: list[ErasedState]
    topics: list[KeptTopic]


class PersonExport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is held of a person: rows by table as they stand there, and open windows by visitor.

    ``missing`` says what could not be asked; empty where the export is whole.
    """

    site_id: str
    visitor_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    exported_at: int
    tables: dict[str, list[dict[str, Any]]]
    open_windows: list[Any]
    missing: list[str]
