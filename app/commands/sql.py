"""``wua sql``: plain SQL, read-only, on the configured ClickHouse or a data directory; what can be asked."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from app import settings
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.codes import brief
from app.adapters.clickhouse.readonly import only_reading
from app.embedded.place import clickhouse_url
from app.errors import QueryError
from views.catalog import VIEWS, View

#: Format -> the engine's name of it.
FORMATS = {
    "json": "JSON",
    "jsonl": "JSONEachRow",
    "csv": "CSVWithNames",
    "tsv": "TSVWithNames",
    "parquet": "Parquet",
    "arrow": "Arrow",
}
BINARY = frozenset({"parquet", "arrow"})
#: What a view is asked with where nobody says otherwise: people.
DEFAULTS = {"bots": "[0]"}
#: A value of each type of parameter, for asking what columns a view has.
_SAMPLES = {"String": "UTC", "Date": "1970-01-01", "DateTime('UTC')": "1970-01-01 00:00:00"}

_NAME = re.compile(r"\s*(\w+)\s*;?\s*")
_PLACE = re.compile(r"\{\s*(\w+)\s*:")
_SUBJECT = re.compile(r"identifier '(?:\w+\.)?(\w+)'|able function (\w+)|able (?:\w+\.)?(\w+) does not exist")

_TABLES_SQL = """
SELECT name, engine, comment FROM system.tables
WHERE database = {database:String} AND engine != 'MaterializedView'
ORDER BY engine = 'View', name
"""
_COLUMNS_SQL = """
SELECT name, type, comment FROM system.columns
WHERE database = {database:String} AND table = {table:String}
ORDER BY position
"""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """SQL, and the text of each value that it is asked with."""

    sql: str
    values: Mapping[str, str] = {}


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "sql",
        description="Prints the answer of one SELECT to ClickHouse, on a connection that can change "
        "nothing, or says what there is to ask.",
    )
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "query",
        nargs="?",
        help="one SELECT, the name of a table or view, or - for standard input; names are of our database",
    )
    asked.add_argument("--file", type=Path, help="a file with one SELECT")
    asked.add_argument("--tables", action="store_true", help="what there is to ask, and what it is")
    asked.add_argument("--describe", metavar="NAME", help="columns of a table; parameters of a view")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="the value of {NAME:Type}"
    )
    parser.add_argument("--limit", type=int, metavar="ROWS", help="no more rows than these")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    parser.add_argument("--format", choices=["table", *FORMATS], default="table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the answer; 1 when ClickHouse refuses the query."""
    if arguments.format in BINARY and sys.stdout.isatty():
        raise QueryError(f"{arguments.format} is not for a terminal: send it to a file, with > FILE")
    overrides = {"clickhouse.url": clickhouse_url(arguments.data)} if arguments.data else {}
    clickhouse = settings.load(overrides=overrides).clickhouse
    client = open_client(clickhouse, readonly=True)
    try:
        client.database = clickhouse.database
        question = _question(arguments, clickhouse.database)
        _print(client, question, as_format=arguments.format)
    except ClickHouseError as error:
        raise _refusal(client, error, database=clickhouse.database) from error
    finally:
        client.close()
    return 0


def _question(arguments: argparse.Namespace, database: str) -> Question:
    """What is asked, by whichever argument."""
    if arguments.tables:
        return Question(sql=_TABLES_SQL, values={"database": database})
    if arguments.describe is not None:
        return _description(arguments.describe, database)
    values = dict(_value(text) for text in arguments.param)
    sql = _text(arguments)
    named = _NAME.fullmatch(sql)
    if named and named[1] in VIEWS:
        sql, values = _of_view(VIEWS[named[1]], values, database)
    elif named:
        sql = f"SELECT * FROM {database}.{named[1]}"  # noqa: S608 - a word of letters
    if unused := values.keys() - set(_PLACE.findall(sql)):
        raise QueryError(f"the query has no place for {', '.join(sorted(unused))}: write {{NAME:Type}}")
    return Question(sql=only_reading(_limited(sql, arguments.limit)), values=values)


