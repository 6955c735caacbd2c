"""Readers against a real engine: what they answer, and what they cannot do."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.adapters.clickhouse import QueryPool, codes
from app.adapters.clickhouse.clients import QUICK
from app.embedded.engine import ChdbEngine
from app.errors import QueryError, SinkUnavailableError, ThrownError
from app.settings import ClickHouseSettings
from tests.integration.engines import ask, clickhouse, engine, settings_for

__all__ = ["clickhouse", "engine"]


@pytest_asyncio.fixture
async def pool(clickhouse: ClickHouseSettings) -> AsyncIterator[QueryPool]:
    pool = QueryPool(clickhouse.model_copy(update={"query_timeout_s": 1.0}))
    yield pool
    await pool.close()


@pytest.mark.asyncio
async def test_values_are_bound_and_types_come_back(pool: QueryPool) -> None:
    answer = await pool.query(
        "SELECT {text:String} AS text, {n:Int64} + 1 AS n, toDate({day:Date}) AS day, "
        "fromUnixTimestamp64Milli({at:Int64}, 'UTC') AS at, {list:Array(String)} AS list, "
        "{col:Identifier} AS one FROM system.one",
        {
            "text": "it's\n\\ \x00 é; -- {n:Int64}",
            "n": 2**40,
            "day": dt.date(2024, 2, 29),
            "at": 1_700_000_000_123,
            "list": ["a'", "\n"],
            "col": "dummy",
        },
    )
    assert answer.columns == ("text", "n", "day", "at", "list", "one")
    assert answer.rows == [
        (
            "it's\n\\ \x00 é; -- {n:Int64}",
            2**40 + 1,
            dt.date(2024, 2, 29),
            dt.datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=dt.UTC),
            ["a'", "\n"],
            0,
        )
    ]


@pytest.mark.asyncio
async def test_parameters_may_be_longer_than_a_url(pool: QueryPool) -> None:
    long = "é" * 50_000
    answer = await pool.query("SELECT {text:String} AS text", {"text": long})
    assert answer.rows == [(long,)]


@pytest.mark.asyncio
async def test_an_empty_answer_still_has_columns(pool: QueryPool) -> None:
    answer = await pool.query("SELECT 1 AS n, {x:String} AS s WHERE 0;", {"x": "y"})
    assert (answer.columns, answer.rows) == (("n", "s"), [])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO default.t VALUES (1)",
        "CREATE TABLE default.x (a Int8) ENGINE = Memory",
        "DROP TABLE default.t",
        "ALTER TABLE default.t DELETE WHERE 1",
        "SET readonly = 0",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM s3('http://127.0.0.1:1/a/b.csv')",
        "SELECT * FROM executable('ls', 'TSV', 'a String')",
        "SELECT \u2018'\u2019, file(\u2018/etc/passwd\u2019), \u2018'\u2019",
        "SELECT 1, // '\nfile('/etc/passwd') // '",
        "SELECT file\u200b('/etc/passwd')",
        "SELECT 1 INTO OUTFILE '/tmp/never-written'",
        "SELECT \u2018'\u2019 INTO OUTFILE \u2018/tmp/never'written\u2019",
        "SELECT 1; DROP TABLE default.t",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
    ],
)
async def test_a_reader_cannot_leave_its_tables(engine: ChdbEngine, pool: QueryPool, sql: str) -> None:
    ask(engine, "CREATE TABLE IF NOT EXISTS default.t (n Int8) ENGINE = MergeTree ORDER BY n")
    with pytest.raises((QueryError, SinkUnavailableError)):
        await pool.query(sql)
    assert ask(engine, "SELECT count() FROM default.t") == "0"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT nope", r"47.*nope.*To do:"),
        ("SELECT 1 FROM wua_nowhere.t", r"81 UNKNOWN_DATABASE.*wua migrate"),
        ("SELECT {n:Int64}", r"456.*`n`|456.*'n'"),
        (
            "SELECT sum(sipHash64(number)) FROM numbers(100000000000)",
            r"159 TIMEOUT_EXCEEDED.*a shorter period",
        ),
        ("SELECT number FROM numbers(2000000)", r"396.*a shorter period"),
        (
            "SELECT groupArray(number) FROM numbers(2000000000)",
            r"241 MEMORY_LIMIT_EXCEEDED.*a shorter period|159",
        ),
    ],
)
async def test_a_question_that_cannot_be_answered_says_why(pool: QueryPool, sql: str, expected: str) -> None:
    with pytest.raises(QueryError, match=expected):
        await pool.query(sql)


@pytest.mark.asyncio
async def test_what_a_statement_throws_is_told_from_other_refusals(pool: QueryPool) -> None:
    with pytest.raises(ThrownError, match="395 FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"):
        await pool.query("SELECT throwIf(number = {n:UInt8}) FROM numbers(9)", {"n": 7})
    with pytest.raises(QueryError) as refused:
        await pool.query("SELECT nothing")
    assert not isinstance(refused.value, ThrownError)


@pytest.mark.asyncio
async def test_many_questions_at_once_are_answered(pool: QueryPool) -> None:
    answers = await asyncio.gather(*(pool.query("SELECT {n:Int64} * 2", {"n": n}) for n in range(40)))
    assert [answer.rows for answer in answers] == [[(2 * n,)] for n in range(40)]


@pytest.mark.asyncio
async def test_ping_and_version_tell_of_a_living_engine(engine: ChdbEngine, pool: QueryPool) -> None:
    assert await pool.ping()
    assert await pool.version() == engine.version


@pytest.mark.asyncio
async def test_an_absent_server_is_unavailable_and_named_without_its_password() -> None:
    pool = QueryPool(settings_for("http://someone:secret@127.0.0.1:1"))
    assert not await pool.ping()
    with pytest.raises(SinkUnavailableError, match=r"http://127\.0\.0\.1:1: no answer.*Check") as caught:
        await pool.query("SELECT 1")
    assert "secret" not in str(caught.value)
    await pool.close()


def test_our_names_of_codes_are_the_engines(engine: ChdbEngine) -> None:
    ours = {code: known.name for table in (codes.RETRIABLE, codes.FINAL) for code, known in table.items()}
    listed = ",".join(map(str, ours))
    answer = ask(engine, f"SELECT arrayJoin([{listed}]) AS code, errorCodeToName(code)")
    theirs = dict(line.split("\t") for line in answer.splitlines())
    assert {str(code): name for code, name in ours.items()} == theirs


@pytest.mark.asyncio
async def test_the_engine_knows_each_setting_that_readers_ask_for(pool: QueryPool) -> None:
    known = "SELECT name, value FROM system.settings WHERE has({names:Array(String)}, name)"
    answer = await pool.query(known, {"names": [*QUICK]})
    assert dict(answer.rows) == {name: str(value) for name, value in QUICK.items()}


@pytest.mark.asyncio
async def test_a_question_is_compiled_to_nothing_however_often_it_is_asked(pool: QueryPool) -> None:
    compiled = "SELECT sum(value) FROM system.events WHERE event = 'CompileFunction'"
    (before,) = (await pool.query(compiled)).rows
    asked = "SELECT number % 7 AS n, sum(number * 3 + 1), max(n - 5) FROM numbers(1000) GROUP BY n ORDER BY n"
    answers = [(await pool.query(asked)).rows for _ in range(6)]
    assert answers == [answers[0]] * 6
    assert (await pool.query(compiled)).rows == [before]
