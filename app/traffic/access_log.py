"""Lines of an access log (Apache or nginx, combined format) -> page views.

Also taken: the common format (no referrer, no user agent), a ``host:port`` in front (Apache's
``vhost_combined``), anything after the user agent, and a line that was cut off within the user agent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address

import msgspec

from app.events.vocabulary import EventType, Origin, RejectReason
from app.events.wire import MAX_TIME_MS, WebEvent
from app.traffic.lines import BadLine, LineFault, Skipped, SkipReason, event_id_of, numbered

_MAX_URL = 2048
_MAX_REFERRER = 2048
_MAX_USER_AGENT = 1024

# TRICKY: what lies between quotes is matched possessively (`*+`), so that no line, however hostile, makes
# the search go back and forth. The user name alone may hold spaces and brackets.
_LINE = re.compile(
    rb"""(?:(?P<host>[A-Za-z0-9._-]+):\d+[ ])?
    (?P<client>\S+)[ ]\S+[ ].*?
    \[(?P<day>\d\d/[A-Za-z]{3}/\d{4}):(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)
    [ ](?P<zone>[+-]\d{4})\][ ]
    "(?P<request>[^"\\]*+(?:\\.[^"\\]*+)*+)"[ ]
    (?P<status>\d{3})[ ](?P<bytes>\d{1,18}|-)
    (?:[ ]"(?P<referrer>[^"\\]*+(?:\\.[^"\\]*+)*+)"
       (?:[ ]"(?P<agent>[^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?$))?
    )?""",
    re.VERBOSE | re.DOTALL,
)
_METHOD = re.compile(r"[A-Za-z_-]{1,32}")
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"b": b"\b", b"f": b"\f"}
#: What would end a path early or break a URL: white space, control characters and ``#``.
_UNSAFE = re.compile(r"[\x00-\x20\x7f#]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_ASSET = re.compile(
    r"\.(?:css|js|mjs|map|json|xml|txt|wasm|webmanifest|woff2?|ttf|otf|eot"
    r"|gif|jpe?g|png|webp|avif|svg|ico|bmp|tiff?|mp[34]|m4[av]|og[agv]|wav|webm|mov|avi|flv|swf"
    r"|pdf|zip|gz|tgz|bz2|xz|7z|rar|tar|jar|deb|rpm|exe|dmg|iso)$",
    re.IGNORECASE,
)
_FEED = re.compile(
    r"/feed/?$|\.(?:rss|atom|rdf)$|/(?:rss|atom)(?:\.xml)?/?$|/(?:feed|index)\.xml$", re.IGNORECASE
)
_FEED_QUERY = re.compile(r"(?:^|&)[a-z]+=(?:rss|atom)[0-9.]*(?:&|$)", re.IGNORECASE)
_ROBOTS = re.compile(r"/(?:robots\.txt|sitemap[^/]*\.xml(?:\.gz)?)$", re.IGNORECASE)


class VisitorKey(StrEnum):
    """What tells the visitors of a log apart."""

    IP = "ip"
    IP_UA = "ip-ua"


class PageRule(StrEnum):
    """Which requests of a log are page views: all, or successful GETs of no asset, feed or robots.txt."""

    ALL = "all"
    DEFAULT = "default"


def read_access_log(
    lines: Iterable[bytes],
    *,
    site_id: str,
    visitor: VisitorKey,
    pages: PageRule,
    now_ms: int,
    file_id: str,
    host: str = "",
    secret: bytes = b"",
) -> Iterator[WebEvent | BadLine | Skipped]:
    """A page view for each request that ``pages`` counts, else why there is none: one answer for each line.

    A line seldom names the site's host. It is ``host``; where that is empty, the site id if it looks like a
    host, else the site id under ``.invalid``, which is nobody's. A URL beyond the limit makes a BadLine; a
    longer referrer or user agent is cut. Visitor ids are keyed hashes: without a ``secret``, whoever holds an
    id can find its address by trying them all.
    """
    reader = _LogReader(
        site_id=site_id,
        visitor=visitor,
        pages=pages,
        now_ms=now_ms,
        file_id=file_id,
        host=host or (site_id if "." in site_id else f"{site_id}.invalid"),
        key=hashlib.blake2b(secret).digest() if secret else b"",
    )
    for number, line in numbered(lines):
        yield reader.read(line, number=number)


class _Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    query: str


class _LogReader(msgspec.Struct, frozen=True, kw_only=True):
    site_id: str
    visitor: VisitorKey
    pages: PageRule
    now_ms: int
    file_id: str
    host: str
    key: bytes

    def read(self, line: bytes, *, number: int) -> WebEvent | BadLine | Skipped:
        match = _LINE.match(line)
        if match is None:
            return _no_match(line, number=number)
        request = _request(_text(match["request"]))
        if request is None:
            shown = ascii(_text(match["request"])[:80])
            return BadLine(number, LineFault.NO_REQUEST, f"the request {shown} asks for no path")
        if self.pages is PageRule.DEFAULT and (
            reason := _reason_to_skip(request, status=int(match["status"]))
        ):
            return Skipped(number, reason)
        at = _time_ms(match)
        if at is None:
            shown = line[match.start("day") : match.end("zone")].decode()
            return BadLine(number, LineFault.BAD_TIME, f"{shown} is not a time between 1970 and 2100")
        url = _url(_text(match["host"] or b"") or self.host, request)
        if len(url) > _MAX_URL:
            detail = f"a URL of {len(url)} characters, at most {_MAX_URL} are taken"
            return BadLine(number, RejectReason.TOO_LONG, detail)
        agent = match["agent"] or b""
        return WebEvent(
            event_id=event_id_of(line, number=number, file_id=self.file_id),
            event_type=EventType.PAGE_VIEW,
            site_id=self.site_id,
            visitor_id=self._visitor_id(match["client"], agent),
            occurred_at=at,
            sent_at=at,
            received_at=self.now_ms,
            url=url,
            referrer=_header(match["referrer"] or b"")[:_MAX_REFERRER],
            user_agent=_header(agent)[:_MAX_USER_AGENT],
            ip=_address(match["client"]),
            origin=Origin.REPLAY,
            properties=_properties(request.method, status=match["status"], size=match["bytes"]),
        )

    def _visitor_id(self, client: bytes, agent: bytes) -> str:
        seed = b"%s|%s" % (self.site_id.encode(), client)
        if self.visitor is VisitorKey.IP_UA:
            seed += b"|" + agent
        return hashlib.blake2b(seed, digest_size=16, key=self.key).hexdigest()


def _no_match(line: bytes, *, number: int) -> BadLine:
    if not line.strip():
        return BadLine(number, RejectReason.EMPTY_BODY, "the line is empty")
    # Nothing of the line is shown but its beginning: the rest may hold what an address asked for.
    return BadLine(number, LineFault.NOT_A_LOG_LINE, f"not the combined log format: {line[:40]!r}...")


def _request(text: str) -> _Request | None:
    """Method and target of a request line; None where it has no path: ``-``, TLS on a plain port, CONNECT."""
    method, _, rest = text.partition(" ")
    before, _, last = rest.strip().rpartition(" ")
    target = before.rstrip() if last.startswith("HTTP/") else rest.strip()
    if absolute := _ABSOLUTE.match(target):
        rest_of_it = target[absolute.end() :]
        target = rest_of_it if rest_of_it.startswith("/") else f"/{rest_of_it}"
    elif target == "*":
        target = "/*"
    if not target.startswith("/") or not _METHOD.fullmatch(method):
        return None
    path, _, query = target.partition("?")
    return _Request(method, path, query)


def _url(host: str, request: _Request) -> str:
    target = f"{request.path}?{request.query}" if request.query else request.path
    if _UNSAFE.search(target):
        target = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", target)
    return f"https://{host}{target}"


def _reason_to_skip(request: _Request, *, status: int) -> SkipReason | None:
    if request.method != "GET":
        return SkipReason.METHOD
    if not (200 <= status < 300 or status == 304):
        return SkipReason.STATUS
    if _ROBOTS.search(request.path):
        return SkipReason.ROBOTS
    if _FEED.search(request.path) or _FEED_QUERY.search(request.query):
        return SkipReason.FEED
    return SkipReason.ASSET if _ASSET.search(request.path) else None


def _time_ms(match: re.Match[bytes]) -> int | None:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    midnight = _midnight_ms(match["day"], match["zone"])
    # A leap second is written as 60.
    if midnight is None or hour > 23 or minute > 59 or second > 60:
        return None
    at = midnight + ((hour * 60 + minute) * 60 + second) * 1000
    return at if 0 <= at <= MAX_TIME_MS else None


@lru_cache(maxsize=1024)
def _midnight_ms(day: bytes, zone: bytes) -> int | None:
    """When ``17/May/2015`` began in ``+0200``, in ms since 1970 UTC."""
    date, month, year = day.decode().split("/")
    hours, minutes = int(zone[1:3]), int(zone[3:5])
    if hours > 23 or minutes > 59:
        return None
    try:
        begin = datetime(int(year), _MONTHS.index(month.lower()) + 1, int(date), tzinfo=UTC)
    except ValueError:
        return None
    offset_ms = (hours * 60 + minutes) * 60_000
    return int(begin.timestamp()) * 1000 + (offset_ms if zone.startswith(b"-") else -offset_ms)


def _header(raw: bytes) -> str:
    """A quoted header as text; a lone ``-`` is the log's word for none, and NUL cannot be kept."""
    return "" if raw == b"-" else _text(raw).replace("\x00", "\ufffd")


def _text(raw: bytes) -> str:
    r"""Unescaped (``\"``, ``\x22``) and as text: UTF-8, or else Latin-1, which takes any byte."""
    if b"\\" in raw:
        raw = _ESCAPE.sub(_unescaped, raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if len(code) == 3:
        return bytes.fromhex(code[1:].decode())
    return _CONTROL.get(code, code)


@lru_cache(maxsize=65_536)
def _address(client: bytes) -> str:
    """The client as an IP address; empty where the log holds a resolved name instead."""
    try:
        return str(ip_address(client.decode("ascii").partition("%")[0]))
    except (UnicodeDecodeError, ValueError):
        return ""


def _properties(method: str, *, status: bytes, size: bytes) -> msgspec.Raw:
    sent = b"0" if size == b"-" else size.lstrip(b"0") or b"0"
    code = status.lstrip(b"0") or b"0"
    return msgspec.Raw(b'{"method":"%s","status":%s,"bytes":%s}' % (method.encode(), code, sent))
