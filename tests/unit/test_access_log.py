"""Lines of an access log -> page views and bad lines."""

from __future__ import annotations

from ipaddress import ip_address

import msgspec
import pytest

from app.events.vocabulary import EventType, Origin, RejectReason
from app.events.wire import WebEvent
from app.traffic.access_log import PageRule, VisitorKey
from app.traffic.lines import BadLine, LineFault
from tests.log_lines import AT_MS, NOW_MS, event_of, log_line, read


def test_a_request_is_a_page_view_with_the_time_of_the_log():
    event = event_of(log_line(referrer="https://www.google.com/"))

    assert event.event_type is EventType.PAGE_VIEW
    assert event.origin is Origin.REPLAY
    assert (event.occurred_at, event.sent_at, event.received_at) == (AT_MS, AT_MS, NOW_MS)
    assert event.url == "https://blog.example/about"
    assert event.referrer == "https://www.google.com/"
    assert event.user_agent == "Mozilla/5.0 (X11; Linux x86_64)"
    assert event.ip == "203.0.113.9"
    assert msgspec.json.decode(event.properties) == {"method": "GET", "status": 200, "bytes": 512}


@pytest.mark.parametrize(
    ("site_id", "host", "expected"),
    [
        ("blog.example", "", "https://blog.example/about"),
        ("blog", "", "https://blog.invalid/about"),
        ("blog", "www.blog.example", "https://www.blog.example/about"),
    ],
)
def test_the_host_is_the_one_given_or_the_site_id_or_nobodys(site_id: str, host: str, expected: str):
    assert event_of(log_line(), site_id=site_id, host=host).url == expected


def test_the_host_in_front_of_a_vhost_line_is_the_sites_and_no_visitor():
    plain = event_of(log_line())
    event = event_of(b"www.blog.example:443 " + log_line())

    assert event.url == "https://www.blog.example/about"
    assert event.ip == "203.0.113.9"
    assert event.visitor_id == plain.visitor_id


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("17/May/2015:10:05:03 +0000", AT_MS),
        ("17/May/2015:12:05:03 +0200", AT_MS),
        ("17/May/2015:15:35:03 +0530", AT_MS),
        ("17/May/2015:00:35:03 -0930", AT_MS),
        ("18/May/2015:00:05:03 +1400", AT_MS),
        ("17/MAY/2015:10:05:03 +0000", AT_MS),
        ("29/Feb/2016:00:00:00 +0000", 1_456_704_000_000),
        ("01/Jan/1970:00:00:00 +0000", 0),
        ("31/Dec/2016:23:59:60 +0000", 1_483_228_800_000),
    ],
)
def test_times_are_read_in_any_zone(time: str, expected: int):
    assert event_of(log_line(time=time)).occurred_at == expected


@pytest.mark.parametrize(
    "time",
    [
        "31/Feb/2015:10:05:03 +0000",
        "17/Mai/2015:10:05:03 +0000",
        "00/May/2015:10:05:03 +0000",
        "17/May/0000:10:05:03 +0000",
        "17/May/2015:24:05:03 +0000",
        "17/May/2015:10:60:03 +0000",
        "17/May/2015:10:05:61 +0000",
        "17/May/2015:10:05:03 +2400",
        "17/May/2015:10:05:03 +0060",
        "31/Dec/1969:23:59:59 +0000",
        "17/May/9999:10:05:03 +0000",
    ],
)
def test_an_impossible_time_is_a_bad_line_that_shows_it(time: str):
    (answer,) = read(log_line(time=time))

    assert answer == BadLine(1, LineFault.BAD_TIME, f"{time} is not a time between 1970 and 2100")


