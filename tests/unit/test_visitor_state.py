"""What is shown of a visitor's state, and what `wua state` says when no worker can tell it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.adapters.worker_state import ask, default_worker
from app.cli import main
from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.errors import NotFoundError, WorkerUnavailableError
from app.settings import AppSettings
from app.topology import canonical_url
from tests.factories import HOUR, MINUTE, T0, plain_enrichment, record, rules
from web.inspect.visitor_state import describe

BLOCK = BlockId(topic="web_events", epoch=2, partition=3, start=0, end=9, batch_id="b")


def state():
    records = [
        record(offset=0, url="https://shop.example/a", user_id="u1"),
        record(offset=1, at=T0 + MINUTE, url="https://shop.example/b"),
        record(offset=2, at=T0 + 2 * HOUR, url="https://shop.example/c", ip="198.51.100.7"),
    ]
    examined = [examine(one, rules=rules(), enrich=plain_enrichment) for one in records]
    return fold(examined, block=BLOCK, states={}, rules=rules()).states[b"shop:v1"]


def test_windows_counts_and_touches_are_shown():
    found = describe(state(), site="shop", visitor="v1", worker="http://w:1", partition=3)
    assert (found.epoch, found.last_offset, found.remembered_ids) == (2, 2, 3)
    assert found.last_received_at.timestamp() * 1000 == T0 + 2 * HOUR
    assert [(one.page_views, one.entry_path, one.exit_path, one.user_id) for one in found.windows] == [
        (2, "/a", "/b", "u1"),
        (1, "/c", "/c", ""),
    ]
    assert [(one.start_at.timestamp() * 1000, one.version) for one in found.windows] == [
        (T0, 1),
        (T0 + 2 * HOUR, 1),
    ]
    assert (found.first_touch.page, found.last_touch.page) == ("shop.example/a", "shop.example/c")
    assert "198.51" not in str(found)


@contextmanager
def answering(status: int, body: bytes, *, keys: list[str | None] | None = None) -> Iterator[str]:
    """A server that gives every question the same answer; its URL. ``keys`` takes what it was sent as one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if keys is not None:
                keys.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (404, json.dumps({"detail": "no state of visitor"}), NotFoundError, "no state of visitor"),
        (503, json.dumps({"detail": "reads its state back"}), WorkerUnavailableError, "reads its state back"),
        (404, "404: Not Found", WorkerUnavailableError, "it answers 404, and not as a worker does"),
        (500, "[]", WorkerUnavailableError, "it answers 500"),
    ],
)
def test_a_refusal_is_told_in_the_workers_own_words(status, body, kind, told):
    with answering(status, body.encode()) as url, pytest.raises(kind, match=told):
        ask(url, site="shop", visitor="v1")


def test_where_nobody_listens_it_is_told_what_to_do(capsys):
    with answering(200, b"") as url:
        pass
    assert main(["state", "--site", "shop", "--visitor", "v1", "--worker", url]) == 1
    assert f"no worker answers at {url}" in capsys.readouterr().err


@pytest.mark.parametrize(("key", "sent"), [("", None), ("0123456789abcdef", "Bearer 0123456789abcdef")])
def test_the_admin_key_is_sent_where_there_is_one(key, sent, monkeypatch, capsys):
    monkeypatch.setenv("WUA_WEB__ADMIN_KEY", key)
    keys: list[str | None] = []
    with answering(401, json.dumps({"detail": "a key is needed"}).encode(), keys=keys) as url:
        assert main(["state", "--site", "shop", "--visitor", "v1", "--worker", url]) == 1
    assert keys == [sent]
    assert "a key is needed" in capsys.readouterr().err


@pytest.mark.parametrize("body", [b"<html>", b"{}", b""])
def test_what_is_no_worker_is_told(body, capsys):
    with answering(200, body) as url:
        assert main(["state", "--site", "shop", "--visitor", "v1", "--worker", url]) == 1
    assert "its answer is not a visitor's state" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://"])
def test_a_url_that_is_none_is_told(url, capsys):
    assert main(["state", "--site", "shop", "--visitor", "v1", "--worker", url]) == 1
    assert "no worker answers at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "asked", "canonical"),
    [
        ({}, "http://127.0.0.1:6066", "http://127.0.0.1:6066"),
        ({"web_host": "10.0.0.5", "web_port": 7}, "http://10.0.0.5:7", "http://10.0.0.5:7"),
        ({"web_host": "::1"}, "http://[::1]:6066", "http://[::1]:6066"),
        ({"web_host": "0.0.0.0"}, "http://localhost:6066", "http://here:6066"),
        ({"web_host": "::"}, "http://localhost:6066", "http://here:6066"),
        ({"worker_url": "http://worker:6066/"}, "http://worker:6066", "http://127.0.0.1:6066"),
        ({"web_host": "::", "advertised_host": "pod-1"}, "http://localhost:6066", "http://pod-1:6066"),
    ],
)
def test_where_a_worker_is_found(settings, asked, canonical, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    app = AppSettings(**settings)
    assert (default_worker(app), str(canonical_url(app))) == (asked, canonical)
