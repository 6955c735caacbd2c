"""What a person reads of a visitor's state on the worker's pages, and who may read it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.events.state import VisitorState
from tables.bulk_state import Figures
from tests.factories import HOUR, MINUTE, T0, plain_enrichment, record, rules
from web.inspect.access import require_key
from web.inspect.browsing import Place, place_of
from web.inspect.pages import asked_key
from web.inspect.refusals import RefusalError
from web.inspect.tables_shown import PartitionStatus, PartitionView, with_figures
from web.inspect.times import lasting, relative, size
from web.inspect.windows_shown import KeyView, key_row, key_view

KEY = "0123456789abcdef"
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def folded(*events: dict[str, object], **changes: object) -> VisitorState:
    """The state after these events, each in a block of its own."""
    own = rules(**changes)
    states: dict[bytes, VisitorState] = {}
    for offset, fields in enumerate(events):
        block = BlockId(
            topic="web_events", epoch=2, partition=3, start=offset, end=offset, batch_id=str(offset)
        )
        examined = examine(record(offset=offset, **fields), rules=own, enrich=plain_enrichment)
        states |= fold([examined], block=block, states=states, rules=own).states
    return states[b"shop:v1"]


def shown(*events: dict[str, object], **changes: object) -> KeyView:
    state = folded(*events, **changes)
    return key_view(
        b"shop:v1", state, table="visitors", worker="http://w:1", partition=3, rules=rules(**changes)
    )


def page(path: str, *, at: int = T0, **fields: object) -> dict[str, object]:
    return {"url": f"https://shop.example{path}", "at": at, **fields}


@pytest.mark.parametrize(
    ("paths", "trail"),
    [
        (["/a"], [("/a", 0)]),
        (["/a", "/b"], [("/a", 0), ("/b", 0)]),
        (["/a", "/b", "/c", "/a"], [("/a", 0), ("/a", 2)]),
    ],
)
def test_the_trail_is_the_first_and_the_last_page_and_how_many_lie_between(paths, trail):
    visit = [page(path, at=T0 + number * MINUTE) for number, path in enumerate(paths)]
    (window,) = shown(*visit).windows
    assert [(step.path, step.between) for step in window.trail] == trail
    assert window.host == "shop.example"


def test_a_window_without_a_page_view_has_no_trail_and_says_so():
    (window,) = shown(page("/a", event_type="click")).windows
    assert (window.trail, window.flags) == ([], ["no page view"])


def test_a_single_page_is_a_bounce_until_a_second():
    (window,) = shown(page("/a")).windows
    assert window.flags == ["bounce so far"]
    (window,) = shown(page("/a"), page("/b", at=T0 + MINUTE)).windows
    assert window.flags == []


def test_what_was_bridged_or_bought_is_flagged():
    apart = [page("/a"), page("/b", at=T0 + 50 * MINUTE)]
    bridge = page("/c", at=T0 + 25 * MINUTE, event_type="custom_event", name="$purchase")
    (window,) = shown(*apart, bridge).windows
    assert window.flags == ["converted", "merged"]


def test_a_session_that_is_too_fast_is_flagged_in_each_of_its_windows():
    """Where a campaign begins a session, each event is a window of its own."""
    visit = [page(f"/{number}", at=T0 + number * 1000) for number in range(4)]
    found = shown(*visit, bot_events_per_minute=3, bot_min_events=4, split_at_campaign=True)
    assert [window.flags for window in found.windows] == [["too fast for a person"]] * 4
    assert {(window.session, window.session_windows) for window in found.windows} == {
        (found.windows[0].session_id, 4)
    }


def test_it_is_said_until_when_a_visitor_is_kept():
    found = shown(page("/a"))
    assert found.kept_until - found.last_received_at == timedelta(milliseconds=rules().reach_ms)
    assert (found.key, found.site_id, found.visitor_id) == ("shop:v1", "shop", "v1")


def test_a_key_in_a_list_sums_its_windows_up():
    row = key_row(b"shop:v:1", folded(page("/a"), page("/b", at=T0 + 2 * HOUR)))
    assert (row.site_id, row.visitor_id, row.windows, row.events) == ("shop", "v:1", 2, 2)
    assert (row.last_page, row.is_bot) == ("/b", False)
    assert key_row(b"\xff", VisitorState(epoch=0, last_offset=0, last_received_at=T0)).key == "\\xff"


def test_a_network_address_is_in_nothing_that_is_shown():
    found = shown(page("/a", ip="198.51.100.7"))
    assert "198.51.100" not in str(found)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "just now"),
        (2, "2 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7199, "119 min ago"),
        (7200, "2 h ago"),
        (172_800, "2 d ago"),
        (-90, "in 90 s"),
        (-86_400, "in 24 h"),
    ],
)
def test_a_time_is_told_from_now(seconds, told):
    assert relative(NOW - timedelta(seconds=seconds), now=NOW) == told


def test_lengths_and_sizes_are_told_in_a_unit_that_fits():
    assert [lasting(ms) for ms in (0, 999, 61_000, 180_000)] == ["0 s", "0 s", "61 s", "3 min"]
    assert [size(count) for count in (0, 1023, 1024, 5 * 1024**3)] == ["0 B", "1023 B", "1.0 KiB", "5.0 GiB"]


@pytest.mark.parametrize(
    ("offset", "end", "lag"), [(None, 0, 0), (None, 7, 7), (6, 7, 0), (4, 7, 2), (9, 7, 0), (4, None, None)]
)
def test_the_lag_is_what_the_store_has_not_read_yet(offset, end, lag):
    plain = PartitionView(partition=0, status=PartitionStatus.RECOVERING)
    figures = Figures(keys=3, offset=offset, size_bytes=10)
    found = with_figures(plain, figures, end=end)
    assert (found.lag, found.changelog_end, found.keys_are_exact) == (lag, end, False)


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    "sent",
    [f"Bearer {KEY}", f"bearer  {KEY}", basic(f"anyone:{KEY}"), basic(f":{KEY}")],
)
def test_the_key_lets_in_as_a_bearer_or_as_a_password(sent):
    require_key({"Authorization": sent}, key=KEY, as_json=True)
    with pytest.raises(RefusalError):
        require_key({"Authorization": sent}, key=f"{KEY}0", as_json=True)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Authorization": ""},
        {"Authorization": KEY},
        {"Authorization": f"Bearer {KEY}0"},
        {"Authorization": basic(KEY)},
        {"Authorization": basic(f"{KEY}:anyone")},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer \xe9"},
    ],
)
def test_nothing_else_lets_in_and_a_browser_is_made_to_ask(sent, as_json):
    require_key(sent, key="", as_json=as_json)
    with pytest.raises(RefusalError, match=r"web\.admin_key") as refused:
        require_key(sent, key=KEY, as_json=as_json)
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer" if as_json else "Basic")


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({}, Place()),
        ({"from": "shop:v"}, Place(start="shop:v")),
        ({"after": "k", "limit": "500"}, Place(after="k", limit=500)),
        ({"before": "k", "limit": ""}, Place(before="k")),
    ],
)
def test_a_place_in_a_partition_is_read(query, place):
    assert place_of(query) == place


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many", "1.5", "²"])
def test_a_page_of_no_size_is_refused(limit):
    with pytest.raises(RefusalError, match="from 1 to 500"):
        place_of({"limit": limit})


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"site_id": " shop ", "visitor_id": "v/1"}, b"shop:v/1"),
        ({"key": "shop:v 1"}, b"shop:v 1"),
        ({"site_id": "shop", "visitor_id": "v1", "key": ""}, b"shop:v1"),
    ],
)
def test_a_key_is_named_by_visitor_or_raw(query, key):
    assert asked_key(query) == key


@pytest.mark.parametrize("query", [{}, {"site_id": "shop"}, {"visitor_id": "v1"}, {"key": ""}])
def test_half_a_name_is_refused(query):
    with pytest.raises(RefusalError, match="`site_id` and `visitor_id`"):
        asked_key(query)
