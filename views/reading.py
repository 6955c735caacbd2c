"""A view and its values -> rows, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.adapters.clickhouse import QueryPool
from views.catalog import VIEWS
from views.params import Scope

Row = dict[str, Any]


class Reader:
    """Asks the views of one database. Values are always bound; names come from the catalog."""

    def __init__(self, pool: QueryPool, *, database: str) -> None:
        self.pool = pool
        self.database = database

    async def rows(self, name: str, values: Mapping[str, Any], *, limit: int | None = None) -> list[Row]:
        """The rows of a view, ``limit`` of them; ``values`` holds at least its parameters."""
        bound = {**values, "at_most": limit}
        return await self.select(name, bound, rest="" if limit is None else "LIMIT {at_most:UInt32}")

    async def one(self, name: str, values: Mapping[str, Any]) -> Row:
        """The only row of a view of totals."""
        (row,) = await self.rows(name, values)
        return row

    async def select(
        self, name: str, values: Mapping[str, Any], *, columns: str = "*", rest: str = ""
    ) -> list[Row]:
        """Columns of a view, with clauses behind it: both texts are ours, whatever was asked is bound."""
        sql = f"SELECT {columns} FROM {self.call(name)} {rest}"  # noqa: S608
        return await self.ask(sql, values)

    async def ask(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of a statement that is ours; what was asked is bound in it."""
        answer = await self.pool.query(
            sql, {key: value for key, value in values.items() if value is not None}
        )
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

    def call(self, name: str, **bound_as: str) -> str:
        """A view as a table expression; ``bound_as``: parameter -> the name its value is bound under."""
        return VIEWS[name].inlined(self.database, **bound_as)


def about(scope: Scope, *, layer: str) -> dict[str, Any]:
    """What an answer says of itself."""
    return {
        "site_id": scope.site_id,
        "since": scope.period.since,
        "until": scope.period.until,
        "timezone": scope.period.zone.key,
        "layer": layer,
    }
