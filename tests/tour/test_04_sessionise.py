"""Hop 4: app/core/pipeline.py folds the event into Ada's session windows: rows to write, state to keep."""

import msgspec

from app.adapters.enricher import Enricher
from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.events.vocabulary import Outcome
from tests.factories import Record
from tests.tour.story import KEY, MESSAGE, RECEIVED_AT, rules

BLOCK = BlockId(topic="web_events", epoch=0, partition=2, start=40, end=40, batch_id="7f3e")


def folded(states=None):
    record = Record(value=msgspec.json.encode(MESSAGE), key=KEY, offset=40)
    examined = [examine(record, rules=rules(), enrich=Enricher())]
    return fold(examined, block=BLOCK, states=states or {}, rules=rules())


def test_an_event_row_a_session_and_a_state():
    block = folded()
    (event,), (session,) = block.events, block.sessions
    assert (event.outcome, event.event_at) == (Outcome.ACCEPTED, RECEIVED_AT - 500)
    assert (session.sign, session.version, session.page_views, session.is_bounce) == (1, 1, 1, 1)
    assert session.session_id == event.session_id
    assert block.states[KEY].last_offset == 40


def test_the_rows_are_written_under_tokens_that_a_replay_repeats():
    assert BLOCK.token("events") == "web_events:0:2:40-40:7f3e:events"


def test_folded_again_after_a_crash_nothing_is_said_twice():
    assert folded(folded().states).sessions == []


def test_nothing_that_is_kept_holds_the_address():
    assert "127.0.0.1" not in folded().events[0].payload
