"""A person on the whole way: collected, exported, erased from tables and state store, and never back."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest

from app import serve
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.embedded.stack import EmbeddedStack
from app.events.persons import Person
from app.settings import Settings
from tests.factories import HOUR, MINUTE, plain_enrichment, wire
from tests.integration.test_dead_letters_command import wua
from tests.integration.test_embedded_stack import ask, fed
from tests.kafka.jvm import free_ports

pytestmark = pytest.mark.asyncio

PERSONS = "/api/v1/sites/shop/persons"
KEY = "0123456789abcdef"
OVERVIEW = "/api/v1/sites/shop/overview"
#: 2026-03-02 10:00 UTC.
FROM = {"from": "2026-03-01", "to": "2026-03-04"}


def view(visitor: str, *, at: int = 0, **fields: Any) -> tuple[bytes | None, bytes]:
    event = wire(visitor_id=visitor, event_id=str(uuid.uuid4()), origin="replay", **fields)
    event |= {name: event[name] + at for name in ("occurred_at", "sent_at", "received_at")}
    return f"shop:{visitor}".encode(), msgspec.json.encode(event)


def late(visitor: str) -> tuple[bytes | None, bytes]:
    """A page view that is refused."""
    key, value = view(visitor)
    event = json.loads(value)
    occurred_at = event["occurred_at"] - 30 * HOUR
    return key, msgspec.json.encode(event | {"origin": "browser", "occurred_at": occurred_at})


ADA = [
    view("ada", title="Inbox of Ada"),
    view("ada", at=MINUTE, user_id="7", properties={"note": "hush"}),
    view("adas-phone", at=2 * MINUTE, user_id="7"),
    late("ada"),
]
BOB = [view("bob"), view("bob", at=MINUTE), late("bob")]


def settings(**web: Any) -> Settings:
    """A worker's web server on a port of its own, so that it can be asked for its states."""
    (port,) = free_ports(1)
    # The visits are old: a clean-up would forget them, and comes after 30 s, which a slow machine may take.
    app = {"web_port": port, "table_cleanup_interval_s": 3600}
    return Settings(app=app, web={"admin_key": KEY, **web})


@asynccontextmanager
async def running(
    directory: Path, *, apart: bool = False
) -> AsyncIterator[tuple[EmbeddedStack, httpx.AsyncClient]]:
    """The stack with its web servers, asked by an operator.

    ``apart``: REST finds the worker by ``app.worker_url`` alone, as from another container.
    """
    async with EmbeddedStack(
        settings(), data_dir=directory, enrich=plain_enrichment, faust_web=True
    ) as stack:
        seen = stack.settings.app
        if apart:
            seen = seen.model_copy(
                update={"web_port": free_ports(1)[0], "worker_url": f"http://127.0.0.1:{seen.web_port}"}
            )
        app = serve.build(stack.settings.model_copy(update={"app": seen}))
        transport = httpx.ASGITransport(app=app)
        bearer = {"authorization": f"Bearer {KEY}"}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://localhost", headers=bearer, timeout=60
            ) as client,
        ):
            yield stack, client


def differing(stack: EmbeddedStack) -> list[str]:
    client = open_client(stack.settings.clickhouse, readonly=True)
    try:
        return [one.table for one in Reconciler(client, database="wua", pause_s=0).compare(Scope())]
    finally:
        client.close()