def _text(arguments: argparse.Namespace) -> str:
    """The query as given; raises QueryError where it cannot be read."""
    if arguments.file is not None:
        try:
            return str(arguments.file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise QueryError(f"--file {arguments.file} cannot be read: {error}") from error
    if arguments.query not in (None, "-"):
        return str(arguments.query)
    if sys.stdin.isatty():
        raise QueryError("no query: give one, or --file, or send it to standard input; --tables says of what")
    return sys.stdin.read()


def _value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise QueryError(f"--param {text!r}: expected NAME=VALUE, for {{NAME:Type}} of the query")
    return name, value


def _of_view(view: View, values: Mapping[str, str], database: str) -> tuple[str, dict[str, str]]:
    """A view asked by its name: every parameter it has, by --param."""
    given = {**{name: value for name, value in DEFAULTS.items() if name in view.parameters}, **values}
    missing = [f"--param {name}=({kind})" for name, kind in view.parameters.items() if name not in given]
    if missing:
        raise QueryError(f"the view {view.name} wants {' '.join(missing)}; see --describe {view.name}")
    return f"SELECT * FROM {view.call(database)}", given  # noqa: S608 - of the closed list


def _limited(sql: str, limit: int | None) -> str:
    if limit is None:
        return sql
    if limit < 0 or not sql.lstrip().upper().startswith(("SELECT", "WITH", "(")):
        raise QueryError(f"--limit {limit}: expected 0 or more, and a query that begins with SELECT or WITH")
    bare = only_reading(sql).rstrip().removesuffix(";")
    return f"SELECT * FROM (\n{bare}\n) LIMIT {limit}"  # noqa: S608 - a reader's own query


def _description(name: str, database: str) -> Question:
    """The columns of a table, or of a view for values that nothing has."""
    if name not in VIEWS:
        if not name.isidentifier():
            raise QueryError(f"--describe {name!r}: expected the name of a table or view; see --tables")
        return Question(sql=_COLUMNS_SQL, values={"database": database, "table": name})
    view = VIEWS[name]
    values = {parameter: _sample(kind) for parameter, kind in view.parameters.items()}
    return Question(sql=f"DESCRIBE TABLE {view.call(database)}", values=values)


def _sample(kind: str) -> str:
    return "[]" if kind.startswith("Array") else _SAMPLES.get(kind, "1")


def _print(client: Client, question: Question, *, as_format: str) -> None:
    if as_format in FORMATS:
        out: BinaryIO = sys.stdout.buffer
        out.write(client.raw_query(question.sql, parameters=dict(question.values), fmt=FORMATS[as_format]))
        return
    answer = client.query(question.sql, parameters=dict(question.values))
    table = Table(*answer.column_names)
    for row in answer.result_rows:
        table.add_row(*map(str, row))
    Console().print(table)


def _refusal(client: Client, error: ClickHouseError, *, database: str) -> QueryError:
    """Why ClickHouse will not answer, and what there is of a similar name."""
    text = f"ClickHouse refuses the query: {brief(str(error))}"
    if "Substitution" in str(error) or "query parameter" in str(error):
        return QueryError(f"{text}. Give each {{NAME:Type}} its value by --param NAME=VALUE")
    if "EMPTY_LIST_OF_COLUMNS_QUERIED" in str(error):
        return QueryError(f"{text}. A view wants its parameters: `wua sql VIEW --param NAME=VALUE`")
    subject = _SUBJECT.search(str(error))
    if subject is None:
        return QueryError(text)
    known = [row[0] for row in client.query(_TABLES_SQL, parameters={"database": database}).result_rows]
    near = get_close_matches(next(filter(None, subject.groups())), known, n=3)
    hint = f"Near is {', '.join(near)}. " if near else ""
    return QueryError(f"{text}. {hint}`wua sql --tables` lists what there is")
