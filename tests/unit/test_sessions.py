"""Session windows: boundaries in a table, merges, and what is said about them."""

from zoneinfo import ZoneInfo

import pytest

from app.core.sessions import (
    Hit,
    duration_ms,
    forgotten,
    holding,
    is_bounce,
    place_hit,
    session_id,
    sessions_of,
    whole,
)
from app.core.statements import statements
from app.events.enriched import Device, Geo, Page, Traffic
from app.events.state import Touch
from tests.factories import HOUR, MINUTE, T0, session_rules

GAP = 30 * MINUTE


def view(at, name="e", path="/", **fields):
    touch = Touch(Page(host="shop.example", path=path), Traffic(), Geo(), Device())
    return Hit(key=b"shop:v1", at=at, event_id=name, touch=touch, is_page_view=True, **fields)


def leave(at, engaged_ms):
    return Hit(
        key=b"shop:v1",
        at=at,
        event_id=f"l{at}",
        touch=view(at).touch,
        is_passive=True,
        is_leave=True,
        engaged_ms=engaged_ms,
    )


UTC = ZoneInfo("UTC")


def windows_of(*hits, zone=UTC, **changes):
    windows = ()
    for hit in hits:
        windows = place_hit(windows, hit, rules=session_rules(**changes), zone=zone).windows
    return windows


def fold(*hits, zone=UTC, **changes):
    """The sessions that the hits make."""
    groups = sessions_of(windows_of(*hits, zone=zone, **changes), rules=session_rules(**changes), zone=zone)
    return [whole(group) for group in groups]


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


def test_a_session_longer_than_the_cap_is_cut_at_its_multiples_in_any_order():
    hits = [view(T0 + step * GAP, f"e{step}") for step in range(100)]
    # T0 is ten in the morning: 28 half hours to midnight, 48 to the next, and the rest.
    expected = [(0, 27 * GAP), (28 * GAP, 75 * GAP), (76 * GAP, 99 * GAP)]
    for order in (hits, hits[::-1], hits[::2] + hits[1::2]):
        assert spans(fold(*order)) == expected
    assert spans(fold(*hits, cap_ms=0)) == [(0, 99 * GAP)]


def test_a_session_within_the_cap_goes_over_midnight_as_one():
    hits = [view(T0 + step * GAP, f"e{step}") for step in range(49)]
    assert spans(fold(*hits)) == [(0, 48 * GAP)]
    assert len(windows_of(*hits)) == 2


@pytest.mark.parametrize(("is_on", "expected"), [(False, 1), (True, 2)])
def test_local_midnight_begins_a_session_where_that_rule_is_set(is_on, expected):
    hits = [view(T0 + 8 * HOUR + 25 * MINUTE, "a"), view(T0 + 8 * HOUR + 35 * MINUTE, "b")]
    # 18:30 UTC is midnight in Kolkata, half an hour off the hours of UTC.
    found = fold(*hits, zone=ZoneInfo("Asia/Kolkata"), split_at_midnight=is_on)
    assert len(found) == expected


def from_campaign(at, name, campaign):
    touch = Touch(Page(path="/"), Traffic(campaign=campaign), Geo(), Device())
    return Hit(key=b"shop:v1", at=at, event_id=name, touch=touch, is_page_view=True)


@pytest.mark.parametrize(("is_on", "expected"), [(False, [(0, 5)]), (True, [(0, 1), (2, 3), (4, 5)])])
def test_another_campaign_begins_a_session_where_that_rule_is_set_in_any_order(is_on, expected):
    hits = [
        from_campaign(T0 + number, f"e{number}", campaign)
        for number, campaign in enumerate(["", "", "spring", "", "summer", "summer"])
    ]
    for order in (hits, hits[::-1], hits[3:] + hits[:3]):
        assert spans(fold(*order, split_at_campaign=is_on)) == expected


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


def published(*blocks, **changes):
    """Fold block by block; everything that was said, and the windows in the end."""
    chosen, windows, said = session_rules(**changes), (), []
    for block in blocks:
        before = windows
        for hit in block:
            windows = place_hit(windows, hit, rules=chosen, zone=UTC).windows
        new, windows = statements(before, windows, rules=chosen, zone=UTC)
        said += [
            (one.sign, one.version, name_of(one.window.session_id), name_of(one.merged_into)) for one in new
        ]
    return said, windows


