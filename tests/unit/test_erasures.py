"""A message that asks to forget a visitor: what becomes of the block it stands in, and of a replay of it."""

from collections import Counter

import msgspec

from app.core.erasures import HEADERS, erase_message, is_erasure
from tests.factories import MINUTE, T0, Record, record
from tests.unit.test_pipeline import block, run


def erase(visitor="v1", *, offset):
    key, value = erase_message("shop", visitor)
    return Record(key=key, value=value, offset=offset, headers=HEADERS)


def totals(*foldeds):
    """What gold would sum of the session rows."""
    rows = [row for folded in foldeds for row in folded.sessions]
    return {
        "sessions": sum(row.sign for row in rows),
        "page_views": sum(row.sign * row.page_views for row in rows),
    }


def test_the_header_makes_it():
    assert is_erasure(HEADERS)
    assert not is_erasure(())
    assert not is_erasure([("wua-returned", b"1")])


def test_the_state_goes_and_no_row_is_made_of_the_message():
    before = run(record(offset=0), record(offset=1, visitor_id="v2"))
    folded = run(erase(offset=100), states=before.states, at=block(100, 199))
    assert folded.states == {b"shop:v1": None}
    assert (folded.events, folded.sessions, folded.closed, folded.refused) == ([], [], [], [])
    assert (folded.received, folded.erased) == (1, 1)


def test_what_came_before_in_the_block_is_counted_and_forgotten():
    before = run(record(offset=0))
    folded = run(
        record(offset=100, at=T0 + MINUTE), erase(offset=101), states=before.states, at=block(100, 199)
    )
    assert folded.states == {b"shop:v1": None}
    assert totals(before, folded) == {"sessions": 1, "page_views": 2}
    assert folded.accepted == 1


def test_what_comes_after_it_is_somebody_new_and_takes_nothing_back():
    before = run(record(offset=0))
    folded = run(
        record(offset=100, at=T0 + MINUTE),
        erase(offset=101),
        record(offset=102, at=T0 + 2 * MINUTE),
        states=before.states,
        at=block(100, 199),
    )
    state = folded.states[b"shop:v1"]
    assert (state.last_offset, [window.events for window in state.windows]) == (102, [1])
    assert totals(before, folded) == {"sessions": 2, "page_views": 3}
    assert len({row.session_id for row in folded.events}) == 2


def test_an_event_sent_again_after_it_is_not_known_any_more():
    same = record(offset=0)
    before = run(same)
    again = msgspec.structs.replace(same, offset=101)
    folded = run(erase(offset=100), again, states=before.states, at=block(100, 199))
    assert (folded.accepted, folded.duplicates) == (1, 0)


def test_others_keep_their_state():
    before = run(record(offset=0), record(offset=1, visitor_id="v2"))
    folded = run(
        erase("v2", offset=100), record(offset=101, at=T0 + MINUTE), states=before.states, at=block(100, 199)
    )
    assert folded.states[b"shop:v2"] is None
    assert folded.states[b"shop:v1"].windows[0].events == 2


def test_a_replay_after_the_states_were_written_ends_in_the_same_states():
    """As after a kill between the states and the commit: nothing of before comes back."""
    before = run(record(offset=0))
    for after in ((), (record(offset=102, at=T0 + 2 * MINUTE),)):
        records = (record(offset=100, at=T0 + MINUTE), erase(offset=101), *after)
        once = run(*records, states=before.states, at=block(100, 199))
        stored = {key: state for key, state in once.states.items() if state is not None}
        again = run(*records, states=stored, at=block(100, 199))
        assert again.states == once.states
        assert Counter(row.offset for row in again.events) == Counter(row.offset for row in once.events)


def test_a_message_without_the_header_is_read_as_an_event():
    key, value = erase_message("shop", "v1")
    (row,) = run(Record(key=key, value=value)).events
    assert (row.outcome, row.reason) == ("rejected", "missing_field")
