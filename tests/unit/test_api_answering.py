"""How an answer is sent: validators, ages, limits, types, and once for all who ask the same."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.kept_answers import InProcess
from app.errors import NotFoundError
from app.settings import Settings
from tests.asking_endpoints import Asking, Known, bearing, key
from views.answers import Point, Series
from web.api.asking import ScopedBody
from web.api.endpoints import SCOPE, Context, Endpoint
from web.api.presenting import json_response

pytestmark = pytest.mark.asyncio

KEEPING = {"ttl_s": 60.0}


class Counted:
    """A handler that counts how often it is asked; while ``gate`` is shut it does not answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.until = date(2026, 3, 11)
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, request: Request, _: Context) -> Response:
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        if self.fails:
            raise NotFoundError("nothing here")
        points = [Point(at=f"={request.method}", visitors=number, page_views=2, events=3)]
        return json_response(
            Series(
                site_id=request.query_params.get("site", "shop"),
                since=date(2026, 3, 1),
                until=self.until,
                timezone="Europe/Berlin",
                layer="gold",
                interval="day",
                points=points,
            )
        )


def endpoint(handler: Any, **changes: Any) -> Endpoint:
    made = Endpoint(
        method="GET",
        path="/x",
        summary="",
        handler=handler,
        answer=Series,
        parameters=SCOPE,
        table="points",
    )
    return msgspec.structs.replace(made, **changes)


def asking(handler: Any, *, web: dict[str, Any] | None = None, cache: Any = None, **changes: Any) -> Asking:
    settings = Settings(web=web or {}, cache=cache or {})
    keys = Known(one=key("one"), two=key("two", sites=["*"]))
    endpoints = [endpoint(handler, **changes), endpoint(handler, method="POST", body=ScopedBody, **changes)]
    return Asking(endpoints, settings=settings, keys=keys)