@pytest.mark.parametrize(
    ("request_line", "target"),
    [
        ("GET / HTTP/1.1", "/"),
        ("GET /", "/"),
        ("GET /a?b=1&c=2 HTTP/1.1", "/a?b=1&c=2"),
        ("GET /a? HTTP/1.1", "/a"),
        ("get /a HTTP/1.0", "/a"),
        ("POST /a HTTP/2.0", "/a"),
        ("HEAD /a HTTP/1.1", "/a"),
        ("M-SEARCH * HTTP/1.1", "/*"),
        ("OPTIONS * HTTP/1.0", "/*"),
        ("GET /two words HTTP/1.1", "/two%20words"),
        ("GET  /spaced  HTTP/1.1", "/spaced"),
        ("GET /a#b HTTP/1.1", "/a%23b"),
        ("GET //elsewhere.example/x HTTP/1.1", "//elsewhere.example/x"),
        ("GET http://elsewhere.example/x?y=1 HTTP/1.1", "/x?y=1"),
        ("GET http://elsewhere.example HTTP/1.1", "/"),
        (r"GET /say\"hi\" HTTP/1.1", '/say"hi"'),
        (r"GET /back\\slash HTTP/1.1", "/back\\slash"),
        (r"GET /\x00\x1b HTTP/1.1", "/%00%1B"),
        (r"GET /caf\xc3\xa9 HTTP/1.1", "/café"),
        (r"GET /caf\xe9 HTTP/1.1", "/café"),
        ("GET /%e2%82%ac HTTP/1.1", "/%e2%82%ac"),
    ],
)
def test_the_path_asked_for_is_kept_below_the_sites_own_host(request_line: str, target: str):
    assert event_of(log_line(request=request_line)).url == f"https://blog.example{target}"


@pytest.mark.parametrize(
    "request_line",
    [
        "-",
        "",
        " ",
        "GET",
        "GET ",
        "GET HTTP/1.1",
        "CONNECT elsewhere.example:443 HTTP/1.1",
        "GET index.html HTTP/1.1",
        r"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
        r"\x03\x00\x00/*\xE0\x00\x00\x00\x00\x00Cookie: mstshash=Administr",
        r"\x80w\x01\x03\x01 /a HTTP/1.1",
        "<b>GET</b> /a HTTP/1.1",
    ],
)
@pytest.mark.parametrize("pages", PageRule)
def test_a_request_without_a_path_is_a_bad_line(request_line: str, pages: PageRule):
    (answer,) = read(log_line(request=request_line, status="400"), pages=pages)

    assert isinstance(answer, BadLine)
    assert answer.reason is LineFault.NO_REQUEST


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b'203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1',
        b'203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1"',
        b'203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" ok 12 "-" "-"',
        b'203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET /\\" 200 12 "-" "-"',
        b'[17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12 "-" "-"',
        b'203.0.113.9 - - [2015-05-17T10:05:03Z] "GET / HTTP/1.1" 200 12 "-" "-"',
        b'{"event_id": "x"}',
        b"\x1f\x8b\x08\x00\x00\xff",
    ],
)
def test_any_other_line_is_a_bad_line(line: bytes):
    (answer,) = read(line)

    assert isinstance(answer, BadLine)
    assert (answer.line, answer.reason) == (1, LineFault.NOT_A_LOG_LINE)


@pytest.mark.parametrize("line", [b"", b"\n", b"\r\n", b"  \t\n"])
def test_an_empty_line_is_a_bad_line_too(line: bytes):
    assert read(line) == [BadLine(1, RejectReason.EMPTY_BODY, "the line is empty")]


def test_the_lines_around_a_bad_one_are_read_and_numbered():
    answers = read(log_line(), b"garbage\n", log_line(request="GET /b HTTP/1.1"), b"-\n")

    assert [type(answer).__name__ for answer in answers] == ["WebEvent", "BadLine", "WebEvent", "BadLine"]
    assert [answer.line for answer in answers if isinstance(answer, BadLine)] == [2, 4]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("-", ""),
        ("", ""),
        ("--", "--"),
        (r"say \"hi\"", 'say "hi"'),
        (r"say \x22hi\x22", 'say "hi"'),
        (r"tab\there", "tab\there"),
        (r"nul\x00here", "nul\ufffdhere"),
        ("caf\udcc3\udca9", "café"),
        ("caf\udce9", "café"),
        (r"mixed \xe9 \xc3\xa9", "mixed é Ã©"),
    ],
)
def test_user_agent_and_referrer_are_unescaped_and_decoded(agent: str, expected: str):
    event = event_of(log_line(agent=agent, referrer=agent))

    assert (event.user_agent, event.referrer) == (expected, expected)


