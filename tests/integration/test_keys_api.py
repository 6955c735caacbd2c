"""/api/v1/keys: made with a secret that is told once and opens at once, listed without, revoked for good."""

from __future__ import annotations

import httpx
import jsonschema
import pytest

from app.core.keys import digest_of
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import client, get, post

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

KEYS = "/api/v1/keys"


async def test_a_key_is_made_known_by_its_digest_and_revoked(asked: Asked, client: httpx.AsyncClient) -> None:
    made = await post(client, KEYS, scopes=["read", "write"], sites=["shop"], label="for the till")
    secret = made.pop("secret")
    assert secret.startswith("wua_")
    assert (made["scopes"], made["sites"], made["label"]) == (["read", "write"], ["shop"], "for the till")
    assert (await get(client, KEYS))["keys"] == [made]
    assert secret not in str(asked.store.ask("SELECT * FROM {db}.api_keys"))
    known = await asked.queries.api_keys.find(digest_of(secret))
    assert known is not None
    assert (known.key_id, known.sites) == (made["id"], {"shop"})
    gone = await client.delete(f"{KEYS}/{made['id']}")
    assert gone.json() == {**made, "is_revoked": True}
    assert (await get(client, KEYS))["keys"] == [gone.json()]


async def test_a_key_without_sites_is_of_all(client: httpx.AsyncClient) -> None:
    assert (await post(client, KEYS, scopes=["admin"]))["sites"] == ["*"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "root"),
        ({"scopes": ["read"], "sites": ["*"]}, "sites"),
        ({"scopes": ["read"], "label": "x" * 101}, "label"),
        ({}, "scopes"),
    ],
)
async def test_what_is_no_key_is_refused(
    client: httpx.AsyncClient, body: dict[str, object], says: str
) -> None:
    answer = await client.post(KEYS, json=body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


async def test_a_key_that_there_is_not_cannot_be_revoked(client: httpx.AsyncClient) -> None:
    answer = await client.delete(f"{KEYS}/nobody")
    assert (answer.status_code, "no key 'nobody'" in answer.json()["detail"]) == (404, True)


async def test_answers_are_as_the_document_says(client: httpx.AsyncClient) -> None:
    document = await get(client, "/openapi.json")
    made = await post(client, KEYS, scopes=["read"])
    gone = (await client.delete(f"{KEYS}/{made['id']}")).json()
    answers = {
        (KEYS, "post"): made,
        (KEYS, "get"): await get(client, KEYS),
        (f"{KEYS}/{{key_id}}", "delete"): gone,
    }
    for (path, method), answer in answers.items():
        content = document["paths"][path][method]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        jsonschema.validate(answer, {**schema, "components": document["components"]})
        assert set(answer) == set(
            document["components"]["schemas"][schema["$ref"].split("/")[-1]]["properties"]
        )
