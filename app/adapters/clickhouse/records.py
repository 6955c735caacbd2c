"""Small tables of the product's own work: rows in, rows out of them again, by the web server."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.clients import ClientPool, insert_compression, is_unreachable, place
from app.adapters.clickhouse.codes import advice, brief, describe, is_retriable
from app.adapters.clickhouse.persons import DELETING
from app.adapters.clickhouse.sink import PINNED
from app.errors import SinkError, SinkUnavailableError
from app.settings import ClickHouseSettings

_INSERTING = {**PINNED, "date_time_input_format": "best_effort"}
_ENCODER = msgspec.json.Encoder()


class Records:
    """Writes to tables of one database. Raises SinkError, also SinkUnavailableError."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self._pool = ClientPool(settings, readonly=False)

    async def insert(self, table: str, row: msgspec.Struct, *, token: str | None = None) -> None:
        """Add a row; of all that come with one token, the table keeps the first."""
        settings = {**_INSERTING, "insert_deduplication_token": token or secrets.token_hex(16)}

        def send(client: Client) -> None:
            client.raw_insert(
                f"{self._settings.database}.{table}",
                insert_block=_ENCODER.encode(row) + b"\n",
                fmt="JSONEachRow",
                settings=settings,
                compression=insert_compression(self._settings),
            )

        await self._run(send, at=table)

    async def delete(self, table: str, *, column: str, values: Sequence[str]) -> None:
        """Remove the rows with one of the values; they are gone on return."""
        among = f"has({{values:Array(String)}}, {column})"
        sql = f"ALTER TABLE {{database:Identifier}}.{table} DELETE WHERE {among}"
        bound = {"database": self._settings.database, "values": list(values)}

        def send(client: Client) -> None:
            client.command(sql, parameters=bound, settings=DELETING)

        await self._run(send, at=table)

    async def close(self) -> None:
        """Wait for what is under way and close the clients."""
        await self._pool.close()

    async def _run(self, send: Callable[[Client], None], *, at: str) -> None:
        try:
            await self._pool.run(send)
        except ClickHouseError as error:
            raise self._refusal(error, table=at) from error

    def _refusal(self, error: ClickHouseError, *, table: str) -> SinkError:
        at, code = f"{place(self._settings)}, table {table}", getattr(error, "code", None)
        text = brief(str(error))
        if is_unreachable(error):
            return SinkUnavailableError(
                f"{at}: no answer from ClickHouse: {text}. Check clickhouse.url and that the server is up."
            )
        if code is None:
            return SinkError(f"{at}: {text}")
        kind = SinkUnavailableError if is_retriable(code) else SinkError
        return kind(f"{at}: ClickHouse error {describe(code)}: {text}. To do: {advice(code)}.")
