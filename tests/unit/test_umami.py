"""Rows of Umami's export, and what becomes of each."""

from __future__ import annotations

import io
import json
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.errors import ImportFileError
from app.events.vocabulary import DeviceClass, EventType, Origin, RejectReason
from app.events.wire import Exported
from app.traffic.exports import Asked
from app.traffic.lines import BadLine, LineFault, Skipped, SkipReason, Told
from app.traffic.umami import NEEDED, read_umami
from tests.exports import UMAMI, umami_csv, umami_row
from tests.factories import HOUR, T0

ASKED = Asked(site_id="shop", now_ms=T0, host="shop.example")


def read(content: bytes, asked: Asked = ASKED) -> list[Told | BadLine | Skipped]:
    return list(read_umami(io.BytesIO(content), asked=asked, name="export.csv"))


def one(**fields: str):
    (told,) = read(umami_csv([umami_row(**fields)]))
    return told


def test_a_row_is_an_event_with_all_that_it_tells():
    event = one(
        event_id="00000000-0000-4000-8000-00000000000A",
        url_path="/bikes",
        url_query="utm_source=news&size=m",
        referrer_domain="google.com",
        referrer_path="/search",
        referrer_query="q=bell",
        page_title="Bikes, all of them",
        distinct_id="u/1",
    ).event
    assert event == msgspec.structs.replace(
        event,
        event_id="00000000-0000-4000-8000-00000000000A",
        event_type=EventType.PAGE_VIEW,
        site_id="shop",
        visitor_id="s1",
        user_id="u/1",
        occurred_at=T0,
        sent_at=T0,
        received_at=T0,
        url="https://shop.example/bikes?utm_source=news&size=m",
        referrer="https://google.com/search?q=bell",
        title="Bikes, all of them",
        language="de-DE",
        screen_width=1920,
        screen_height=1080,
        origin=Origin.REPLAY,
        exported=Exported(
            device_class=DeviceClass.DESKTOP,
            browser="Chrome",
            os="Windows",
            os_version="10",
            country="DE",
            region="DE-BE",
            city="Berlin",
        ),
        properties=msgspec.Raw(b"{}"),
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"event_type": "2", "event_name": "signup"}, {"name": "signup"}),
        ({"event_type": "2", "event_name": "'-=x", "tag": "b"}, {"name": "-=x"}),
        ({"event_type": "5", "lcp": "1200.5", "cls": "0.1"}, {"name": "$web_vitals"}),
        ({"hostname": "", "url_path": "cart"}, {"url": "https://shop.example/cart"}),
        ({"created_at": "2026-03-02T11:00:00.250+01:00"}, {"occurred_at": T0 + 250}),
        ({"screen": "wide"}, {"screen_width": 0}),
    ],
)
def test_what_a_row_may_say(fields, expected):
    event = one(**fields).event
    assert {name: getattr(event, name) for name in expected} == expected


def test_vitals_and_tags_are_properties():
    vitals = one(event_type="5", lcp="1200.5", cls="0.1").event
    assert json.loads(bytes(vitals.properties)) == {"lcp_ms": 1200.5, "cls": 0.1}
    tagged = one(event_type="2", event_name="signup", tag="b").event
    assert json.loads(bytes(tagged.properties)) == {"tag": "b"}


def test_a_time_that_names_no_zone_is_of_the_zone_that_was_asked_for():
    berlin = msgspec.structs.replace(ASKED, zone=ZoneInfo("Europe/Berlin"))
    (told,) = read(umami_csv([umami_row()]), berlin)
    assert told.event.occurred_at == T0 - HOUR


def test_an_id_that_is_no_uuid_is_made_one_the_same_each_time():
    first, second = (one(event_id="17").event.event_id for _ in range(2))
    assert first == second != one(event_id="18").event.event_id
    assert len(first) == 36


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"session_id": ""}, RejectReason.MISSING_FIELD),
        ({"url_path": r"\N"}, RejectReason.MISSING_FIELD),
        ({"event_type": "9"}, RejectReason.UNKNOWN_EVENT_TYPE),
        ({"created_at": "yesterday"}, LineFault.BAD_TIME),
        ({"created_at": "1969-12-31 23:59:59"}, LineFault.BAD_TIME),
    ],
)
def test_a_bad_row_says_why_and_does_not_stop_the_rest(fields, reason):
    bad, good = read(umami_csv([umami_row(**fields), umami_row()]))
    assert (bad.line, bad.reason) == (2, reason)
    assert isinstance(good, Told)


