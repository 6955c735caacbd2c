"""What one visitor can cost: bytes of state, memory, and steps of a fold, counted."""

from __future__ import annotations

import sys
import tracemalloc
from itertools import islice

import msgspec
import pytest

from app.codecs import StructCodec
from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.core.sessions import MAX_LEAVES
from app.events.state import VisitorState
from tests.factories import T0, event_id, plain_enrichment, record, rules

EVENTS, BLOCK = 10_000, 500
REMEMBERED = 4096
#: A window with its touch, and one more for each page leave, beside 8 bytes for each id.
WINDOW_BYTES, LEAVE_BYTES = 1000, 16
STATE_BYTES = 8 * REMEMBERED + WINDOW_BYTES + LEAVE_BYTES * MAX_LEAVES
#: What a fold of a block may hold at once: rows of 500 events and the ids of the visitor.
FOLD_BYTES = 8 * 1024 * 1024

KINDS = {
    "page views": ({"event_type": "page_view"},),
    "page leaves": (
        {"event_type": "custom_event", "name": "$page_leave", "properties": {"engaged_ms": 1000}},
    ),
    "everything": (
        {"event_type": "page_view"},
        {"event_type": "click"},
        {"event_type": "scroll"},
        {"event_type": "custom_event", "name": "$page_leave", "properties": {"engaged_ms": 1000}},
        {"event_type": "custom_event", "name": "$purchase", "properties": {"revenue": 9.5}},
    ),
}


class Cost(msgspec.Struct, frozen=True):
    """Of the fold of one block: bytes of the state after it, peak of memory, calls of functions."""

    state_bytes: int
    peak_bytes: int
    calls: int


#: The blocks that are looked at: the first one after which no more ids are remembered, one later, the last.
LOOKED_AT = (-(-REMEMBERED // BLOCK), 14, EVENTS // BLOCK - 1)


def costs(kinds, *, backwards: bool) -> list[Cost]:
    """Of some blocks of a visit of 10,000 events, one every second, as they come or latest first."""
    codec, chosen = StructCodec(kind=VisitorState), rules(dedup_ids=REMEMBERED)
    order = range(EVENTS - 1, -1, -1) if backwards else range(EVENTS)
    messages = (
        record(
            offset=offset,
            event_id=event_id(number + 1),
            at=T0 + 1000 * number,
            sent_at=T0 + 1000 * EVENTS,
            received_at=T0 + 1000 * EVENTS,
            **kinds[number % len(kinds)],
        )
        for offset, number in enumerate(order)
    )
    raw, found = b"", []
    for start in range(0, EVENTS, BLOCK):
        block = BlockId(topic="t", epoch=1, partition=0, start=start, end=start + BLOCK - 1, batch_id="b")
        examined = [examine(one, rules=chosen, enrich=plain_enrichment) for one in islice(messages, BLOCK)]
        states = {b"shop:v1": codec.decode(raw)} if raw else {}
        with Watch(is_on=start // BLOCK in LOOKED_AT) as watch:
            folded = fold(examined, block=block, states=states, rules=chosen)
        assert folded.accepted == BLOCK
        (state,) = folded.states.values()
        raw = codec.encode(state)
        if start // BLOCK in LOOKED_AT:
            found.append(Cost(len(raw), watch.peak_bytes, watch.calls))
    (window,) = state.windows
    assert window.events == EVENTS
    return found


class Watch:
    """Counts the calls of functions, resumed generators among them, and the most memory held at once."""

    def __init__(self, *, is_on: bool) -> None:
        self.calls = self.peak_bytes = 0
        self._is_on = is_on

    def __enter__(self) -> Watch:
        if self._is_on:
            tracemalloc.start()
            sys.setprofile(self._called)
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_on:
            sys.setprofile(None)
            _, self.peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()

    def _called(self, frame: object, event: str, argument: object) -> None:
        self.calls += event in {"call", "c_call"}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS)
def test_a_visit_of_ten_thousand_events_costs_no_more_at_its_end(kinds, backwards):
    found = costs(kinds, backwards=backwards)
    assert max(cost.state_bytes for cost in found) <= STATE_BYTES
    assert max(cost.peak_bytes for cost in found) <= FOLD_BYTES
    assert max(cost.calls for cost in found) <= 1.05 * min(cost.calls for cost in found)
