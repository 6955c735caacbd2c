"""``wua definitions``: what a file says is defined once, listed, shown, deleted; a mistake changes none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.adapters.clickhouse import open_client
from app.cli import main
from app.commands.definitions import read
from app.embedded.engine import ChdbEngine
from app.errors import QueryError
from migrations.runner import migrate
from tests.integration.engines import settings_for

FILE = """
funnels:
  buying:
    title: Buying
    window: 30m
    steps: [{title: Cart, page: /cart}, {title: Bought, event: $purchase}]
goals:
  order: {title: Order, event: $purchase, value: 2.5, currency: EUR}
  2026: {title: Sale, page: "/sale/*"}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with nothing in its tables."""
    place = tmp_path_factory.mktemp("data")
    with ChdbEngine(place / "clickhouse") as engine:
        client = open_client(settings_for(engine.url), readonly=False)
        migrate(client, database="wua")
        client.close()
    return place


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "definitions.yml"
    file.write_text(text, "utf-8")
    return file


def test_what_a_file_says_is_defined_once_and_changed_where_it_changes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str | Path, status: int = 0) -> str:
        where = ("--site", "shop", "--data", str(data))
        assert main(["definitions", *map(str, arguments), *where]) == status
        out, error = capsys.readouterr()
        return error if status else out

    file = written(tmp_path, FILE)
    assert told("put", file).splitlines() == [
        "funnel buying: version 1",
        "goal order: version 1",
        "goal 2026: version 1",
    ]
    assert told("put", file).count("version 1 says so already") == 3
    file.write_text(FILE.replace("2.5", "3").replace("/sale/*", "/sale"), "utf-8")
    assert told("put", file).splitlines() == [
        "funnel buying: version 1 says so already",
        "goal order: version 2",
        "goal 2026: version 2",
    ]
    listed = told("list")
    for part in ("checkout", "buying", "order", "2026", "Sale"):
        assert part in listed
    assert json.loads(told("show", "goal", "order")) == {
        "title": "Order",
        "event": "$purchase",
        "value": 3.0,
        "currency": "EUR",
    }
    assert told("delete", "goal", "order") == "deleted: goal order\n"
    assert "no goal 'order'; known are: 2026" in told("show", "goal", "order", status=1)
    assert "goal order: version 4" in told("put", file)
    assert "change it in faust.yml" in told("delete", "funnel", "checkout", status=1)


def test_a_file_with_a_mistake_changes_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, FILE + "  wrong: {title: Wrong, page: /a, event: b}\n")
    assert main(["definitions", "put", str(file), "--site", "other", "--data", str(data)]) == 1
    assert "goals.wrong: expected one of `page`" in capsys.readouterr().err
    assert main(["definitions", "list", "--site", "other", "--data", str(data)]) == 0
    listed = capsys.readouterr().out
    assert "checkout" in listed
    assert "buying" not in listed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected `funnels` and `goals`"),
        ("[]", "expected `funnels` and `goals`"),
        ("experiments: {}", "expected `funnels` and `goals`"),
        ("goals: [1]", "goals: expected definitions by id"),
        ("goals: {a: {title: A}}", "goals.a: expected one of `page`"),
        ("goals: {a: {title: A, event: x, colour: red}}", "unknown field `colour`"),
        ("goals: {a: {title: A, filter: {op: is, field: country, value: DE}}}", "no field of events"),
        ("funnels: {a: {title: A, steps: []}}", "funnels.a: "),
        ("funnels: {a: !!python/object:os.system {}}", "could not determine a constructor"),
        ("a: b: c", "mapping values are not allowed"),
    ],
)
def test_what_is_no_definition_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(QueryError, match=r"definitions\.yml: ") as refused:
        [*read(written(tmp_path, text))]
    assert told in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="nowhere"):
        [*read(tmp_path / "nowhere.yml")]


@pytest.mark.parametrize("site", ["", "a b", "*"])
def test_a_site_that_cannot_be_is_wrong_usage(site: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["definitions", "list", "--site", site])
