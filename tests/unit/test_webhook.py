"""Where a webhook may lead, and how the receiver knows that it is us."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from app.adapters import webhook
from app.adapters.webhook import Call
from app.errors import QueryError, SendRefusedError, SendUnavailableError

PUBLIC = (
    "https://example.com/x?y=1",
    "http://example.com:8080",
    "https://93.184.216.34/",
    "https://[2606:4700::1]/",
)
OURS = (
    "http://localhost/",
    "http://LOCALHOST./",
    "http://a.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
    "http://127.0.0.1:8123/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0.0.0.0/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
)


@pytest.mark.parametrize("url", PUBLIC)
def test_an_address_of_the_public_net_is_taken(url):
    assert webhook.check(url, may_be_private=False) is None


@pytest.mark.parametrize("url", OURS)
def test_an_address_of_our_own_is_refused_unless_it_is_allowed(url):
    with pytest.raises(QueryError, match="our own network"):
        webhook.check(url, may_be_private=False)
    assert webhook.check(url, may_be_private=True) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
        "http:///path",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com/\r\nX-Evil: 1",
        "http://example.com/a b",
        "http://[::1/",
        "http://münchen.test/",
        "http://example.com/" + "x" * 2048,
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(QueryError, match="webhook"):
        webhook.check(url, may_be_private=True)


def test_the_signature_is_of_time_and_body_under_the_secret():
    signed = webhook.signature(b"{}", secret="s" * 16, now_ms=1_700_000_000_999)
    expected = hmac.new(b"s" * 16, b"1700000000.{}", hashlib.sha256).hexdigest()
    assert signed == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize("leads_to", ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"])
def test_a_name_that_leads_into_our_network_is_not_called(monkeypatch, leads_to):
    """Also where another address of the name is a public one."""

    def resolved(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (one, port)) for one in ("93.184.216.34", leads_to)]

    def connected(*_: object, **__: object) -> None:
        raise AssertionError("no connection may be made")

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(socket, "create_connection", connected)
    call = Call(url="http://rebound.test/", delivery_id="d", body=b"{}")
    with pytest.raises(SendRefusedError, match="our own network"):
        webhook.post(call, signed="", timeout_s=1, may_be_private=False)


def test_a_name_that_is_none_is_refused():
    call = Call(url="http://a..b/", delivery_id="d", body=b"{}")
    with pytest.raises((SendRefusedError, SendUnavailableError), match=r"webhook at a\.\.b"):
        webhook.post(call, signed="", timeout_s=1, may_be_private=False)


def test_nobody_there_may_be_there_later():
    call = Call(url="http://127.0.0.1:1/", delivery_id="d", body=b"{}")
    with pytest.raises(SendUnavailableError, match=r"webhook at 127\.0\.0\.1"):
        webhook.post(call, signed="", timeout_s=1, may_be_private=True)


@contextlib.contextmanager
def receiving(*pieces: bytes, pause_s: float) -> Iterator[str]:
    """The address of a receiver who reads a call and says ``pieces``, with a pause before each."""
    stop = threading.Event()

    def talk() -> None:
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                for piece in pieces:
                    if stop.wait(pause_s):
                        return
                    client.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        talking = threading.Thread(target=talk)
        talking.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            stop.set()
            talking.join()


DRIPS = (
    [bytes([one]) for one in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + b" " * 60],
    [b"HTTP/1.1 100 Continue\r\n\r\n"] * 100,
    [b"HTTP/1.1 200 OK\r\n", *[b"X-More: x\r\n"] * 90],
)


@pytest.mark.parametrize("pieces", DRIPS, ids=["bytes", "continues", "headers"])
def test_an_answer_that_drips_in_outlasts_no_deadline(pieces):
    """Each piece comes within the time, all of them take 27 s or more; the status line alone 5 s."""
    began = time.monotonic()
    with receiving(*pieces, pause_s=0.3) as url:
        call = Call(url=url, delivery_id="d", body=b"{}")
        with pytest.raises(SendUnavailableError, match=r"webhook at 127\.0\.0\.1: TimeoutError"):
            webhook.post(call, signed="", timeout_s=1, may_be_private=True)
        took_s = time.monotonic() - began
    assert took_s < 4


def test_a_receiver_who_does_not_read_outlasts_no_deadline():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        call = Call(url=url, delivery_id="d", body=b"x" * 50_000_000)
        with pytest.raises(SendUnavailableError, match="TimeoutError"):
            webhook.post(call, signed="", timeout_s=0.5, may_be_private=True)


def test_an_answer_in_pieces_within_the_time_is_taken():
    with receiving(b"HTTP/1.1 20", b"4 x\r\nContent-", b"Length: 0\r\n\r\n", pause_s=0.01) as url:
        call = Call(url=url, delivery_id="d", body=b"{}")
        assert webhook.post(call, signed="", timeout_s=20, may_be_private=True) is None
