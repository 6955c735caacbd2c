"""The OpenAPI document says what every endpoint answers, and the page that shows it is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW, PERIOD, SHOP, client, fill, get, post

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

#: They need neither broker nor store.
LINKS = {"/api/v1/link", "/api/v1/link/verify"}
#: The collector's: tests/property/test_collector_described.py asks these.
WAYS_IN = {"/api/v1/events", "/api/v1/server/events", "/api/v1/pixel.gif", *LINKS}
#: Beginnings of paths whose endpoints a file of their own asks.
ELSEWHERE = {
    "test_api_pages.py": ("/api/v1/pages", "/api/v1/performance", "/api/v1/heatmap", "/api/v1/seo"),
    "test_definitions.py": ("/api/v1/funnels", "/api/v1/goals"),
    "test_keys_api.py": ("/api/v1/keys",),
    "test_report_api.py": ("/api/v1/reports",),
    "test_shares.py": ("/api/v1/sites/{site_id}/shares", "/api/v1/accounts"),
}


SESSIONS = "/api/v1/sessions/query"


async def test_every_answer_is_as_the_document_says(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked)
    asked.events(*(exposed(number, variant) for number, variant in enumerate(("control", "b"))))
    asked.refused({})
    document = await get(client, "/openapi.json")
    (session_id, *_) = (one["session_id"] for one in (await post(client, SESSIONS, **SHOP))["sessions"])
    answers = {
        "/api/v1/sites/{site_id}/overview": await get(client, "/api/v1/sites/shop/overview", **PERIOD),
        "/api/v1/sites/{site_id}/series": await get(client, "/api/v1/sites/shop/series", **PERIOD),
        "/api/v1/sites/{site_id}/realtime": await get(client, "/api/v1/sites/shop/realtime"),
        "/api/v1/sites/{site_id}/realtime/stream": await get(client, "/api/v1/sites/shop/realtime/stream"),
        "/api/v1/sites/{site_id}/quality": await get(client, "/api/v1/sites/shop/quality", **PERIOD),
        "/api/v1/sites/{site_id}/bots": await get(client, "/api/v1/sites/shop/bots", **PERIOD),
        "/api/v1/sites/{site_id}/stats": await get(client, "/api/v1/sites/shop/stats", **PERIOD),
        "/api/v1/query": await post(client, "/api/v1/query", **SHOP, metrics=["visitors"]),
        "/api/v1/attribution": await get(client, "/api/v1/attribution", **SHOP),
        "/api/v1/experiments": await get(client, "/api/v1/experiments", **SHOP),
        "/api/v1/experiments/results": await post(
            client, "/api/v1/experiments/results", **SHOP, experiment="ab"
        ),
        "/api/v1/experiments/{experiment_id}/results": await get(
            client, "/api/v1/experiments/ab/results", **SHOP, metric="mean"
        ),
        "/api/v1/experiments/plan": await post(
            client, "/api/v1/experiments/plan", metric={"kind": "rate", "baseline": 0.1}, change=0.01
        ),
        "/api/v1/journeys": await get(client, "/api/v1/journeys", **SHOP),
        "/api/v1/journeys/flow": await get(client, "/api/v1/journeys/flow", **SHOP),
        "/api/v1/retention": await get(client, "/api/v1/retention", **SHOP),
        "/api/v1/lifecycle": await get(client, "/api/v1/lifecycle", **SHOP),
        "/api/v1/adoption": await get(client, "/api/v1/adoption", **SHOP, page="/cart"),
        "/api/v1/pages/{page_id}/metrics": await get(client, "/api/v1/pages/cart/metrics", **SHOP),
        "/api/v1/funnels/{funnel_id}/conversion": await get(
            client, "/api/v1/funnels/checkout/conversion", **SHOP
        ),
        SESSIONS: await post(client, SESSIONS, **SHOP),
        "/api/v1/sessions/{session_id}": await get(client, f"/api/v1/sessions/{session_id}", **SHOP),
        "/api/v1/users/{user_id}/behavior": await get(client, "/api/v1/users/v1/behavior", **SHOP),
        "/api/v1/reports/generate": await post(client, "/api/v1/reports/generate", **SHOP),
        "/api/v1/dead-letters": await get(client, "/api/v1/dead-letters"),
        "/api/v1/dead-letters/{letter_id}": await get(client, "/api/v1/dead-letters/0-0-0"),
        "/api/v1/dead-letters/replay": await post(client, "/api/v1/dead-letters/replay"),
        "/api/v1/settings": await get(client, "/api/v1/settings"),
        "/api/v1/ops": await get(client, "/api/v1/ops"),
        "/api/v1/imports": await get(client, "/api/v1/imports", site="shop"),
        "/api/v1/imports/daily": await get(client, "/api/v1/imports/daily", **SHOP),
    }
    # Those of persons need a worker: tests/integration/test_persons.py.
    asked_here = {path for path in document["paths"] if "/persons/" not in path}
    others = {path for path in document["paths"] if path.startswith(tuple(elsewhere()))}
    assert asked_here - WAYS_IN - others <= answers.keys() <= document["paths"].keys()
    for path, answer in answers.items():
        # What can be asked both in a query and in a body is answered alike.
        for operation in document["paths"][path].values():
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            jsonschema.validate(answer, {**schema, "components": document["components"]})
            assert set(answer) == set(_properties(schema, document)), path


async def test_the_document_names_every_parameter_body_and_status(client: httpx.AsyncClient) -> None:
    document = await get(client, "/openapi.json")
    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        for operation in operations.values():
            expected = {"400"} if path in LINKS else {"400", "503"}
            assert expected <= operation["responses"].keys(), path
            for status, answer in operation["responses"].items():
                assert answer["description"]
                if status == "304":
                    continue  # it has no body
                good = "image/gif" if path == "/api/v1/pixel.gif" else "application/json"
                assert (good if status.startswith("2") else "application/problem+json") in answer["content"]
    page = document["paths"]["/api/v1/pages/{page_id}/metrics"]["get"]
    assert [(one["name"], one["in"], one["required"]) for one in page["parameters"]] == [
        ("page_id", "path", True),
        ("site", "query", True),
        ("from", "query", False),
        ("to", "query", False),
        ("bots", "query", False),
    ]
    assert "404" in page["responses"]
    assert page["parameters"][2]["schema"] == {"type": "string", "format": "date"}
    assert document["components"]["schemas"]["Bots"]["enum"] == ["exclude", "include", "only"]
    report = document["paths"]["/api/v1/reports/generate"]["post"]
    assert report["responses"]["200"]["content"].keys() >= {"application/json", "text/csv", "text/html"}
    assert report["requestBody"]["required"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


async def test_the_docs_page_shows_every_operation_without_script_or_style_of_its_own(
    client: httpx.AsyncClient,
) -> None:
    document = await get(client, "/openapi.json")
    answer = await client.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for path, operations in document["paths"].items():
        assert f"<code>{path}</code>" in answer.text
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in answer.text
    for forbidden in ("<script", "<style", " style=", " onclick", "http://", "https://", "//cdn"):
        assert forbidden not in answer.text
    assert 'href="/static/docs.css"' in answer.text


def exposed(number: int, variant: str) -> dict[str, Any]:
    shown = f'{{"experiment": "ab", "variant": "{variant}"}}'
    return {"visitor_id": f"e{number}", "name": "$exposure", "at": NOW, "properties": shown}


def elsewhere() -> Iterator[str]:
    for file, beginnings in ELSEWHERE.items():
        text = (Path(__file__).parent / file).read_text("utf-8")
        for beginning in beginnings:
            assert f'"{beginning}' in text, f"{file} asks nothing of {beginning}"
            yield beginning


def _properties(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    name = schema["$ref"].removeprefix("#/components/schemas/")
    return list(document["components"]["schemas"][name]["properties"])


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []
