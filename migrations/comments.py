"""migrations/comments.toml -> the COMMENTs of tables and columns, which an analyst sees beside the schema.

Views get theirs when they are made (migrations.runner). TRICKY: a materialized view is never altered, not
even its comment: from then until ClickHouse starts again it takes a block twice that is inserted again. To
alter tables is safe, those that views read included; tests/sql/test_comments.py holds both.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files
from itertools import takewhile

import msgspec
from clickhouse_connect.driver.binding import format_str as quoted
from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.codes import advice, brief, describe
from app.errors import MigrationError
from migrations.statements import Target

ABOUT = "about"

_TABLES_SQL = """
SELECT name, comment FROM system.tables
WHERE database = {database:String} AND (engine LIKE '%MergeTree' OR engine = 'Null')
ORDER BY name
"""
_COLUMNS_SQL = """
SELECT table, name, comment FROM system.columns WHERE database = {database:String} ORDER BY table, position
"""


class Comments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sentences: of columns by their name, and of each table with what its columns mean there alone."""

    columns: dict[str, str]
    tables: dict[str, dict[str, str]]

    def of_table(self, table: str) -> str:
        """What a table is; empty where nobody says."""
        return self.tables.get(table, {}).get(ABOUT, "")

    def of_column(self, table: str, column: str) -> str:
        """What a column means in a table; empty where nobody says."""
        return self.tables.get(table, {}).get(column) or self.columns.get(column, "")


def load() -> Comments:
    """The comments of this installation."""
    text = (files("migrations") / "comments.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Comments)


def apply(client: Client, *, database: str, cluster: str = "") -> list[str]:
    """Give tables and columns their comments; the tables that changed, by name: none the second time.

    Two questions tell what the database has, and a table is altered by one statement, if at all. Raises
    MigrationError when ClickHouse refuses; to run again does the rest.
    """
    known = load()
    where = Target(database=database, cluster=cluster).placeholders["on_cluster"]
    changed = []
    try:
        columns = _columns(client, database)
        for table, about in client.query(_TABLES_SQL, parameters={"database": database}).result_rows:
            changes = _changes(known, table, about, columns[table])
            if changes:
                client.command(f"ALTER TABLE {database}.{table} {where} {', '.join(changes)}")
                changed.append(table)
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        told = f"{describe(code)}: {brief(str(error))}. To do: {advice(code)}" if code else brief(str(error))
        raise MigrationError(f"comments of {database} cannot be set: {told}; then run again") from error
    return changed


def explained(view: str) -> str:
    """The text of a views/*.sql file, with the text that it begins with as the view's comment.

    A parameterized view has no columns to comment on before it is called: what its figures mean is in there.
    """
    return f"{view.rstrip().removesuffix(';')}\nCOMMENT {quoted(about(view))};\n"


def about(view: str) -> str:
    """What a views/*.sql file says of itself, on one line."""
    header = takewhile(lambda line: line.startswith("--"), view.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in header)


def _columns(client: Client, database: str) -> Mapping[str, dict[str, str]]:
    """Table -> column -> its comment."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for table, name, comment in client.query(_COLUMNS_SQL, parameters={"database": database}).result_rows:
        found[table][name] = comment
    return found


def _changes(known: Comments, table: str, about: str, columns: Mapping[str, str]) -> list[str]:
    """What an ALTER has to say for the table to have its comments."""
    wanted = known.of_table(table)
    changes = [f"MODIFY COMMENT {quoted(wanted)}"] if wanted and wanted != about else []
    for column, comment in columns.items():
        text = known.of_column(table, column)
        if text and text != comment:
            changes.append(f"COMMENT COLUMN {quote_identifier(column)} {quoted(text)}")
    return changes
