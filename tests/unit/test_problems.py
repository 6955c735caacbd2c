"""Every error has one shape."""

import json

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from app.errors import (
    BrokerUnavailableError,
    NotFoundError,
    QueryError,
    SettingsError,
    SinkUnavailableError,
    StateError,
)
from web.problems import MEDIA_TYPE, TITLES, ProblemKind, exception_handlers, problem


async def answer_to(error, method="GET", path="/"):
    async def fail(_):
        raise error

    app = Starlette(routes=[Route("/", fail)], exception_handlers=exception_handlers())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path)


def test_a_problem_has_the_standard_members_and_what_is_added():
    response = problem(400, kind=ProblemKind.INVALID_QUERY, detail="no such metric", allowed=["visitors"])
    assert response.headers["content-type"] == MEDIA_TYPE
    assert json.loads(response.body) == {
        "type": "urn:wua:problem:invalid_query",
        "title": "The question cannot be answered as asked",
        "status": 400,
        "detail": "no such metric",
        "allowed": ["visitors"],
    }


def test_every_kind_has_a_title_of_its_own():
    assert set(TITLES) == set(ProblemKind)
    assert len(set(TITLES.values())) == len(ProblemKind)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (QueryError("`days`: at most 400"), 400, ProblemKind.INVALID_QUERY),
        (NotFoundError("no funnel `x`"), 404, ProblemKind.NOT_FOUND),
        (SinkUnavailableError("secret-host is away"), 503, ProblemKind.STORE_UNAVAILABLE),
        (BrokerUnavailableError("secret-host is away"), 503, ProblemKind.BROKER_UNAVAILABLE),
        (StateError("secret"), 500, ProblemKind.INTERNAL),
        (SettingsError("secret"), 500, ProblemKind.INTERNAL),
        (RuntimeError("secret"), 500, ProblemKind.INTERNAL),
        (HTTPException(404), 404, ProblemKind.NOT_FOUND),
        (HTTPException(413), 413, ProblemKind.TOO_LARGE),
        (HTTPException(415), 415, ProblemKind.UNSUPPORTED_MEDIA),
        (HTTPException(429), 429, ProblemKind.TOO_MANY_REQUESTS),
        (HTTPException(400), 400, ProblemKind.BAD_REQUEST),
        (HTTPException(418), 418, ProblemKind.BAD_REQUEST),
        (HTTPException(501), 501, ProblemKind.INTERNAL),
    ],
)
async def test_every_error_is_a_problem_that_shows_nothing_of_the_inside(error, status, kind):
    answer = await answer_to(error)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    document = answer.json()
    assert document["type"] == kind.urn
    assert document["status"] == status
    assert document["detail"]
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.asyncio
async def test_what_a_question_did_wrong_is_said():
    assert (await answer_to(QueryError("`days`: at most 400"))).json()["detail"] == "`days`: at most 400"


@pytest.mark.asyncio
async def test_an_unknown_path_and_a_wrong_method_are_problems():
    assert (await answer_to(None, path="/nothing")).json()["type"] == ProblemKind.NOT_FOUND.urn
    wrong = await answer_to(None, method="DELETE")
    assert wrong.status_code == 405
    assert wrong.json()["type"] == ProblemKind.METHOD_NOT_ALLOWED.urn
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD"}