async def told(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_user_is_exported_erased_and_gone_and_the_numbers_stay(tmp_path):
    async with running(tmp_path) as (stack, client):
        await fed(stack, *ADA, *BOB)
        before = (await client.get(OVERVIEW, params=FROM)).json()

        export = await told(await client.get(f"{PERSONS}/export", params={"user": "7"}))
        assert export["visitor_ids"] == ["ada", "adas-phone"]
        assert {table: len(rows) for table, rows in export["tables"].items() if rows} == {
            "page_views_bronze": 3,
            "page_views_silver": 3,
            "user_behavior_silver": 3,
            "user_sessions_bronze": len(export["tables"]["user_sessions_bronze"]),
            "sessions_silver": len(export["tables"]["sessions_silver"]),
            "rejected_events_bronze": 1,
            "visitor_aliases": 2,
        }
        assert [window["visitor_id"] for window in export["open_windows"]] == ["ada", "adas-phone"]
        assert export["missing"] == []
        assert "hush" in json.dumps(export)

        report = await told(await client.post(f"{PERSONS}/erase", json={"user": "7"}))
        assert (report["is_complete"], report["was_known"]) == (True, True)
        assert (report["visitor_ids"], report["user_ids"]) == (["ada", "adas-phone"], ["7"])
        assert [(state["visitor_id"], state["answer"]) for state in report["states"]] == [
            ("ada", "gone"),
            ("adas-phone", "gone"),
        ]
        removed = {one["table"]: one["removed"] for one in report["tables"] if one["removed"]}
        assert removed == {table: len(rows) for table, rows in export["tables"].items() if rows}
        for one in report["tables"]:
            assert (one["left"], ask(stack, one["query"])) == (0, [(0,)])
        assert [topic["topic"] for topic in report["topics"]] == [
            "web_events",
            "web_events.dead_letter",
            "web_sessions",
            "web-user-analytics-visitors-changelog",
        ]

        document = await told(await client.get("/openapi.json"))
        for path, answer in (("export", export), ("erase", report)):
            (operation,) = document["paths"][f"/api/v1/sites/{{site_id}}/persons/{path}"].values()
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            jsonschema.validate(answer, {**schema, "components": document["components"]})

        assert (await client.get(OVERVIEW, params=FROM)).json() == before
        assert differing(stack) == []
        assert (await client.get(f"{PERSONS}/export", params={"visitor": "ada"})).status_code == 404
        kept = await told(await client.get(f"{PERSONS}/export", params={"visitor": "bob"}))
        assert len(kept["tables"]["user_behavior_silver"]) == 2
        assert len(kept["open_windows"]) == 1

        # What was refused of her cannot be sent back any more; what was of him can.
        letters = await told(await client.get("/api/v1/dead-letters"))
        assert len(letters["letters"]) == 1

        again = await told(await client.post(f"{PERSONS}/erase", json={"user": "7"}))
        assert (again["was_known"], again["is_complete"], again["visitor_ids"]) == (False, True, [])


async def test_who_comes_back_is_somebody_new(tmp_path):
    async with running(tmp_path) as (stack, client):
        await fed(stack, *ADA)
        await told(await client.post(f"{PERSONS}/erase", json={"visitor": "ada"}))
        await fed(stack, view("ada", at=3 * MINUTE))
        export = await told(await client.get(f"{PERSONS}/export", params={"visitor": "ada"}))
        (window,) = export["open_windows"][0]["windows"]
        assert (window["events"], window["user_id"]) == (1, "")
        assert differing(stack) == []


async def test_what_is_left_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("app.adapters.clickhouse.persons.PersonRows._delete", lambda *_, **__: None)
    async with running(tmp_path) as (stack, client):
        await fed(stack, *ADA)
        report = await told(await client.post(f"{PERSONS}/erase", json={"visitor": "ada"}))
        assert report["is_complete"] is False
        assert {one["left"] for one in report["tables"]} > {0}


async def test_a_web_server_apart_from_the_worker_asks_it_all_the_same(tmp_path):
    async with running(tmp_path, apart=True) as (stack, client):
        await fed(stack, *BOB)
        export = await told(await client.get(f"{PERSONS}/export", params={"visitor": "bob"}))
        assert export["missing"] == []
        assert [one["visitor_id"] for one in export["open_windows"]] == ["bob"]
        report = await told(await client.post(f"{PERSONS}/erase", json={"visitor": "bob"}))
        assert report["is_complete"] is True
        assert [state["answer"] for state in report["states"]] == ["gone"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "exactly one"),
        ({"user": "7", "visitor": "ada"}, "exactly one"),
        ({"name": "Ada"}, "unknown field"),
    ],
)
async def test_it_must_be_said_who(tmp_path, body, said):
    app = serve.build(settings())
    transport = httpx.ASGITransport(app=app)
    bearer = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=bearer) as client:
        answer = await client.post(f"{PERSONS}/erase", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
        assert said in answer.json()["detail"]
        assert (await client.get(f"{PERSONS}/export")).status_code == 400
        client.headers.pop("authorization")
        assert (await client.get(f"{PERSONS}/export", params={"user": "7"})).status_code == 401
        assert (await client.post(f"{PERSONS}/erase", json={"user": "7"})).status_code == 401


async def test_where_nobody_can_forget_nothing_is_removed_and_it_is_told(monkeypatch):
    nowhere = Settings(broker={"url": "kafka://127.0.0.1:1"}).broker
    app = serve.build(settings().model_copy(update={"broker": nowhere}))
    transport = httpx.ASGITransport(app=app)
    bearer = {"authorization": f"Bearer {KEY}"}
    monkeypatch.setattr("app.traffic.persons.Persons._work", _finds_ada)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=bearer) as client:
        answer = await client.post(f"{PERSONS}/erase", json={"visitor": "ada"})
        assert answer.status_code == 503
        assert "cannot be reached" in answer.json()["detail"]


