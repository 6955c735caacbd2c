"""Lines of access logs for tests: say what matters, the rest is filled in; and how they are read."""

from __future__ import annotations

from typing import Any

from app.events.wire import WebEvent
from app.traffic.access_log import PageRule, VisitorKey, read_access_log
from app.traffic.lines import BadLine, Skipped

NOW_MS = 1_760_000_000_000
#: 2015-05-17 10:05:03 UTC.
AT_MS = 1_431_857_103_000


def log_line(
    *,
    client: str = "203.0.113.9",
    user: str = "-",
    time: str = "17/May/2015:10:05:03 +0000",
    request: str = "GET /about HTTP/1.1",
    status: str = "200",
    size: str = "512",
    referrer: str = "-",
    agent: str = "Mozilla/5.0 (X11; Linux x86_64)",
) -> bytes:
    line = f'{client} - {user} [{time}] "{request}" {status} {size} "{referrer}" "{agent}"\n'
    return line.encode("utf-8", "surrogateescape")


def read(*lines: bytes, **options: Any) -> list[WebEvent | BadLine | Skipped]:
    asked: dict[str, Any] = {
        "site_id": "blog.example",
        "visitor": VisitorKey.IP,
        "pages": PageRule.ALL,
        "now_ms": NOW_MS,
        "file_id": "f1",
    }
    return list(read_access_log(lines, **(asked | options)))


def event_of(line: bytes, **options: Any) -> WebEvent:
    (answer,) = read(line, **options)
    assert isinstance(answer, WebEvent), answer
    return answer
