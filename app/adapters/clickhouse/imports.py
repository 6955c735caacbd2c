"""Imports of other tools' exports -> the tables that remember them. Each write can be done again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.codes import brief, describe
from app.adapters.clickhouse.repair import FILLING
from app.errors import ImportFileError
from app.events.imports import DayFigures, DayKey, ImportRecord

ROWS_AT_ONCE = 50_000
DELETING = {"mutations_sync": 2}
_RECORD = ImportRecord.__struct_fields__
_FIGURES = DayFigures.__struct_fields__
_IS_KNOWN_SQL = """
SELECT site_id, tool FROM {database:Identifier}.imports FINAL WHERE import_id = {import_id:UUID}
"""


class ImportRows:
    """The tables of one database; every method raises ImportFileError when ClickHouse refuses."""

    def __init__(self, client: Client, *, database: str, cluster: str = "") -> None:
        self._client = client
        self._database = database
        self._where = f" ON CLUSTER '{cluster}'" if cluster else ""

    def is_known(self, import_id: str) -> bool:
        """Whether the import is there as a whole."""
        bound = {"database": self._database, "import_id": import_id}
        try:
            return bool(self._client.query(_IS_KNOWN_SQL, parameters=bound).result_rows)
        except ClickHouseError as error:
            raise self._refused(error) from error

    def add(self, record: ImportRecord, days: Mapping[DayKey, DayFigures]) -> None:
        """Write the days, if any, then the import itself: only with it are they seen."""
        now = datetime.now(UTC)
        rows = (
            (record.site_id, record.import_id, *key, *msgspec.structs.astuple(figures), now)
            for key, figures in days.items()
        )
        columns = ["site_id", "import_id", "dimension", "local_date", "value", *_FIGURES, "imported_at"]
        try:
            while some := list(islice(rows, ROWS_AT_ONCE)):
                self._insert("imported_daily", some, columns)
            self._insert("imports", [(*msgspec.structs.astuple(record), now)], [*_RECORD, "imported_at"])
        except ClickHouseError as error:
            raise self._refused(error) from error

    def remove(self, import_id: str) -> None:
        """Remove the import first, so that its days are seen no more, then the days."""
        try:
            for table in ("imports", "imported_daily"):
                self._client.command(
                    f"ALTER TABLE {self._database}.{table}{self._where} DELETE "
                    "WHERE import_id = {import_id:UUID}",
                    parameters={"import_id": import_id},
                    settings=DELETING,
                )
        except ClickHouseError as error:
            raise self._refused(error) from error

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]], columns: list[str]) -> None:
        self._client.insert(f"{self._database}.{table}", list(rows), column_names=columns, settings=FILLING)

    def _refused(self, error: ClickHouseError) -> ImportFileError:
        code: int | None = getattr(error, "code", None)
        said = (
            brief(str(error)) if code is None else f"ClickHouse error {describe(code)}: {brief(str(error))}"
        )
        return ImportFileError(
            f"{self._database}.imports: {said}; check clickhouse.url and `wua migrate --status`, then "
            "run the import again: what is there is not taken twice"
        )
