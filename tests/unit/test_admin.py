"""Who may do what operators alone may."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from web.admin import refusal

KEY = "0123456789abcdef"
HERE = "127.0.0.1"


def request(*, peer: str | None = HERE, host: str = "localhost:8000", **headers: str) -> Request:
    named = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request(
        {
            "type": "http",
            "scheme": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "server": ("127.0.0.1", 8000),
            "client": (peer, 4711) if peer else None,
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
    )


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"authorization": f"Bearer {KEY}"}, None),
        ({"authorization": f"bearer  {KEY}"}, None),
        ({}, 401),
        ({"authorization": KEY}, 401),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"authorization": f"Bearer {KEY}0"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer \xe9"}, 401),
    ],
)
@pytest.mark.parametrize("peer", [HERE, "198.51.100.7"])
def test_where_a_key_is_set_it_alone_counts(peer, sent, status):
    refused = refusal(request(peer=peer, **sent), key=KEY)
    assert (refused.status_code if refused else None) == status


@pytest.mark.parametrize("peer", [HERE, "::1"])
@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("localhost:8000", {}),
        ("127.0.0.1:8000", {}),
        ("[::1]:8000", {}),
        ("localhost:8000", {"origin": "http://localhost:8000", "sec_fetch_site": "same-origin"}),
        ("localhost:8000", {"sec_fetch_site": "none"}),
    ],
)
def test_without_a_key_this_machine_may_ask(peer, host, headers):
    assert refusal(request(peer=peer, host=host, **headers), key="") is None


@pytest.mark.parametrize(
    "given",
    [
        {"peer": "198.51.100.7"},
        {"peer": "10.0.0.1"},
        {"peer": None},
        {"peer": "testclient"},
        {"x_forwarded_for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"x_real_ip": "127.0.0.1"},
        {"host": "analytics.example"},
        {"host": "rebound.example:8000"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9000"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_without_a_key_nobody_else_may(given):
    refused = refusal(request(**given), key="")
    assert refused is not None
    assert refused.status_code == 403
    assert b"WUA_WEB__ADMIN_KEY" in refused.body


def test_a_wrong_key_is_no_way_around_where_none_is_set():
    assert refusal(request(peer="198.51.100.7", authorization="Bearer "), key="") is not None
