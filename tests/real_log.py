"""Ten thousand real requests as visits, read from the text of their log. Shares no code with the product.

Written from docs/DESIGN.md and docs/METRICS.md: a pause of more than half an hour ends a visit, and
everything requested is a page view. Of one second, the first of a visit is the line with the least id (a hash
of its file, number and text); what comes after what is told by the order of lines.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tests import timelines
from tests.oracle_stats import Did, Visit

REAL_LOG = Path(__file__).parents[2] / "shared" / "data" / "apache_2015.log"
#: For what reads it: the repository does not contain it.
with_real_log = pytest.mark.skipif(
    not REAL_LOG.is_file(), reason=f"no {REAL_LOG}: ten thousand real requests"
)
#: The site of tests/answering.py whose days are those of the log.
SITE = "utc"
DAYS = ("2015-05-17", "2015-05-21")
GAP_MS = 1_800_000

_LINE = re.compile(
    r'(?P<address>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "\S+ (?P<target>\S+) [^"]*" \d{3} \S+ '
    r'"(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"?'
)
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_SEARCH = re.compile(r"(?:^|\.)(google|bing|yahoo|duckduckgo|yandex|baidu|ask|aol)\.[a-z.]+$")
_NAMED = {
    "stackoverflow.com": "stackoverflow",
    "unix.stackexchange.com": "stackexchange",
    "askubuntu.com": "stackexchange",
    "superuser.com": "stackexchange",
    "search.daum.net": "daum",
    "t.co": "twitter",
}
_SYSTEMS = {
    "Windows": re.compile(r"Windows(?! Phone| Mobile)"),
    "iOS": re.compile("iPhone|iPad|iPod|Darwin/14"),
    "Mac OS X": re.compile(r"Mac OS X|Darwin.*\(x86_64\)"),
    "Android": re.compile("Android|Silk"),
}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A line."""

    id: str
    number: int
    visitor: str
    at: int
    path: str
    query: str
    referrer: str
    agent: str


def requests(file: Path) -> list[Request]:
    """Every line, in order."""
    return [*_requests(file.read_bytes().splitlines())]


def _requests(lines: list[bytes]) -> Iterator[Request]:
    whose = hashlib.blake2b(lines[0], digest_size=16).hexdigest()
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.decode("latin-1"))
        assert match, line
        path, _, query = match["target"].partition("?")
        digest = hashlib.blake2b(b"%s\n%d\n%s" % (whose.encode(), number, line), digest_size=16).hexdigest()
        yield Request(
            id=f"{digest[:12]}8{digest[13:16]}8{digest[17:]}",
            number=number,
            visitor=match["address"],
            at=int(datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z").timestamp()) * 1000,
            path=path.replace("#", "%23"),
            query=query,
            referrer="" if match["referrer"] == "-" else match["referrer"],
            agent="" if match["agent"] == "-" else match["agent"],
        )


def runs(found: list[Request]) -> list[list[Request]]:
    """The requests of each visit, in order."""
    ordered = sorted(found, key=lambda one: (one.visitor, one.at, one.id))
    made: list[list[Request]] = []
    for _, mine in groupby(ordered, key=lambda one: one.visitor):
        before = None
        for one in mine:
            if before is None or one.at - before > GAP_MS:
                made.append([])
            made[-1].append(one)
            before = one.at
    return made


def visits(found: list[Request]) -> list[Visit]:
    """Visits with what is known of each."""
    return [_visit(run) for run in runs(found)]


def timeline(found: list[Request]) -> list[timelines.Visit]:
    """Visits with the times of their requests, those of one second as they stand in the log."""
    return [
        timelines.Visit(
            visitor=run[0].visitor,
            site=SITE,
            hits=tuple(
                timelines.Hit(at=one.at, path=one.path)
                for one in sorted(run, key=lambda one: (one.at, one.number))
            ),
        )
        for run in runs(found)
    ]


def _visit(run: list[Request]) -> Visit:
    first, last = run[0], run[-1]
    source = _source(first)
    return Visit(
        id=first.id,
        visitor=first.visitor,
        at=first.at,
        duration_ms=last.at - first.at,
        is_bounce=len(run) == 1,
        is_bot=False,
        facts={
            "channel": "" if source else "Direct",
            "source": source,
            "referrer_host": _host(first),
            "entry_path": first.path,
            "exit_path": last.path,
            "os": _os(first.agent),
        },
        did=[Did(kind="page_view", path=one.path) for one in run],
    )


def _host(one: Request) -> str:
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), one.referrer)
    return ((urlsplit(plain).hostname or "").encode("idna")).decode()


def _source(one: Request) -> str:
    """What it says itself, the name of a search engine or a network, else the host."""
    told = parse_qs(one.query).get("utm_source")
    if told:
        return told[0].lower()
    host = _host(one)
    engine = _SEARCH.search(host)
    return engine[1] if engine else _NAMED.get(host.removeprefix("www."), host.removeprefix("www."))


def _os(agent: str) -> str:
    """One of the four that a user agent names plainly; empty for all others."""
    return next((name for name, pattern in _SYSTEMS.items() if pattern.search(agent)), "")
