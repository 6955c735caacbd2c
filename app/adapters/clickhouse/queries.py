"""SQL and bound values -> columns and rows, by clients that can only read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.clients import ClientPool, is_unreachable, place
from app.adapters.clickhouse.codes import advice, brief, describe, is_retriable
from app.adapters.clickhouse.readonly import only_reading
from app.errors import QueryError, SinkUnavailableError, ThrownError, WuaError
from app.settings import ClickHouseSettings

#: The limits of a reader: the question was too big, the server is well.
TOO_BIG = frozenset({158, 159, 160, 241, 307, 396})


class QueryResult(msgspec.Struct, frozen=True):
    """An answer; ``columns`` are there even when no row is."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


#: CANNOT_COMPILE_REGEXP: whoever asks wrote it.
BAD_PATTERN = 427
#: FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
THROWN = 395


class QueryPool:
    """Read-only clients. Nothing is retried: a person waits for the answer."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self._pool = ClientPool(settings, readonly=True)

    async def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> QueryResult:
        """The answer to ``sql``, whose ``{name:Type}`` places are bound to ``parameters`` by ClickHouse.

        Raises QueryError when the question cannot be answered as asked (ThrownError when the statement says
        so itself), SinkUnavailableError when ClickHouse is away or overloaded.
        """
        only_reading(sql)
        bound = dict(parameters or {})

        def ask(client: Client) -> QueryResult:
            answer = client.query(sql, parameters=bound)
            columns = answer.column_names or _columns(client, sql, bound)
            return QueryResult(tuple(columns), [tuple(row) for row in answer.result_rows])

        try:
            return await self._pool.run(ask)
        except ClickHouseError as error:
            raise self._refusal(error) from error

    async def ping(self) -> bool:
        """Whether ClickHouse answers a query now."""
        try:
            await self.query("SELECT 1")
        except WuaError:
            return False
        return True

    async def version(self) -> str:
        """The engine's version, such as ``26.9.2.1``."""
        answer = await self.query("SELECT version()")
        return str(answer.rows[0][0])

    async def close(self) -> None:
        """Wait for questions under way and close the clients."""
        await self._pool.close()

    def _refusal(self, error: ClickHouseError) -> WuaError:
        at = place(self._settings)
        code: int | None = getattr(error, "code", None)
        if is_unreachable(error):
            return SinkUnavailableError(
                f"{at}: no answer from ClickHouse: {brief(str(error))}. "
                "Check clickhouse.url and that the server is up."
            )
        if code is None:
            return QueryError(f"{at}: {brief(str(error))}. Check the parameters and their types.")
        if code == BAD_PATTERN:
            found = re.search(r"cannot compile re2: (.*?)\. Look at", str(error), flags=re.DOTALL)
            told = found[1] if found else brief(str(error))
            return QueryError(f"no regular expression: {told[:200]}; expected one in RE2's syntax")
        text = f"{at}: ClickHouse error {describe(code)}: {brief(str(error))}. To do: "
        if code in TOO_BIG:
            return QueryError(f"{text}ask for a shorter period, one site, or fewer dimensions.")
        if code == THROWN:
            return ThrownError(f"{text}{advice(code)}.")
        return (SinkUnavailableError if is_retriable(code) else QueryError)(f"{text}{advice(code)}.")


def _columns(client: Client, sql: str, bound: dict[str, Any]) -> tuple[str, ...]:
    """Names of the columns of an empty answer: chDB sends no header with it, servers do."""
    described = client.query(f"DESCRIBE TABLE (\n{sql.rstrip().rstrip(';')}\n)", parameters=bound)
    return tuple(str(row[0]) for row in described.result_rows)