async def test_the_tag_is_of_the_body_and_spares_sending_it_again() -> None:
    site = asking(Counted(), cache=KEEPING)
    first = await site.client.get("/x")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await site.client.get("/x", headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["vary"] == "Accept, Authorization, Cookie, X-Share-Token"
        assert "content-type" not in again.headers
    assert (await site.client.get("/x", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_another_answer_or_another_type_has_another_tag() -> None:
    site = asking(Counted())
    tags = {(await site.client.get("/x")).headers["etag"] for _ in range(2)}
    tags |= {(await site.client.get("/x", headers={"Accept": "text/csv"})).headers["etag"]}
    assert len(tags) == 3


async def test_a_posted_question_has_a_tag_and_no_condition() -> None:
    site = asking(Counted(), cache=KEEPING)
    first = await site.client.post("/x", json={"site": "shop"})
    headers = {"If-None-Match": first.headers["etag"]}
    assert (await site.client.post("/x", json={"site": "shop"}, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("until", "told"),
    [
        (date(2026, 3, 11), "private, max-age=10"),  # today is in it
        (date(2026, 3, 10), "private, max-age=10"),  # yesterday: late events may come
        (date(2026, 3, 9), "private, max-age=300"),
    ],
)
async def test_an_answer_that_can_change_is_used_for_a_short_time(until: date, told: str) -> None:
    handler = Counted()
    handler.until = until
    assert (await asking(handler).client.get("/x")).headers["cache-control"] == told


async def test_what_tells_of_single_people_is_kept_nowhere() -> None:
    handler = Counted()
    site = asking(handler, cache=KEEPING, is_personal=True)
    answers = [await site.client.get("/x") for _ in range(2)]
    assert handler.asked == 2
    assert {answer.headers["cache-control"] for answer in answers} == {"private, no-store"}


async def test_the_same_question_is_answered_from_what_is_kept_and_another_is_not() -> None:
    handler = Counted()
    site = asking(handler, cache=KEEPING)
    first, again = [await site.client.get("/x?site=a&bots=only") for _ in range(2)]
    assert first.content == again.content
    assert handler.asked == 1
    for path in ("/x?site=b&bots=only", "/x?site=a", "/x"):
        await site.client.get(path)
    assert handler.asked == 4
    await site.client.get("/x?bots=only&site=a")  # the order of parameters says nothing
    assert handler.asked == 4
    await site.client.get("/x?site=a&bots=only", headers={"Accept": "text/csv"})
    assert handler.asked == 5
    for body in ({"site": "a"}, {"site": "b"}, {"site": "a"}):
        await site.client.post("/x", json=body)
    assert handler.asked == 7


async def test_nothing_is_kept_unless_it_is_set() -> None:
    handler = Counted()
    site = asking(handler)
    for _ in range(3):
        await site.client.get("/x")
    assert handler.asked == 3


async def test_who_asks_what_is_being_asked_waits_for_that_answer() -> None:
    handler = Counted()
    handler.gate.clear()
    site = asking(handler, cache=KEEPING)
    waiting = [asyncio.create_task(site.client.get("/x")) for _ in range(5)]
    while not handler.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()  # the first to ask goes away
    handler.gate.set()
    answers = await asyncio.gather(*waiting[1:])
    assert handler.asked == 1
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    handler = Counted()
    handler.fails = True
    site = asking(handler, cache=KEEPING)
    answers = await asyncio.gather(*(site.client.get("/x") for _ in range(3)))
    assert {answer.status_code for answer in answers} == {404}
    handler.fails = False
    assert (await site.client.get("/x")).status_code == 200


async def test_whether_somebody_may_ask_is_decided_before_what_is_kept_is_given() -> None:
    handler = Counted()
    site = asking(handler, web={"api_auth": "required"}, cache=KEEPING)
    assert (await site.client.get("/x?site=saas", headers=bearing("two"))).status_code == 200
    assert (await site.client.get("/x?site=saas", headers=bearing("one"))).status_code == 403
    assert (await site.client.get("/x?site=saas")).status_code == 401


async def test_other_settings_share_no_answer() -> None:
    store = InProcess(max_bytes=1_000_000)
    handler = Counted()
    for zone in ("UTC", "Europe/Berlin"):
        settings = Settings(cache=KEEPING, sites={"shop": {"timezone": zone}})
        await Asking([endpoint(handler)], settings=settings, store=store).client.get("/x?site=shop")
    assert handler.asked == 2


async def test_rubbish_in_the_store_is_asked_anew() -> None:
    class Rubbish(InProcess):
        async def get(self, _: str) -> bytes | None:
            return b"rubbish"

    site = Asking([endpoint(Counted())], settings=Settings(cache=KEEPING), store=Rubbish(max_bytes=9))
    assert (await site.client.get("/x")).json()["points"][0]["visitors"] == 1


async def test_accept_chooses_the_type() -> None:
    site = asking(Counted())
    as_csv = await site.client.get("/x", headers={"Accept": "text/csv"})
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert as_csv.text == "at,visitors,page_views,events\r\n'=GET,1,2,3\r\n"
    arrow = "application/vnd.apache.arrow.stream"
    assert (await site.client.get("/x", headers={"Accept": arrow})).headers["content-type"] == arrow
    none = await site.client.get("/x", headers={"Accept": "image/png"})
    assert (none.status_code, none.headers["content-type"]) == (406, "application/problem+json")
    assert "text/csv" in none.json()["detail"]


class Page(msgspec.Struct):
    rows: list[Point]
    next_cursor: str | None


@pytest.mark.parametrize("cursor", ["abc", None])
async def test_a_table_has_the_cursor_of_the_next_page_in_a_header(cursor: str | None) -> None:
    async def page(_: Request, __: Context) -> Response:
        return json_response(Page(rows=[], next_cursor=cursor))

    site = asking(page, answer=Page, table="rows")
    answer = await site.client.get("/x", headers={"Accept": "text/csv"})
    assert answer.headers.get("x-next-cursor") == cursor
    assert "x-next-cursor" not in (await site.client.get("/x")).headers


async def test_an_answer_without_a_table_is_json_alone() -> None:
    site = asking(Counted(), table="")
    assert (await site.client.get("/x", headers={"Accept": "text/csv"})).status_code == 406
    assert (await site.client.get("/x", headers={"Accept": "text/csv, */*;q=0.1"})).status_code == 200


def told(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["ratelimit-policy"] == '"api";q=3;w=2'
    return answer.status_code, answer.headers["ratelimit"]


async def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    site = asking(Counted(), web={"api_rate_per_s": 2, "api_rate_burst": 3})
    found = [told(await site.client.get("/x")) for _ in range(3)]
    assert found == [(200, '"api";r=2;t=1'), (200, '"api";r=1;t=1'), (200, '"api";r=0;t=2')]
    refused = await site.client.get("/x")
    assert told(refused) == (429, '"api";r=0;t=2')
    assert refused.headers["retry-after"] == "1"
    site.now_ms += 500
    assert told(await site.client.get("/x"))[0] == 200


async def test_each_key_has_a_bucket_and_so_have_those_without_one() -> None:
    site = asking(Counted(), web={"api_rate_per_s": 1, "api_rate_burst": 1, "api_auth": "required"})

    async def ask(secret: str) -> int:
        return (await site.client.get("/x?site=shop", headers=bearing(secret))).status_code

    found = [await ask(secret) for secret in ("one", "one", "two", "", "")]
    assert found == [200, 429, 200, 401, 429]
