"""What surrounds every request."""

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from app.metrics import WebMetrics
from web.middleware import SECURITY_HEADERS, BodyLimit, Observe, SecurityHeaders
from web.problems import exception_handlers

pytestmark = pytest.mark.asyncio


async def greet(request):
    return PlainTextResponse(f"hello {request.path_params['name']}")


async def echo(request):
    return PlainTextResponse(str(len(await request.body())))


async def fail(_):
    raise RuntimeError("the password is hunter2")


async def break_off(_):
    async def body():
        yield b"begun"
        raise RuntimeError("too late")

    return StreamingResponse(body())


async def own_policy(_):
    return PlainTextResponse("", headers={"Content-Security-Policy": "default-src 'none'"})


def times():
    now = iter(range(0, 1000, 1))
    return lambda: next(now) / 4


@pytest.fixture
def metrics():
    return WebMetrics()


@pytest.fixture
def client(metrics):
    app = Starlette(
        routes=[
            Route("/hello/{name}", greet),
            Route("/echo", echo, methods=["POST"]),
            Route("/big", echo, methods=["POST"]),
            Route("/fail", fail),
            Route("/break", break_off),
            Route("/policy", own_policy),
            Mount("/under", routes=[Route("/{name}", greet)]),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Observe, metrics=metrics, elapsed_s=times()),
            Middleware(BodyLimit, except_paths=["/big"], max_bytes=10),
        ],
        exception_handlers=exception_handlers(),
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


async def test_one_line_for_each_request_that_tells_nothing_private(client):
    with structlog.testing.capture_logs() as lines:
        answer = await client.get("/hello/alice?token=secret", headers={"x-forwarded-for": "203.0.113.1"})
    assert lines == [
        {
            "event": "web.answered",
            "log_level": "info",
            "part": "web",
            "method": "GET",
            "route": "/hello/{name}",
            "status": 200,
            "took_ms": 250.0,
            "bytes": len(answer.content),
        }
    ]


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/hello/a", {"method": "GET", "route": "/hello/{name}", "status": "200"}),
        ("POST", "/hello/a", {"method": "POST", "route": "/hello/{name}", "status": "405"}),
        ("GET", "/no/such/path", {"method": "GET", "route": "unmatched", "status": "404"}),
        ("BREW", "/no/such/path", {"method": "other", "route": "unmatched", "status": "404"}),
        ("GET", "/fail", {"method": "GET", "route": "/fail", "status": "500"}),
    ],
)
async def test_requests_are_counted_by_template_so_that_series_are_bounded(
    client, metrics, method, path, labels
):
    await client.request(method, path)
    assert metrics.registry.get_sample_value("wua_http_requests_total", labels) == 1
    route = {"route": labels["route"]}
    assert metrics.registry.get_sample_value("wua_http_request_seconds_sum", route) == 0.25


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-123", True), ("", False), ("a b", False), ("x" * 65, False), ("é", False)]
)
async def test_a_request_keeps_the_id_of_a_proxy_if_it_is_harmless(client, given, kept):
    answer = await client.get("/hello/a", headers=[(b"x-request-id", given.encode())])
    assert (answer.headers["x-request-id"] == given) is kept
    assert answer.headers["x-request-id"].isascii()


async def test_an_unexpected_error_is_logged_under_the_id_that_the_answer_names(client):
    seen = []

    def remember(_, __, line):
        seen.append({**structlog.contextvars.get_contextvars(), **line})
        raise structlog.DropEvent

    structlog.configure(processors=[remember])
    try:
        answer = await client.get("/fail", headers={"x-request-id": "id-1"})
    finally:
        structlog.reset_defaults()
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.headers["x-request-id"] == "id-1"
    assert [(line["event"], line["request_id"]) for line in seen] == [
        ("web.failed", "id-1"),
        ("web.answered", "id-1"),
    ]


async def test_an_answer_that_breaks_off_is_not_patched_up(client):
    with pytest.raises(RuntimeError, match="too late"):
        await client.get("/break")


@pytest.mark.parametrize("path", ["/hello/a", "/nothing", "/fail", "/under/x"])
async def test_security_headers_are_on_every_answer(client, path):
    answer = await client.get(path)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value


async def test_a_route_may_set_a_policy_of_its_own(client):
    answer = await client.get("/policy")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'none'"]


async def in_parts(size):
    for _ in range(size):
        yield b"x"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/echo", b"x" * 10, 200),
        ("/echo", b"x" * 11, 413),
        ("/echo", in_parts(10), 200),
        ("/echo", in_parts(11), 413),
        ("/big", b"x" * 11, 200),
        ("/nothing", b"x" * 11, 404),  # not read, so not refused for its size
    ],
)
async def test_a_body_is_read_up_to_the_limit(client, path, body, status):
    answer = await client.post(path, content=body)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["type"] == "urn:wua:problem:too_large"
