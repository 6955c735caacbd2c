"""A version of a definition -> the table definitions. What there is is read by views/definitions.py."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.clients import is_unreachable, open_client, place
from app.adapters.clickhouse.codes import advice, brief, describe, is_retriable
from app.adapters.clickhouse.sink import PINNED
from app.errors import SinkError, SinkUnavailableError
from app.settings import ClickHouseSettings


class DefinitionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a definition, as its row."""

    kind: str
    site_id: str
    id: str
    version: int
    body: str
    is_deleted: int
    changed_at: datetime

    @property
    def token(self) -> str:
        """The same for every writer of this version: ClickHouse keeps the first."""
        return f"{self.kind}:{self.site_id}:{self.id}:{self.version}"


async def write_definition(settings: ClickHouseSettings, row: DefinitionRow) -> None:
    """Offer a version; whether it or another writer's is kept, only reading tells.

    Each time with a client of its own: definitions change seldom. Raises SinkUnavailableError when ClickHouse
    is away, SinkError when it refuses.
    """
    await asyncio.to_thread(_write, settings, row)


def _write(settings: ClickHouseSettings, row: DefinitionRow) -> None:
    client = None
    try:
        client = open_client(settings, readonly=False)
        client.raw_insert(
            f"{settings.database}.definitions",
            insert_block=msgspec.json.encode(row),
            fmt="JSONEachRow",
            settings={
                **PINNED,
                "insert_deduplication_token": row.token,
                "date_time_input_format": "best_effort",
            },
        )
    except ClickHouseError as error:
        raise _refusal(error, at=f"{settings.database}.definitions at {place(settings)}") from error
    finally:
        if client is not None:
            with suppress(ClickHouseError):
                client.close()


def _refusal(error: ClickHouseError, *, at: str) -> SinkError:
    code: int | None = getattr(error, "code", None)
    if is_unreachable(error) or code is None:
        return SinkUnavailableError(
            f"{at}: {brief(str(error))}. Check clickhouse.url and that the server is up."
        )
    kind = SinkUnavailableError if is_retriable(code) else SinkError
    return kind(f"{at}: ClickHouse error {describe(code)}: {brief(str(error))}. To do: {advice(code)}.")
