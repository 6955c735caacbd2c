"""Which dead letters can go back, as what message, and what that message tells of."""

from __future__ import annotations

import msgspec
import pytest

from app.core.dead_letters import MAX_DETAIL, MAX_REFUSALS, Sending, sending
from app.core.pipeline import RETURNED_HEADER, Refused, examine, fold, read_returned
from app.core.rows import Accepted, BlockId
from app.events.dead_letter import Fate, KeptLetter, Refusal, Returned, Unsent
from app.events.rows import EventRow
from tests.factories import DAY, HOUR, T0, event_id, plain_enrichment, record, rules, wire
from tests.letters import late, letter

BLOCK = BlockId(topic="web_events", epoch=0, partition=0, start=0, end=9, batch_id="b")


def returned(one: Sending | Unsent) -> Returned:
    assert isinstance(one, Sending)
    found = read_returned(one.headers)
    assert found is not None
    return found


def test_what_goes_back_is_the_same_event_under_the_key_of_its_visitor():
    kept = letter(reason="wrong_key", visitor_id="v7", event_id=event_id(1))
    one = sending(kept, rules=rules())
    assert isinstance(one, Sending)
    assert one.value == kept.payload.encode()
    assert one.event.key == b"shop:v7"
    assert one.refused_again is None


def test_it_tells_of_the_refusal():
    one = sending(letter(reason="wrong_key", step="decode", field="key", detail="no"), rules=rules())
    assert returned(one) == Returned(
        replays=1,
        refusals=(
            Refusal(
                id="0-3-17", refused_at=T0 + 5, reason="wrong_key", step="decode", field="key", detail="no"
            ),
        ),
    )


def test_the_first_and_the_latest_of_many_refusals_are_told_of():
    before = tuple(
        Refusal(id=f"0-0-{number}", refused_at=number, reason="late", step="time")
        for number in range(MAX_REFUSALS)
    )
    told = returned(sending(letter(history=before, replays=40, detail="x" * 1000), rules=rules()))
    assert told.replays == 41
    assert len(told.refusals) == MAX_REFUSALS
    assert [one.id for one in told.refusals] == ["0-0-0", *(one.id for one in before[2:]), "0-3-17"]
    assert len(told.refusals[-1].detail) == MAX_DETAIL


@pytest.mark.parametrize(
    ("grace_ms", "is_refused"), [(DAY, True), (30 * HOUR - 1, True), (30 * HOUR, False), (2 * DAY, False)]
)
def test_a_late_event_may_go_back_once_the_grace_period_covers_it(grace_ms, is_refused):
    one = sending(late(), rules=rules(grace_ms=grace_ms))
    assert isinstance(one, Sending)
    assert (one.refused_again is not None) == is_refused
    if one.refused_again:
        assert one.refused_again.fate is Fate.REFUSED_AGAIN
        assert "sessions.grace_ms" in one.refused_again.to_do


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "javascript:alert(1)"}, "invalid_url"),
        ({"event_type": "custom_event", "name": ""}, "missing_field"),
        ({"occurred_at": T0 + HOUR}, "in_future"),
    ],
)
def test_what_the_rules_here_would_refuse_again_is_known_before(fields, reason):
    one = sending(letter(**fields), rules=rules())
    assert isinstance(one, Sending)
    assert one.refused_again
    assert one.refused_again.reason == reason


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (letter("{", reason="malformed_json"), "truncated"),
        (letter("", reason="empty_body"), "no body"),
        (letter('{"title": "\\xff"}', reason="invalid_utf8"), "no text"),
        (letter(msgspec.json.encode(wire(visitor_id=...)).decode(), reason="missing_field"), "visitor_id"),
        (letter(msgspec.json.encode(wire()).decode(), reason="invalid_utf8"), "no text"),
    ],
)
def test_what_no_event_can_be_read_from_is_told_with_what_to_do(kept, told):
    one = sending(kept, rules=rules())
    assert isinstance(one, Unsent)
    assert one.fate is Fate.UNREADABLE
    assert told in one.detail
    assert "wua dead-letters show 0-3-17" in one.to_do


def test_a_letter_that_a_later_one_stands_for_is_not_sent():
    one = sending(letter(is_superseded=True), rules=rules())
    assert isinstance(one, Unsent)
    assert one.fate is Fate.SUPERSEDED


def test_only_a_fate_that_somebody_has_to_mend_is_open():
    assert {fate for fate in Fate if fate.is_open} == {Fate.REFUSED_AGAIN, Fate.UNREADABLE}


def came_back(kept: KeptLetter, *, at: int = T0 + 3 * DAY, offset: int = 5) -> Accepted | Refused:
    """What the worker makes of the message that sends the letter back, taken by the broker at ``at``."""
    one = sending(kept, rules=rules())
    assert isinstance(one, Sending)
    raw = record(one.value, key=one.event.key, offset=offset)
    message = msgspec.structs.replace(raw, headers=one.headers, timestamp=at)
    return examine(message, rules=rules(), enrich=plain_enrichment)


def rows(*items: Accepted | Refused) -> list[EventRow]:
    return fold(items, block=BLOCK, states={}, rules=rules()).events


def test_a_second_refusal_keeps_the_first():
    (row,) = rows(came_back(late(replays=1)))
    assert (row.reason, row.replays) == ("late", 2)
    (before,) = msgspec.json.decode(row.history, type=list[Refusal])
    assert (before.id, before.refused_at, before.reason) == ("0-3-17", T0 + 5, "late")


def test_a_first_refusal_has_none_before():
    (row,) = rows(examine(record(b"{"), rules=rules(), enrich=plain_enrichment))
    assert (row.replays, row.history) == (0, "")


def test_what_is_remembered_of_an_event_that_came_back_counts_from_its_return():
    """Else the visitor is forgotten at once, and the same event, sent once more, counts twice."""
    kept = letter(reason="wrong_key")
    folded = fold([came_back(kept)], block=BLOCK, states={}, rules=rules())
    state = folded.states[b"shop:v1"]
    assert state.last_received_at == T0 + 3 * DAY
    assert [window.received_at for window in state.windows] == [T0 + 3 * DAY]
    assert (state.windows[0].start_at, folded.events[0].received_at) == (T0, T0)
    again = fold([came_back(kept, offset=6)], block=BLOCK, states=folded.states, rules=rules())
    assert (again.accepted, again.duplicates) == (0, 1)


def test_an_event_that_comes_the_first_time_is_remembered_from_its_receipt():
    item = examine(record(), rules=rules(), enrich=plain_enrichment)
    assert isinstance(item, Accepted)
    assert (item.returned_at, item.receipt) == (0, T0)


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b'{"replays": "many"}', b"\xff"])
def test_a_header_that_cannot_be_read_tells_nothing(value):
    assert read_returned([("other", b"x"), (RETURNED_HEADER, value)]) is None
    message = msgspec.structs.replace(record(b"{"), headers=((RETURNED_HEADER, value),))
    refused = examine(message, rules=rules(), enrich=plain_enrichment)
    assert isinstance(refused, Refused)
    assert refused.returned is None
