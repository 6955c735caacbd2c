"""Which lines of an access log count; ids of files and lines; hostile lines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.core.decode import decode_web_event
from app.core.validate import validate
from app.events.rejects import Reject
from app.events.wire import WebEvent
from app.traffic.access_log import PageRule
from app.traffic.lines import BadLine, Skipped, SkipReason, file_id, file_id_of
from tests.log_lines import event_of, log_line, read


@pytest.mark.parametrize(
    ("request_line", "status", "reason"),
    [
        ("POST / HTTP/1.1", "200", SkipReason.METHOD),
        ("HEAD / HTTP/1.1", "200", SkipReason.METHOD),
        ("GET / HTTP/1.1", "199", SkipReason.STATUS),
        ("GET / HTTP/1.1", "301", SkipReason.STATUS),
        ("GET / HTTP/1.1", "404", SkipReason.STATUS),
        ("GET / HTTP/1.1", "500", SkipReason.STATUS),
        ("GET /style.css HTTP/1.1", "200", SkipReason.ASSET),
        ("GET /style.CSS?v=3 HTTP/1.1", "200", SkipReason.ASSET),
        ("GET /favicon.ico HTTP/1.1", "200", SkipReason.ASSET),
        ("GET /a/b.tar.gz HTTP/1.1", "200", SkipReason.ASSET),
        ("GET /robots.txt HTTP/1.1", "200", SkipReason.ROBOTS),
        ("GET /sitemap-1.xml.gz HTTP/1.1", "200", SkipReason.ROBOTS),
        ("GET /feed/ HTTP/1.1", "200", SkipReason.FEED),
        ("GET /posts/atom.xml HTTP/1.1", "304", SkipReason.FEED),
        ("GET /tags/bread?flav=rss20 HTTP/1.1", "200", SkipReason.FEED),
    ],
)
def test_the_default_rule_skips_with_a_reason_what_is_no_page(
    request_line: str, status: str, reason: SkipReason
):
    line = log_line(request=request_line, status=status)

    assert read(line, pages=PageRule.DEFAULT) == [Skipped(1, reason)]
    assert isinstance(read(line, pages=PageRule.ALL)[0], WebEvent)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", "200"),
        ("/", "299"),
        ("/", "304"),
        ("/a.html", "200"),
        ("/a.php?x=y.css", "200"),
        ("/feedback", "200"),
        ("/css", "200"),
        ("/a.css/b", "200"),
        ("/?flavour=rsshopper", "200"),
    ],
)
def test_the_default_rule_counts_pages(target: str, status: str):
    event = event_of(log_line(request=f"GET {target} HTTP/1.1", status=status), pages=PageRule.DEFAULT)

    assert event.url == f"https://blog.example{target}"


def test_the_same_file_fed_twice_gives_the_same_ids_and_equal_lines_differ():
    lines = [log_line(), log_line(), log_line()]
    first = [event.event_id for event in read(*lines)]

    assert [event.event_id for event in read(*lines)] == first
    assert [event.event_id for event in read(*(line.replace(b"\n", b"\r\n") for line in lines))] == first
    assert len(set(first)) == 3
    assert not set(first) & {event.event_id for event in read(*lines, file_id="f2")}


def test_a_file_is_known_by_its_first_line_so_that_it_may_grow(tmp_path: Path):
    log = tmp_path / "access.log"
    log.write_bytes(log_line() + log_line(client="::1"))
    before = file_id(log)
    log.write_bytes(log.read_bytes() + log_line(client="::2"))

    assert file_id(log) == before == file_id_of(log_line())
    log.write_bytes(log_line(client="::1") + log_line())
    assert file_id(log) != before


def test_an_empty_file_has_an_id_and_no_events(tmp_path: Path):
    log = tmp_path / "access.log"
    log.write_bytes(b"")

    with log.open("rb") as lines:
        assert list(read(*lines, file_id=file_id(log))) == []


HOSTILE = [
    log_line(request=r"GET /\x00?\x00=\x00 HTTP/1.1", agent=r"\x00", referrer=r"\x00"),
    log_line(agent="\\" * 5_000),
    log_line(agent='\\"' * 5_000),
    log_line(request="GET /" + "\\x" * 900 + " HTTP/1.1"),
    log_line(request="G" * 32 + " /a b c d HTTP/9"),
    log_line(client="a" * 10_000),
    log_line(client="\udcff\udcfe"),
    log_line(request="GET /\udcff\udcfe HTTP/1.1", referrer="\udcff", agent="\udcff"),
    log_line(status="000", size="9" * 18),
    log_line(request='GET /"]}{[ HTTP/1.1'.replace('"', '\\"')),
]


@pytest.mark.parametrize("line", HOSTILE)
def test_every_event_made_of_a_hostile_line_keeps_the_wire_contract(line: bytes):
    event = event_of(line)

    decoded = decode_web_event(msgspec.json.encode(event))
    assert decoded == event
    assert not isinstance(validate(event), Reject)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 500_000,
        b" " * 500_000,
        b'a - - [17/May/2015:10:05:03 +0000] "' * 10_000,
        log_line(request="GET /" + " " * 200_000 + "x"),
        log_line(request="\\" * 200_000),
        log_line(agent="\\" * 200_001),
        log_line(user="[17/May/2015:10:05:03 +0000] " * 5_000),
    ],
)
def test_a_long_hostile_line_is_answered_at_all(line: bytes):
    """A search that goes back and forth over these would not come to an end."""
    (answer,) = read(line)

    assert isinstance(answer, BadLine | WebEvent)
