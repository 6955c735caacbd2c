"""A signed JSON body -> an address on the web, which may not be one of our own network.

The name is resolved once, every address of it is looked at, and the connection is made to one of these: a
name that leads elsewhere a moment later gains nothing. Redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

import msgspec

from app.errors import QueryError, SendRefusedError, SendUnavailableError

SIGNATURE = "X-Wua-Signature"
DELIVERY = "X-Wua-Delivery"
MAX_LENGTH = 2048
#: Answers that may be others later.
_LATER = frozenset({408, 425, 429})
#: IPv6 addresses that lead to IPv4 ones.
_NAT64 = IPv6Network("64:ff9b::/96")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted; ``delivery_id`` is the same each time, so that the receiver can tell a repetition."""

    url: str
    delivery_id: str
    body: bytes


def check(url: str, *, may_be_private: bool) -> None:
    """Raise QueryError where nothing may be posted to ``url``; a name is not resolved yet."""
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or len(url) > MAX_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise QueryError(f"webhook = {url[:64]!r}: expected an address such as https://example.com/reports")
    if parts.username is not None or parts.password is not None:
        raise QueryError(
            "webhook: expected an address without user and password; the signature says who we are"
        )
    if not may_be_private and _is_ours(parts.hostname or ""):
        raise QueryError(
            f"webhook = {url[:64]!r}: it leads into our own network; see reports.private_webhooks"
        )


def signature(body: bytes, *, secret: str, now_ms: int) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 under the secret of ``SECONDS.`` and the body."""
    at = str(now_ms // 1000)
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def post(call: Call, *, signed: str, timeout_s: float, may_be_private: bool) -> None:
    """Return once the receiver has answered 2xx. Blocks: for a thread.

    Raises SendUnavailableError where trying again may help, SendRefusedError where it will not.
    """
    parts = urlsplit(call.url)
    at = f"webhook at {parts.hostname}"
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "User-Agent": "web-user-analytics",
        SIGNATURE: signed,
        DELIVERY: call.delivery_id,
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        plain = _reached(parts, timeout_s=timeout_s, may_be_private=may_be_private)
        with _ended_after(plain, timeout_s), closing(_connection(parts, plain)) as connection:
            connection.request("POST", path, body=call.body, headers=headers)
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        told = f"{type(error).__name__}: {error}"[:300]
        raise SendUnavailableError(f"{at}: {told}") from error
    if 200 <= status < 300:
        return
    if status >= 500 or status in _LATER:
        raise SendUnavailableError(f"{at}: it answered {status}")
    raise SendRefusedError(f"{at}: it answered {status}; expected 2xx")


def _reached(parts: SplitResult, *, timeout_s: float, may_be_private: bool) -> socket.socket:
    """A connection to an address of the host that may be called."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except UnicodeError as error:
        raise SendRefusedError(f"webhook at {host}: no name of a host: {error}") from error
    if not may_be_private and any(_is_private(address) for address in found):
        raise SendRefusedError(
            f"webhook at {host}: the name leads into our own network; see reports.private_webhooks"
        )
    return socket.create_connection((found[0], port), timeout=timeout_s)


def _connection(parts: SplitResult, plain: socket.socket) -> http.client.HTTPConnection:
    """What speaks HTTP over it, by TLS where the address says so."""
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host, parts.port)
    try:
        trusted = ssl.create_default_context() if parts.scheme == "https" else None
        connection.sock = plain if trusted is None else trusted.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
    return connection


@contextmanager
def _ended_after(plain: socket.socket, timeout_s: float) -> Iterator[None]:
    """Ends the connection after so long: its own timeout begins anew with every byte that comes."""
    same, is_over = plain.dup(), threading.Event()
    timer = threading.Timer(timeout_s, _end, [same, is_over])
    timer.start()
    late = TimeoutError(f"not done within {timeout_s:g} s")
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if is_over.is_set():
            raise late from error
        raise
    else:
        # Half a head is a whole one to who reads it, once the connection has ended.
        if is_over.is_set():
            raise late
    finally:
        timer.cancel()
        timer.join()
        same.close()


def _end(connection: socket.socket, is_over: threading.Event) -> None:
    is_over.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _is_ours(host: str) -> bool:
    """Whether a host is written as a private address, or is this machine by name."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return _is_private(socket.inet_ntoa(socket.inet_aton(name)))  # also 127.1 and 0x7f000001
    except OSError:
        pass
    try:
        return _is_private(name)
    except ValueError:
        return False


def _is_private(text: str) -> bool:
    """Whether an address is not one of the public net, or leads to such a one."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            within = ip_address(int(address) & 0xFFFF_FFFF)  # type: ignore[assignment]
        if within is not None:
            return _is_private(str(within))
    return not address.is_global or address.is_multicast
