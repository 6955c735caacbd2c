"""Session windows: boundaries in a table, merges, and what is said about them."""

import pytest

from app.core.sessions import (
    Hit,
    duration_ms,
    holding,
    is_bounce,
    place,
    session_id,
    statements,
)
from app.events.enriched import Device, Geo, Page, Traffic
from app.events.state import Touch
from tests.factories import HOUR, MINUTE, T0, session_rules

GAP = 30 * MINUTE


def view(at, name="e", path="/", **fields):
    touch = Touch(Page(host="shop.example", path=path), Traffic(), Geo(), Device())
    return Hit(at=at, event_id=name, touch=touch, is_page_view=True, **fields)


def leave(at, engaged_ms):
    return Hit(
        at=at, event_id=f"l{at}", touch=view(at).touch, is_passive=True, is_leave=True, engaged_ms=engaged_ms
    )


def fold(*hits, **changes):
    windows = ()
    for number, hit in enumerate(hits):
        windows, _ = place(windows, hit, rules=session_rules(**changes), new_id=f"s{number}".strip)
    return windows


def spans(windows):
    return [(window.start_at - T0, window.end_at - T0) for window in windows]


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([0], [(0, 0)]),
        ([0, GAP], [(0, GAP)]),  # an event exactly at the gap still belongs
        ([0, GAP + 1], [(0, 0), (GAP + 1, GAP + 1)]),
        ([GAP, 0], [(0, GAP)]),  # a late event extends a window backwards
        ([GAP + 1, 0], [(0, 0), (GAP + 1, GAP + 1)]),
        ([0, 2 * GAP, GAP], [(0, 2 * GAP)]),  # and bridges two
        ([0, 2 * GAP + 1, GAP], [(0, GAP), (2 * GAP + 1, 2 * GAP + 1)]),
        ([0, 0, 0], [(0, 0)]),
        ([0, 2 * GAP, 4 * GAP, GAP, 3 * GAP], [(0, 4 * GAP)]),
    ],
)
def test_windows_by_event_time_in_any_order(offsets, expected):
    assert spans(fold(*[view(T0 + offset, f"e{i}") for i, offset in enumerate(offsets)])) == expected


def test_an_event_lost_between_ten_fifty_nine_and_eleven_one_is_one_visit():
    assert len(fold(view(T0 + 59 * MINUTE), view(T0 + 61 * MINUTE))) == 1


def test_a_session_is_no_longer_than_the_cap():
    hits = [view(T0 + step * GAP, f"e{step}") for step in range(100)]
    assert [end - start for start, end in spans(fold(*hits, cap_ms=24 * HOUR))] == [24 * HOUR, 24 * HOUR, GAP]
    assert len(fold(*hits, cap_ms=0)) == 1


def test_entry_and_exit_are_by_event_time_not_by_arrival():
    (window,) = fold(view(T0 + MINUTE, "b", "/b"), view(T0 + 2 * MINUTE, "c", "/c"), view(T0, "a", "/a"))
    assert (window.entry_path, window.exit_path, window.touch.page.path) == ("/a", "/c", "/a")


def test_duration_is_to_the_last_activity_plus_the_engaged_time_on_the_last_page():
    (window,) = fold(
        view(T0, "a"),
        leave(T0 + 50_000, 40_000),
        view(T0 + MINUTE, "b"),
        leave(T0 + 5 * MINUTE, 7_000),
        leave(T0 + 9 * MINUTE, 2_000),
    )
    assert duration_ms(window) == MINUTE + 9_000
    assert window.engaged_ms == 49_000
    assert window.end_at == T0 + 9 * MINUTE


@pytest.mark.parametrize(
    ("hits", "bounce"),
    [
        ([view(T0)], True),
        ([view(T0), leave(T0 + MINUTE, 9_999)], True),
        ([view(T0), leave(T0 + MINUTE, 10_000)], False),
        ([view(T0, "a"), view(T0 + 1, "b")], False),
        ([view(T0, is_interaction=True)], False),
        ([leave(T0, 1)], False),
    ],
)
def test_a_bounce_is_one_view_no_interaction_and_under_ten_seconds(hits, bounce):
    (window,) = fold(*hits)
    assert is_bounce(window, rules=session_rules()) is bounce


def published(*blocks):
    """Fold block by block; everything that was said, and the windows in the end."""
    windows, said, number = (), [], 0
    for block in blocks:
        before = windows
        for hit in block:
            number += 1
            windows, _ = place(windows, hit, rules=session_rules(), new_id=f"s{number}".strip)
        new, windows = statements(before, windows)
        said += [(one.sign, one.version, one.window.session_id, one.merged_into) for one in new]
    return said, windows


def test_each_change_takes_back_the_published_version_and_states_the_next():
    said, (window,) = published([view(T0, "a")], [view(T0 + 1, "b")], [view(T0 + 2, "c")])
    assert said == [
        (1, 1, "s1", ""),
        (-1, 1, "s1", ""),
        (1, 2, "s1", ""),
        (-1, 2, "s1", ""),
        (1, 3, "s1", ""),
    ]
    assert window.page_views == 3


def test_a_bridge_retracts_the_later_session_and_names_its_heir():
    said, (window,) = published([view(T0, "a")], [view(T0 + 2 * GAP, "b")], [view(T0 + GAP, "c")])
    assert said[2:] == [(-1, 1, "s1", ""), (-1, 1, "s2", "s1"), (1, 2, "s1", "")]
    assert [merged.session_id for merged in window.merged] == ["s2"]


def test_an_heir_that_dies_hands_on_what_it_had_inherited():
    said, (window,) = published(
        [view(T0 + 2 * GAP, "b")],
        [view(T0 + 4 * GAP, "c")],
        [view(T0 + 3 * GAP, "d")],
        [view(T0, "a")],
        [view(T0 + GAP, "e")],
    )
    assert window.session_id == "s4"
    assert (0, 2, "s2", "s4") in said
    assert (-1, 2, "s1", "s4") in said


def test_a_window_that_never_was_published_needs_no_retraction():
    said, _ = published([view(T0, "a"), view(T0 + 2 * GAP, "b"), view(T0 + GAP, "c")])
    assert said == [(1, 1, "s1", "")]


def test_what_was_said_sums_to_the_windows_there_are():
    said, windows = published(
        [view(T0 + offset * GAP, f"e{offset}") for offset in (0, 2, 9)],
        [view(T0 + GAP, "x")],
        [view(T0 + 9 * GAP + 1, "y")],
    )
    alive = {}
    for sign, _, session, _ in said:
        alive[session] = alive.get(session, 0) + sign
    assert {session for session, count in alive.items() if count} == {w.session_id for w in windows}


def test_the_id_is_derived_from_the_opening_event_alone():
    ids = {session_id(site_id="a", visitor_id="v", event_id=event) for event in ("1", "2", "1")}
    assert len(ids) == 2
    assert session_id(site_id="a", visitor_id="v", event_id="1")[14] == "8"
    assert session_id(site_id="a", visitor_id="w", event_id="1") not in ids


def test_the_window_that_holds_a_time():
    windows = fold(view(T0), view(T0 + MINUTE), view(T0 + 3 * HOUR))
    assert holding(windows, T0 + 1).session_id == "s0"
    assert holding(windows, T0 + HOUR) is None