@pytest.mark.parametrize(
    ("tail", "agent", "referrer"),
    [
        (b' "https://a.example/" "Mozilla/5.0 (compatible', "Mozilla/5.0 (compatible", "https://a.example/"),
        (b' "https://a.example/" "Mozilla\\', "Mozilla", "https://a.example/"),
        (b' "https://a.example/"', "", "https://a.example/"),
        (b' "https://a.exam', "", ""),
        (b"", "", ""),
        (b' "-" "Mozilla" "198.51.100.7" rt=0.004', "Mozilla", ""),
    ],
)
def test_a_line_that_was_cut_off_or_goes_on_still_counts(tail: bytes, agent: str, referrer: str):
    head = b'203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12'
    event = event_of(head + tail)

    assert (event.user_agent, event.referrer) == (agent, referrer)


@pytest.mark.parametrize(
    ("client", "ip"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("crawl-7.bot.example", ""),
        ("203.0.113.999", ""),
        ("-", ""),
    ],
)
def test_the_client_is_an_address_or_none(client: str, ip: str):
    ip_of = event_of(log_line(client=client)).ip

    assert ip_of == (str(ip_address(ip)) if ip else "")


@pytest.mark.parametrize("user", ["-", "jane", "Jane Doe", "[admin]", '\\"', "", "a [17/May b"])
def test_a_user_name_may_hold_anything(user: str):
    assert event_of(log_line(user=user)).occurred_at == AT_MS


@pytest.mark.parametrize(("size", "expected"), [("-", 0), ("0", 0), ("007", 7), ("203023", 203_023)])
def test_the_size_may_be_missing(size: str, expected: int):
    properties = msgspec.json.decode(event_of(log_line(size=size)).properties)

    assert properties["bytes"] == expected


def test_a_url_at_the_limit_is_taken_and_one_beyond_it_is_a_bad_line():
    room = 2048 - len("https://blog.example/")
    at_limit, beyond = read(
        log_line(request=f"GET /{'a' * room} HTTP/1.1"), log_line(request=f"GET /{'a' * (room + 1)} HTTP/1.1")
    )

    assert isinstance(at_limit, WebEvent)
    assert beyond == BadLine(2, RejectReason.TOO_LONG, "a URL of 2049 characters, at most 2048 are taken")


def test_a_longer_referrer_or_user_agent_is_cut_and_the_page_view_counts():
    event = event_of(log_line(referrer=f"https://a.example/{'b' * 9_000}", agent="c" * 9_000))

    assert (len(event.referrer), len(event.user_agent)) == (2048, 1024)


def test_visitors_are_told_apart_by_address_or_by_address_and_user_agent():
    lines = [log_line(agent=agent, client=client) for client in ("192.0.2.1", "::1") for agent in "ab"]

    assert len({event.visitor_id for event in read(*lines)}) == 2
    assert len({event.visitor_id for event in read(*lines, visitor=VisitorKey.IP_UA)}) == 4


def test_a_visitor_id_depends_on_site_and_secret_and_never_shows_the_address():
    ids = [
        event_of(log_line()).visitor_id,
        event_of(log_line(), site_id="other.example").visitor_id,
        event_of(log_line(), secret=b"s").visitor_id,
        event_of(log_line(), secret=b"s" * 500).visitor_id,
    ]

    assert len(set(ids)) == 4
    assert not any("203.0.113.9" in one for one in ids)
    assert event_of(log_line(), secret=b"s").visitor_id == ids[2]