def test_a_row_of_other_columns_or_of_no_text_is_bad():
    content = umami_csv([umami_row(), umami_row(page_title="Caf\xe9")])
    head, first, second = content.splitlines(keepends=True)
    lines = [head, first.replace(b",", b"", 1), second.replace("é".encode(), b"\xe9"), b"\r\n", first, b"cut"]
    answers = read(b"".join(lines))
    assert [(one.line, getattr(one, "reason", "")) for one in answers] == [
        (2, LineFault.WRONG_COLUMNS),
        (3, RejectReason.INVALID_UTF8),
        (5, ""),
        (6, LineFault.WRONG_COLUMNS),
    ]


@pytest.mark.parametrize("kind", ["3", "4"])
def test_links_and_pixels_of_umami_are_left_out(kind):
    assert one(event_type=kind) == Skipped(2, SkipReason.OTHER_KIND)


def test_a_quoted_line_end_moves_the_numbers_on():
    bad = read(umami_csv([umami_row(page_title="two\nlines"), umami_row(session_id="")]))[1]
    assert bad.line == 4


@pytest.mark.parametrize("is_quoted", [False, True])
def test_an_open_quote_costs_its_row_alone(is_quoted):
    """The title is the last cell: nothing of its own row can close the quote."""
    columns = [*NEEDED, "page_title"]
    rows = [umami_row(page_title=f"Title {number}") for number in range(1000)]
    lines = umami_csv(rows, columns=columns).replace(b"Title", b'"Title').splitlines(keepends=True)
    for number, line in enumerate(lines):
        open_quote = number == 500
        lines[number] = line if open_quote else line.replace(b'"', b"")
        if is_quoted and number and not open_quote:
            lines[number] = lines[number].replace(b"Title", b'"Title').replace(b"\r\n", b'"\r\n')
    answers = read(b"".join(lines))
    assert [(one.line, one.reason) for one in answers if isinstance(one, BadLine)] == [
        (501, LineFault.MALFORMED_CSV)
    ]
    told = [one for one in answers if isinstance(one, Told)]
    assert [one.event.title for one in told] == [f"Title {n}" for n in range(1000) if n != 499]
    assert [one.line for one in told] == [n for n in range(2, 1002) if n != 501]


def test_a_title_of_several_lines_is_one_event_told_by_its_first_line():
    (told, bad) = read(
        umami_csv([umami_row(page_title="two\nlines"), umami_row(page_title="a\nb", session_id="")])
    )
    assert (told.line, told.event.title, bad.line) == (2, "two\nlines", 4)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-16", "a byte order mark of UTF-16"),
        ("utf-32", "a byte order mark of UTF-32"),
        ("utf-16-le", "NUL bytes, as UTF-16 without a byte order mark has them"),
        ("utf-16-be", "NUL bytes, as UTF-16 without a byte order mark has them"),
    ],
)
def test_a_file_in_another_encoding_is_refused_with_what_to_do(encoding, found):
    content = umami_csv([umami_row()]).decode().encode(encoding)
    with pytest.raises(
        ImportFileError, match=rf"^export.csv, line 1: {found}; expected UTF-8: export .*convert"
    ):
        read(content)


@pytest.mark.parametrize("header", [b"x" * 200_000, b'"event_id,session_id\n', b"event_id\rsession_id\n"])
def test_a_header_that_is_no_csv_is_refused(header):
    with pytest.raises(ImportFileError, match=r"^export.csv, line 1: .*; expected a CSV file with event_id"):
        read(header)


@pytest.mark.parametrize("column", NEEDED)
def test_a_missing_column_is_told_with_file_line_and_what_is_expected(column):
    with pytest.raises(
        ImportFileError, match=rf"export.csv, line 1: no column {column}; expected .*url_path"
    ):
        read(umami_csv([umami_row()], columns=[name for name in UMAMI if name != column]))


def test_an_empty_file_lacks_every_column():
    with pytest.raises(ImportFileError, match="line 1: no column event_id, session_id"):
        read(b"")


def test_a_header_alone_holds_nothing_and_other_columns_do_not_matter():
    assert read(umami_csv([])) == []
    (told,) = read(b"\xef\xbb\xbf" + umami_csv([{**umami_row(), "new": "1"}], columns=["new", *NEEDED]))
    assert told.event.url == "https://shop.example/"
