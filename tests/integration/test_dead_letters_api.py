"""/api/v1/dead-letters: lists by filters and pages, one whole, the way back, and who may ask."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.core.pipeline import read_returned
from app.web_settings import WebSettings
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import get, post, refused, serving
from tests.collecting import RecordingProducer
from tests.factories import HOUR, T0, event_id, wire
from views.letters import PAGE, LetterFilter
from views.queries import Queries

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

LETTERS = "/api/v1/dead-letters"
REPLAY = f"{LETTERS}/replay"
KEY = "0123456789abcdef"
HISTORY = json.dumps(
    [{"id": "0-0-3", "refused_at": T0, "reason": "in_future", "step": "time", "detail": "early"}]
)


@pytest.fixture
def producer() -> RecordingProducer:
    return RecordingProducer()


@pytest_asyncio.fixture
async def client(asked: Asked, producer: RecordingProducer) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(asked.queries, producer=producer) as made:
        yield made


def held(**fields: Any) -> dict[str, Any]:
    """A row that holds an event of these fields."""
    event = wire(**fields)
    ids = {name: event[name] for name in ("event_id", "event_type", "site_id", "visitor_id")}
    return {**ids, "received_at": event["received_at"], "payload": json.dumps(event)}


async def every_page(client: httpx.AsyncClient, **query: str) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(client, LETTERS, **query, **cursor)
        found += [one["id"] for one in page["letters"]]
        if page["next_cursor"] is None:
            return found
        assert len(page["letters"]) == int(query["limit"])
        cursor = {"cursor": page["next_cursor"]}


async def test_pages_hold_each_letter_once_latest_first(asked: Asked, client: httpx.AsyncClient) -> None:
    for partition in (1, 0, 2):
        asked.refused(*({} for _ in range(5)), partition=partition)
    asked.refused(*({} for _ in range(3)), start=5)
    asked.store.run(
        "ALTER TABLE {db}.rejected_events_bronze UPDATE inserted_at = inserted_at + 60 WHERE _offset >= 5 "
        "SETTINGS mutations_sync = 1"
    )
    latest = ["0-0-7", "0-0-6", "0-0-5"]
    assert (await every_page(client, limit="4"))[:3] == latest
    found = await every_page(client, limit="4")
    assert len(found) == len(set(found)) == 18
    assert found == await every_page(client, limit="1000")


async def test_filters_hold_for_the_list_and_the_summary(asked: Asked, client: httpx.AsyncClient) -> None:
    asked.refused({}, {"reason": "too_old"}, {"site_id": "surf"}, {"site_id": "", "reason": "malformed_json"})

    async def found(**query: str) -> tuple[list[str], dict[str, int]]:
        page = await get(client, LETTERS, **query)
        return [one["id"] for one in page["letters"]], {
            one["reason"]: one["letters"] for one in page["by_reason"]
        }

    assert await found() == (
        ["0-0-3", "0-0-2", "0-0-1", "0-0-0"],
        {"late": 2, "malformed_json": 1, "too_old": 1},
    )
    assert await found(reason="late") == (["0-0-2", "0-0-0"], {"late": 2})
    assert await found(site="surf") == (["0-0-2"], {"late": 1})
    assert await found(reason="too_old", site="surf") == ([], {})
    assert await found(limit="1") == (["0-0-3"], {"late": 2, "malformed_json": 1, "too_old": 1})
    past, future = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    assert len((await found(since=past.isoformat()))[0]) == 4
    assert await found(since=future.isoformat()) == ([], {})


async def test_a_list_shows_no_payload_and_no_visitor(asked: Asked, client: httpx.AsyncClient) -> None:
    asked.refused(held(visitor_id="jane@example.org"))
    answer = await client.get(LETTERS)
    assert "jane" not in answer.text
    (one,) = answer.json()["letters"]
    assert (one["id"], one["reason"], one["step"], one["field"]) == ("0-0-0", "late", "time", "occurred_at")
    assert (one["site_id"], one["replays"], one["is_superseded"]) == ("shop", 0, False)


async def test_one_is_shown_whole_with_its_history(asked: Asked, client: httpx.AsyncClient) -> None:
    row = held(visitor_id="v9")
    asked.refused({**row, "replays": 1, "history": HISTORY})
    found = await get(client, f"{LETTERS}/0-0-0")
    assert json.loads(found["payload"]) == json.loads(row["payload"])
    assert (found["visitor_id"], found["replays"], found["is_accepted"]) == ("v9", 1, False)
    assert found["history"] == [
        {
            "id": "0-0-3",
            "refused_at": "2026-03-02T10:00:00Z",
            "reason": "in_future",
            "step": "time",
            "field": "",
            "detail": "early",
        }
    ]


async def test_it_is_known_whether_the_event_was_accepted_since(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    asked.refused(*(held(event_id=event_id(number)) for number in (1, 2)), held(event_id=event_id(3), at=T0))
    asked.events(
        {"event_id": event_id(1), "at": T0 - 7 * 24 * HOUR},
        {"event_id": event_id(2), "at": T0, "visitor_id": "v2"},
        {"event_id": event_id(3), "at": T0, "site_id": "surf"},
    )
    accepted = [(await get(client, f"{LETTERS}/0-0-{number}"))["is_accepted"] for number in range(3)]
    assert accepted == [True, False, False]


async def test_an_earlier_letter_of_an_event_is_superseded_by_a_later(
    asked: Asked, client: httpx.AsyncClient, producer: RecordingProducer
) -> None:
    first = held(event_id=event_id(1))
    asked.refused(first, {**first, "replays": 1}, {**first, "replays": 2}, {"event_id": ""}, {"event_id": ""})
    page = await get(client, LETTERS)
    assert [one["id"] for one in page["letters"] if one["is_superseded"]] == ["0-0-1", "0-0-0"]
    done = await post(client, REPLAY)
    assert (done["sent"], done["superseded"], done["unreadable"]) == (1, 2, 2)
    (headers,) = producer.headers
    told = read_returned(headers)
    assert told is not None
    assert (told.replays, told.refusals[-1].id) == (3, "0-0-2")


async def test_letters_go_back_and_each_is_answered_for(
    asked: Asked, client: httpx.AsyncClient, producer: RecordingProducer
) -> None:
    late = {"occurred_at": T0 - 30 * HOUR}
    asked.refused(
        held(event_id=event_id(1)),
        held(event_id=event_id(2), **late),
        {"payload": "{"},
        held(event_id=event_id(3)),
    )
    asked.events({"event_id": event_id(3), "at": T0})
    trial = await post(client, REPLAY, dry_run=True)
    assert producer.messages == []
    done = await post(client, REPLAY)
    assert trial == {**done, "is_dry_run": True}
    assert {
        name: count for name, count in done.items() if count and name not in {"unsent", "is_dry_run"}
    } == {
        "sent": 1,
        "already_accepted": 1,
        "refused_again": 1,
        "unreadable": 1,
    }
    assert [(one["id"], one["fate"]) for one in done["unsent"]] == [
        ("0-0-1", "refused_again"),
        ("0-0-2", "unreadable"),
    ]
    assert [event.event_id for event in producer.events] == [event_id(1)]
    assert (await post(client, REPLAY, ids=["0-0-1"], force=True))["sent"] == 1


async def test_more_than_a_page_goes_back_up_to_the_limit(
    asked: Asked, client: httpx.AsyncClient, producer: RecordingProducer
) -> None:
    asked.refused(*(held(event_id=event_id(number)) for number in range(1, PAGE + 20)))
    assert (await post(client, REPLAY, limit=PAGE + 5))["sent"] == PAGE + 5
    assert (await post(client, REPLAY))["sent"] == PAGE + 19
    assert len({event.event_id for event in producer.events}) == PAGE + 19


async def test_only_what_the_filter_lets_through_goes_back(
    asked: Asked, client: httpx.AsyncClient, producer: RecordingProducer
) -> None:
    asked.refused({**held(), "reason": "too_old"}, held(), held(site_id="surf"))
    assert (await post(client, REPLAY, reason="too_old"))["sent"] == 1
    assert (await post(client, REPLAY, site="surf"))["sent"] == 1
    assert (await post(client, REPLAY, since="2100-01-01"))["sent"] == 0
    assert [event.site_id for event in producer.events] == ["shop", "surf"]


async def test_a_letter_is_found_at_its_own_site_alone(
    asked: Asked, client: httpx.AsyncClient, producer: RecordingProducer
) -> None:
    asked.refused(held(), held(site_id="surf"))
    ids = {item["site_id"]: item["id"] for item in (await client.get(LETTERS)).json()["letters"]}
    one = f"{LETTERS}/{ids['surf']}"
    assert (await client.get(one, params={"site": "surf"})).json()["site_id"] == "surf"
    assert (await client.get(one, params={"site": "shop"})).status_code == 404
    both = {"ids": [*ids.values()], "site": "surf"}
    assert (await client.post(REPLAY, json=both)).status_code == 404
    assert producer.messages == []
    assert (await post(client, REPLAY, ids=[ids["surf"]], site="surf"))["sent"] == 1


async def test_while_kafka_is_away_the_answer_says_so(
    asked: Asked, client: httpx.AsyncClient, producer: RecordingProducer
) -> None:
    asked.refused(held())
    producer.is_away = True
    answer = await client.post(REPLAY, json={})
    assert answer.status_code == 503
    assert "kafka.internal" not in answer.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"reason": "bored"}, "reason = 'bored': expected one of"),
        ({"site": "a/b"}, "site = 'a/b': expected a site id"),
        ({"since": "soon"}, "since = 'soon': expected a time such as"),
        ({"since": "999999999d"}, "since = "),
        ({"limit": "0"}, "limit = '0': expected a whole number from 1 to 1000"),
        ({"limit": "1001"}, "limit = "),
        ({"limit": "٣"}, "limit = "),
        ({"cursor": "x"}, "cursor = 'x': expected what an earlier answer gave"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(
    client: httpx.AsyncClient, query: dict[str, str], told: str
) -> None:
    assert (await refused(client, client.build_request("GET", LETTERS, params=query), 400)).startswith(told)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ids": ["0-0-0"], "reason": "late"}, 400),
        ({"ids": ["' OR 1"]}, 400),
        ({"ids": ["0-0-99"]}, 404),
        ({"limit": 0}, 400),
        ({"limit": 10_001}, 400),
        ({"reason": "bored"}, 400),
        ({"everything": True}, 400),
    ],
)
async def test_a_body_that_is_wrong_sends_nothing(
    asked: Asked, client: httpx.AsyncClient, producer: RecordingProducer, body: dict[str, Any], status: int
) -> None:
    asked.refused(held())
    assert await refused(client, client.build_request("POST", REPLAY, json=body), status)
    assert producer.messages == []


@pytest.mark.parametrize(("letter_id", "status"), [("0-0-9", 404), ("x", 400), ("0-0-0;", 400)])
async def test_a_letter_that_is_not_there_is_told(
    client: httpx.AsyncClient, letter_id: str, status: int
) -> None:
    assert await refused(client, client.build_request("GET", f"{LETTERS}/{letter_id}"), status)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", LETTERS), ("GET", f"{LETTERS}/0-0-0"), ("POST", REPLAY)]
)
async def test_only_operators_may_ask(
    asked: Asked, producer: RecordingProducer, method: str, path: str
) -> None:
    asked.refused(held())
    settings = asked.settings.model_copy(update={"web": WebSettings(admin_key=KEY)})
    async with serving(Queries(asked.pool, settings=settings), producer=producer) as client:
        body = {"json": {}} if method == "POST" else {}
        without = client.build_request(method, path, **body)
        assert "web.admin_key" in await refused(client, without, 401)
        wrong = client.build_request(method, path, headers={"Authorization": f"Bearer {KEY}x"}, **body)
        assert await refused(client, wrong, 401)
        assert producer.messages == []
        right = client.build_request(method, path, headers={"Authorization": f"Bearer {KEY}"}, **body)
        assert (await client.send(right)).status_code == 200


async def test_without_a_key_nobody_asks_from_elsewhere(client: httpx.AsyncClient) -> None:
    request = client.build_request("GET", LETTERS, headers={"Host": "analytics.example"})
    assert "WUA_WEB__ADMIN_KEY" in await refused(client, request, 403)


async def test_a_filter_without_anything_lets_everything_through(asked: Asked) -> None:
    asked.refused({}, {"reason": "too_old"})
    pages = [page async for page in asked.queries.letter_pages(LetterFilter())]
    assert [[one.id for one in page] for page in pages] == [["0-0-1", "0-0-0"]]
