"""Settings -> how ClickHouse is reached, and ClickHouse's errors -> what we do about them."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, ProgrammingError

from app.adapters.clickhouse import codes
from app.adapters.clickhouse.clients import insert_compression, is_embedded, is_unreachable, place
from app.settings import ClickHouseSettings


@pytest.mark.parametrize(
    ("url", "shown", "embedded", "packed"),
    [
        ("http://localhost:8123", "http://localhost:8123", False, None),
        ("http://me:s%40crt@127.0.0.1", "http://127.0.0.1:8123", False, None),
        ("https://me:secret@ch.example.com", "https://ch.example.com:8443", False, "lz4"),
        ("chdb:///var/lib/wua", "chdb:///var/lib/wua", True, None),
    ],
)
def test_a_url_says_where_and_how_but_is_shown_without_its_user(
    url: str, shown: str, embedded: bool, packed: str | None
) -> None:
    settings = ClickHouseSettings(url=url)
    assert (place(settings), is_embedded(settings), insert_compression(settings)) == (shown, embedded, packed)


@pytest.mark.parametrize(
    ("error", "unreachable"),
    [
        (OperationalError("connection refused"), True),
        (DatabaseError("HTTP driver received HTTP status 502"), True),
        (DatabaseError("no", code=60), False),
        (OperationalError("busy", code=202), False),
        (ProgrammingError("wrong use"), False),
    ],
)
def test_an_error_without_a_code_means_that_clickhouse_did_not_answer(
    error: DatabaseError, unreachable: bool
) -> None:
    assert is_unreachable(error) is unreachable


@pytest.mark.parametrize("code", [164, 209, 210, 241, 242, 243, 252, 999])
def test_what_passes_by_itself_is_retriable_and_has_advice(code: int) -> None:
    assert codes.is_retriable(code)
    assert codes.advice(code)


@pytest.mark.parametrize("code", [16, 60, 62, 81, 117, 497, 516, 9999])
def test_what_needs_a_change_is_not_retriable(code: int) -> None:
    assert not codes.is_retriable(code)
    assert codes.advice(code)


def test_no_code_is_in_both_tables() -> None:
    assert not codes.RETRIABLE.keys() & codes.FINAL.keys()


def test_a_code_is_described_by_name_where_we_know_it() -> None:
    assert codes.describe(252) == "252 TOO_MANY_PARTS"
    assert codes.describe(9999) == "9999"


def test_a_message_is_cut_before_its_stack_trace_and_at_its_limit() -> None:
    assert codes.brief("bad\n  thing, Stack trace (when copying):\n0. f() @ 0x1") == "bad thing"
    assert codes.brief("bad\n0. f() @ 0x1") == "bad"
    assert codes.brief("x" * 10, limit=4) == "xxxx…"
    refused = "Max retries exceeded with url: /?async_insert=0&query_id=7 (Connection refused)"
    assert codes.brief(refused) == "Max retries exceeded with url: / (Connection refused)"