async def _finds_ada(_: Any, __: Any, *, readonly: bool) -> Any:
    assert readonly, "nothing may be removed"
    return Person(site_id="shop", visitors=("ada",))


async def test_by_the_command_line(tmp_path):
    data = ("--site", "shop", "--data", tmp_path)
    stack = EmbeddedStack(Settings(), data_dir=tmp_path, enrich=plain_enrichment)
    async with stack:
        await fed(stack, *ADA, *BOB)
        refused = await asyncio.to_thread(wua, "erase", *data, "--visitor", "ada", "--yes")
        assert refused.returncode == 1
        assert "POST /api/v1/sites/SITE/persons/erase" in refused.stderr

    unsure = wua("erase", *data, "--user", "7")
    assert (unsure.returncode, "nothing was removed" in unsure.stderr) == (1, True)
    assert "user_behavior_silver" in unsure.stdout
    assert "Visitors of shop: ada, adas-phone; users: 7" in unsure.stdout

    out = tmp_path / "ada.json"
    exported = wua("export-person", *data, "--user", "7", "--out", out)
    # No worker runs that could be asked for open windows: the export says that it is not whole.
    assert (exported.returncode, "not in it: open windows" in exported.stderr) == (1, True)
    assert len(json.loads(out.read_bytes())["tables"]["user_behavior_silver"]) == 3

    erased = wua("erase", *data, "--user", "7", "--yes", "--json")
    assert erased.returncode == 0, erased.stderr
    report = json.loads(erased.stdout)
    assert report["is_complete"] is True
    assert {state["answer"] for state in report["states"]} == {"gone"}

    shown = wua("erase", *data, "--visitor", "bob", "--yes")
    assert shown.returncode == 0, shown.stderr
    assert "FROM wua.user_behavior_silver WHERE site_id = 'shop'" in shown.stdout
    assert "nothing is left" in shown.stdout
    assert "Visitors of shop: bob\n" in shown.stdout
    nobody = wua("erase", *data, "--visitor", "nobody", "--yes")
    assert (nobody.returncode, "nothing was held" in nobody.stdout) == (0, True)
    assert wua("export-person", *data, "--user", "7").returncode == 1
    assert wua("reconcile", "--data", tmp_path).returncode == 0


@pytest.mark.parametrize("who", [[], ["--visitor", "a", "--user", "b"], ["--visitor", ""]])
async def test_wrong_usage_is_told(who):
    assert wua("erase", "--site", "shop", *who).returncode == 2


async def test_migrating_sets_what_sites_keep_and_says_so_once(tmp_path):
    place = {"WUA_CLICKHOUSE__URL": f"chdb://{tmp_path / 'clickhouse'}"}
    brief = {"WUA_SITES": json.dumps({"shop": {"retention_days": 30}})}
    first, again = (wua("migrate", **place, **brief) for _ in range(2))
    assert first.returncode == again.returncode == 0, first.stderr
    assert "rows of shop are kept 30 days at most" in first.stdout
    assert again.stdout.strip().splitlines()[-1] == "nothing to do: the schema is up to date"
    assert "rows of shop are kept for as long as the tables say" in wua("migrate", **place).stdout
