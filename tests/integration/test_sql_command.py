"""``wua sql``: what it prints of a data directory, and what it says when it cannot."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import parquet

from app.adapters.clickhouse import open_client
from app.cli import main
from app.embedded.engine import ChdbEngine
from migrations import comments
from migrations.runner import migrate
from tests.integration.engines import settings_for
from tests.sql.store import Store, block, event
from views.catalog import VIEWS

Wua = Callable[..., str]
MAY = ("--param", "site=shop", "--param", "since=2015-05-01", "--param", "until=2015-06-01")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two visitors and a program."""
    place = tmp_path_factory.mktemp("asked")
    with ChdbEngine(place / "clickhouse") as engine:
        client = open_client(settings_for(engine.url), readonly=False)
        migrate(client, database="wua")
        comments.apply(client, database="wua")
        within = block()
        store = Store(client, "wua")
        store.insert(
            [
                event(within),
                event(within, offset=1, visitor_id="v2", path="/straße"),
                event(within, offset=2, visitor_id="b1", is_bot=1),
            ]
        )
        client.close()
    return place


@pytest.fixture
def wua(data: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Wua:
    """What the command prints; it must succeed unless told otherwise."""

    def asked(*arguments: str, ends: int = 0) -> str:
        assert main(["sql", *arguments, "--data", str(data)]) == ends
        told = capsysbinary.readouterr()
        return (told.err if ends else told.out).decode()

    return asked


def test_a_view_is_asked_by_its_name_and_of_people_unless_told(wua: Wua) -> None:
    (people,) = csv.DictReader(io.StringIO(wua("site_totals", *MAY, "--format", "csv")))
    assert (people["visitors"], people["page_views"]) == ("2", "2")
    everything = wua("site_totals", *MAY, "--param", "bots=[0,1]", "--format", "jsonl")
    assert json.loads(everything)["page_views"] == 3
    assert "wants --param limit=(UInt32)" in wua("top_pages", *MAY, ends=1)


def test_values_are_bound_and_never_read_as_sql(wua: Wua) -> None:
    hostile = "O'Brien \\ {x} --"
    told = wua("SELECT {n:UInt8} + 1 AS n, {s:String} AS s", "--param", "n=4", "--param", f"s={hostile}",
               "--format", "jsonl")  # fmt: skip
    assert json.loads(told) == {"n": 5, "s": hostile}


def test_a_query_comes_from_a_file_or_standard_input(
    wua: Wua, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "SELECT path FROM page_views_silver WHERE is_bot = 0 ORDER BY path;\n"
    file = tmp_path / "pages.sql"
    file.write_text(query, encoding="utf-8")
    assert wua("--file", str(file), "--format", "tsv") == "path\n/a\n/straße\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(query))
    assert wua("--format", "tsv", "--limit", "1") == "path\n/a\n"


def test_parquet_is_what_others_read(
    wua: Wua, data: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    query = "SELECT path, count() AS views FROM page_views_silver GROUP BY path ORDER BY path"
    assert main(["sql", query, "--data", str(data), "--format", "parquet"]) == 0
    table = parquet.read_table(io.BytesIO(capsysbinary.readouterr().out))
    assert table.column_names == ["path", "views"]
    assert table["views"].to_pylist() == [2, 1]


def test_what_there_is_to_ask_is_told_with_its_comments(wua: Wua) -> None:
    tables = {row["name"]: row["comment"] for row in lines(wua("--tables", "--format", "jsonl"))}
    known = comments.load()
    assert {name for name in tables if name not in VIEWS} == set(known.tables)
    assert tables["session_merges"] == known.of_table("session_merges")
    columns = {
        row["name"]: row["comment"] for row in lines(wua("--describe", "session_merges", "--format", "jsonl"))
    }
    assert columns["merged_into"] == known.of_column("session_merges", "merged_into")


@pytest.mark.parametrize("view", ["hour_series", "vitals", "accepted_events"])
def test_a_view_is_described_by_its_columns(wua: Wua, view: str) -> None:
    assert len(lines(wua("--describe", view, "--format", "jsonl"))) > 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SELECT * FROM sesions_silver"], "Near is sessions_silver"),
        (["SELECT * FROM site_total(site = 'a')"], "site_totals"),
        (["SELECT * FROM site_totals"], "A view wants its parameters"),
        (["page_views_gold"], "wua sql --tables"),
        (["SELECT {x:UInt8}"], "--param NAME=VALUE"),
        (["SELECT 1", "--param", "x=1"], "no place for x"),
        (["SELECT 1", "--param", "x"], "expected NAME=VALUE"),
        (["SELECT {x:UInt8}", "--param", "x=minus"], "ClickHouse refuses the query"),
        (["SHOW TABLES", "--limit", "1"], "begins with SELECT or WITH"),
        (["SELECT 1", "--limit", "-1"], "expected 0 or more"),
        (["SELECT 1) SELECT (1", "--limit", "1"], "ClickHouse refuses the query"),
        (["--file", "/nowhere.sql"], "cannot be read"),
        (["--describe", "a b"], "expected the name of a table or view"),
        (["DROP TABLE page_views_silver"], "begin with SELECT or WITH"),
    ],
)
def test_a_refusal_says_what_to_do(wua: Wua, arguments: list[str], said: str) -> None:
    assert said in wua(*arguments, ends=1)


def lines(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]