def name_of(session):
    """The name of the event that opened the session."""
    return next((name for name in "abcdexy" if session == session_id(b"shop:v1", name)), session)


def test_each_change_takes_back_the_published_version_and_states_the_next():
    said, (window,) = published([view(T0, "a")], [view(T0 + 1, "b")], [view(T0 + 2, "c")])
    assert said == [
        (1, 1, "a", ""),
        (-1, 1, "a", ""),
        (1, 2, "a", ""),
        (-1, 2, "a", ""),
        (1, 3, "a", ""),
    ]
    assert window.page_views == 3


def test_a_bridge_retracts_the_later_session_and_names_its_heir():
    said, (window,) = published([view(T0, "a")], [view(T0 + 2 * GAP, "b")], [view(T0 + GAP, "c")])
    assert sorted(said[2:]) == [(-1, 1, "a", ""), (-1, 1, "b", "a"), (1, 2, "a", "")]
    assert [name_of(merged.session_id) for merged in window.merged] == ["b"]


def test_an_heir_that_dies_hands_on_what_it_had_inherited():
    said, (window,) = published(
        [view(T0 + 2 * GAP, "b")],
        [view(T0 + 4 * GAP, "c")],
        [view(T0 + 3 * GAP, "d")],
        [view(T0, "a")],
        [view(T0 + GAP, "e")],
    )
    assert name_of(window.session_id) == "a"
    assert (0, 2, "c", "a") in said
    assert (-1, 2, "b", "a") in said


def test_a_window_that_never_was_published_needs_no_retraction():
    said, _ = published([view(T0, "a"), view(T0 + 2 * GAP, "b"), view(T0 + GAP, "c")])
    assert said == [(1, 1, "a", "")]


def test_the_second_window_of_a_session_over_midnight_leads_to_the_first():
    said, windows = published([view(T0 + 14 * HOUR - 1, "a"), view(T0 + 14 * HOUR, "b")])
    assert said == [(1, 1, "a", ""), (0, 1, "b", "a")]
    assert [name_of(window.heir) for window in windows] == ["a", "a"]


def test_a_session_that_outgrows_the_cap_gives_its_later_part_its_own_id_back():
    first = [view(T0 + 14 * HOUR - 1, "a"), view(T0 + 14 * HOUR, "b")]
    later = [view(T0 + 14 * HOUR + step * GAP, f"later{step}") for step in range(1, 49)]
    said, _ = published(first, later)
    assert (-1, 1, "a", "") in said
    assert (1, 2, "a", "") in said
    assert (1, 2, "b", "b") in said


def test_nothing_new_is_nothing_said():
    chosen = session_rules()
    _, windows = published([view(T0 + 14 * HOUR - 1, "a"), view(T0 + 14 * HOUR, "b")])
    assert statements(windows, windows, rules=chosen, zone=UTC) == ([], windows)


def test_a_session_is_forgotten_as_a_whole_once_its_last_receipt_is_long_ago():
    chosen = session_rules()
    hits = [
        view(T0 + 14 * HOUR - 1, "a", received_at=10),
        view(T0 + 14 * HOUR, "b", received_at=20),
        view(T0 + 20 * HOUR, "c", received_at=15),
    ]
    windows = windows_of(*hits)
    kept, closed = forgotten(windows, before_ms=16, rules=chosen, zone=UTC)
    assert [name_of(window.session_id) for window in kept] == ["a", "b"]
    assert [name_of(session.session_id) for session in closed] == ["c"]
    assert forgotten(windows, before_ms=15, rules=chosen, zone=UTC) == (windows, [])


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
    ids = {session_id(b"a:v", event) for event in ("1", "2", "1")}
    assert len(ids) == 2
    assert session_id(b"a:v", "1")[14] == "8"
    assert session_id(b"a:w", "1") not in ids


def test_the_window_that_holds_a_time():
    windows = windows_of(view(T0), view(T0 + MINUTE), view(T0 + 3 * HOUR))
    assert holding(windows, T0 + 1) is windows[0]
    assert holding(windows, T0 + HOUR) is None
