"""Definitions that operators store: of a kind and a site, every version kept, the latest counts.

Nothing is remembered in the process: of two writers, in one process or in two, one is told of the conflict.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from app.adapters.clickhouse.definitions import DefinitionRow, write_definition
from app.errors import ConflictError, NotFoundError, QueryError, SinkUnavailableError
from app.settings import ClickHouseSettings
from views.matching import refuse_bad_expressions
from views.reading import Reader, Row

T = TypeVar("T")

DefinitionId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$(?!\n)")]
MAX_DEFINITIONS = 1000
MAX_VERSIONS = 1000
#: A token whose row an engine lost as it died is passed over: so many versions are tried.
_TRIES = 3
#: So many are named where one is not found.
_NAMED = 20


class Kind(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What is defined: its name in the table, the Struct of a body, what else a body has to be.

    ``check`` gives the regular expressions of a body; QueryError for one that can never be answered.
    """

    name: str
    body: type[T]
    check: Callable[[T], list[str]]


class Stored(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A version of a definition; ``definition`` is None where it was deleted.

    ``version`` 0: it stands in the settings, and is changed there alone.
    """

    id: str
    version: int
    is_deleted: bool
    changed_at: datetime | None
    definition: T | None


class Definitions:
    """Reads with the readers' connection, writes with one of its own."""

    def __init__(
        self,
        reader: Reader,
        settings: ClickHouseSettings,
        *,
        fixed: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """``fixed``: what stands in the settings for every site, by kind and id; it is not written."""
        self._reader = reader
        self._settings = settings
        self._fixed = fixed

    async def listed(self, kind: Kind[T], *, site_id: str) -> list[Stored[T]]:
        """Those of the settings, then the latest of each that is not deleted, by id."""
        rows = await self._rows("latest_definitions", kind, site_id=site_id)
        fixed = self._fixed.get(kind.name, {})
        stored = [_stored(kind, row) for row in rows if not row["is_deleted"] and row["id"] not in fixed]
        return [*(_of_settings(named, body) for named, body in sorted(fixed.items())), *stored]

    async def get(self, kind: Kind[T], *, site_id: str, definition_id: str) -> Stored[T]:
        """The latest version; NotFoundError where there is none, or it was deleted."""
        fixed = self._fixed.get(kind.name, {})
        if definition_id in fixed:
            return _of_settings(definition_id, fixed[definition_id])
        found = await self._latest(kind, site_id=site_id, definition_id=definition_id)
        if found is None or found.is_deleted:
            there = [one.id for one in await self.listed(kind, site_id=site_id)]
            known = ", ".join(there[:_NAMED]) + (", ..." if len(there) > _NAMED else "") or "none"
            raise NotFoundError(f"no {kind.name} {definition_id[:64]!r}; known are: {known} (site {site_id})")
        return found

    async def was_ever(self, kind: Kind[T], *, site_id: str, definition_id: str) -> bool:
        """Whether there is or was one of the id."""
        return await self._latest(kind, site_id=site_id, definition_id=definition_id) is not None

    async def history(self, kind: Kind[T], *, site_id: str, definition_id: str) -> list[Stored[T]]:
        """Its versions, latest first, at most 1000; NotFoundError where there never was one."""
        bound = {"site": site_id, "kind": kind.name, "id": definition_id or "-", "most": MAX_VERSIONS}
        rest = "ORDER BY version DESC LIMIT {most:UInt32}"
        rows = await self._reader.select("definition_versions", bound, rest=rest)
        if not rows:
            raise NotFoundError(f"no {kind.name} {definition_id[:64]!r} of site {site_id} has ever been")
        return [_stored(kind, row) for row in rows]

    async def create(
        self, kind: Kind[T], body: T, *, site_id: str, definition_id: str | None, now_ms: int
    ) -> Stored[T]:
        """The first version under an id, or the next of one that was deleted; without an id, a new one.

        Raises ConflictError where there is one of the id, QueryError for a bad id or body, or too many.
        """
        named = self._writable(kind, _checked_id(definition_id or uuid.uuid4().hex))
        if len(await self.listed(kind, site_id=site_id)) >= MAX_DEFINITIONS:
            raise QueryError(f"site {site_id} has {MAX_DEFINITIONS} {kind.name}s: delete one first")
        before = await self._latest(kind, site_id=site_id, definition_id=named)
        if before is not None and not before.is_deleted:
            raise ConflictError(
                f"{kind.name} {named!r} of site {site_id} is there already; replace it by PUT"
            )
        version = before.version if before else 0
        return await self._put(kind, body, site_id=site_id, named=named, after=version, now_ms=now_ms)

    async def replace(
        self, kind: Kind[T], body: T, *, site_id: str, definition_id: str, expected: int | None, now_ms: int
    ) -> Stored[T]:
        """The next version; ConflictError where the latest is not ``expected``, or changes meanwhile."""
        before = await self._expected(kind, site_id=site_id, definition_id=definition_id, expected=expected)
        return await self._put(
            kind, body, site_id=site_id, named=before.id, after=before.version, now_ms=now_ms
        )

    async def delete(
        self, kind: Kind[T], *, site_id: str, definition_id: str, expected: int | None, now_ms: int
    ) -> Stored[T]:
        """The version that says so; ConflictError as for ``replace``."""
        before = await self._expected(kind, site_id=site_id, definition_id=definition_id, expected=expected)
        return await self._put(
            kind, None, site_id=site_id, named=before.id, after=before.version, now_ms=now_ms
        )

    async def _expected(
        self, kind: Kind[T], *, site_id: str, definition_id: str, expected: int | None
    ) -> Stored[T]:
        self._writable(kind, definition_id)
        before = await self.get(kind, site_id=site_id, definition_id=definition_id)
        if expected is not None and expected != before.version:
            raise _conflict(kind, before.id, site_id)
        return before

    def _writable(self, kind: Kind[T], named: str) -> str:
        if named in self._fixed.get(kind.name, {}):
            raise ConflictError(
                f"{kind.name} {named!r} stands in the settings: change it in faust.yml, `{kind.name}s`"
            )
        return named

    async def _put(
        self, kind: Kind[T], body: T | None, *, site_id: str, named: str, after: int, now_ms: int
    ) -> Stored[T]:
        if body is not None:
            await refuse_bad_expressions(self._reader, kind.check(body))
        row = DefinitionRow(
            kind=kind.name,
            site_id=site_id,
            id=named,
            version=after,
            body="" if body is None else msgspec.json.encode(body).decode(),
            is_deleted=int(body is None),
            changed_at=datetime.fromtimestamp(now_ms / 1000, UTC),
        )
        for version in range(after + 1, after + 1 + _TRIES):
            ours = msgspec.structs.replace(row, version=version)
            await write_definition(self._settings, ours)
            kept = await self._latest(kind, site_id=site_id, definition_id=named)
            if kept is None or kept.version < version:
                continue
            if kept != (written := _stored(kind, msgspec.structs.asdict(ours))):
                raise _conflict(kind, named, site_id)
            return written
        raise SinkUnavailableError(
            f"{self._settings.database}.definitions does not show what was written to it; on a cluster "
            "ask the replica that is written to"
        )

    async def _latest(self, kind: Kind[T], *, site_id: str, definition_id: str) -> Stored[T] | None:
        if not definition_id:
            raise NotFoundError(f"the id of the {kind.name} is empty")
        rows = await self._rows("latest_definitions", kind, site_id=site_id, definition_id=definition_id)
        return _stored(kind, rows[0]) if rows else None

    async def _rows(self, view: str, kind: Kind[T], *, site_id: str, definition_id: str = "") -> list[Row]:
        return await self._reader.rows(view, {"site": site_id, "kind": kind.name, "id": definition_id})


def _checked_id(text: str) -> str:
    try:
        return msgspec.convert(text, DefinitionId)
    except msgspec.ValidationError as error:
        raise QueryError(
            f"id = {text[:64]!r}: expected up to 64 letters, digits, - and _, a letter or digit first"
        ) from error


def _conflict(kind: Kind[T], named: str, site_id: str) -> ConflictError:
    return ConflictError(
        f"{kind.name} {named!r} of site {site_id} was changed meanwhile: read it again, then change that"
    )


def _of_settings(named: str, body: T) -> Stored[T]:
    return Stored(id=named, version=0, is_deleted=False, changed_at=None, definition=body)


def _stored(kind: Kind[T], row: Row) -> Stored[T]:
    return Stored(
        id=row["id"],
        version=row["version"],
        is_deleted=bool(row["is_deleted"]),
        changed_at=row["changed_at"],
        definition=None if row["is_deleted"] else msgspec.json.decode(row["body"], type=kind.body),
    )
