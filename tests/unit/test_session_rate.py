"""When a session is too fast for a person, and how that is said and taken back."""

import itertools

import msgspec
import pytest

from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.core.sessions import is_too_fast
from app.events.enriched import BotVerdict
from app.events.vocabulary import BotReason
from tests.factories import MINUTE, T0, event_id, plain_enrichment, record, rules, session_rules
from tests.unit.test_sessions import fold as sessions_of
from tests.unit.test_sessions import view

LIMIT = {"bot_events_per_minute": 2, "bot_min_events": 4}


def is_fast(*minutes, **changes):
    """Whether the one session of events at these minutes is."""
    (session,) = sessions_of(*(view(T0 + int(at * MINUTE), f"e{n}") for n, at in enumerate(minutes)))
    return is_too_fast(session, rules=session_rules(**{**LIMIT, **changes}))


def handled(*minutes, limits):
    """What is said of sessions, event by event, each under a limit of its own."""
    states, said = {}, []
    for number, (minute, limit) in enumerate(zip(minutes, limits, strict=True)):
        known = rules(bot_min_events=4, bot_events_per_minute=limit)
        block = BlockId(topic="t", epoch=0, partition=0, start=number, end=number, batch_id=event_id())
        message = record(offset=number, at=T0 + int(minute * MINUTE))
        folded = fold(
            [examine(message, rules=known, enrich=plain_enrichment)], block=block, states=states, rules=known
        )
        states |= folded.states
        said += [(row.sign, row.events, row.is_bot, row.bot_reasons) for row in folded.sessions]
    return said


@pytest.mark.parametrize(
    ("minutes", "fast"),
    [
        ([0, 0, 0], False),  # too few to tell
        ([0, 0, 0, 0], True),  # no time at all is a minute
        ([0, 0, 0, 1], True),
        ([0, 0, 0, 2], False),  # two a minute, exactly
        ([0, 0, 0, 1.99], True),
        ([0, 0, 0, 0, 2], True),
        ([0, 0, 0, 0, 2.5], False),
        ([0, 0, 0, 0, 29], False),  # a burst at the begin of a long session
    ],
)
def test_more_events_than_a_persons_are_a_bots(minutes, fast):
    orders = itertools.islice(itertools.permutations(minutes), 30)
    assert {is_fast(*order) for order in orders} == {fast}


def test_without_a_limit_no_session_is_too_fast():
    assert not is_fast(*[0] * 1000, bot_events_per_minute=0, bot_min_events=1)


def test_a_session_that_becomes_too_fast_and_slow_again_is_taken_back_each_time():
    """Four events in a minute, then one ten minutes later: a person, a bot, a person."""
    said = handled(0, 0, 0, 0.5, 10, limits=[2] * 5)
    rate = int(BotReason.RATE)
    assert said == [
        (1, 1, 0, 0),
        (-1, 1, 0, 0),
        (1, 2, 0, 0),
        (-1, 2, 0, 0),
        (1, 3, 0, 0),
        (-1, 3, 0, 0),
        (1, 4, 1, rate),
        (-1, 4, 1, rate),
        (1, 5, 0, 0),
    ]


@pytest.mark.parametrize(("before", "after"), [(0, 2), (2, 0)])
def test_a_statement_is_taken_back_as_it_was_made_though_the_limit_has_changed(before, after):
    """Gold would keep what no retraction meets."""
    said = handled(0, 0, 0, 0, 0.5, limits=[before] * 4 + [after])
    *_, stated, taken_back, anew = said
    assert taken_back == (-1, *stated[1:])
    assert (stated[2], anew[2]) == (bool(before), bool(after))


def test_the_reasons_of_the_events_stay():
    known = rules(bot_min_events=1, bot_events_per_minute=1)

    def enrich(event, *, site):
        verdict = BotVerdict(reasons=BotReason.WEBDRIVER)
        return msgspec.structs.replace(plain_enrichment(event, site=site), bot=verdict)

    block = BlockId(topic="t", epoch=0, partition=0, start=0, end=1, batch_id=event_id())
    examined = [examine(record(offset=offset), rules=known, enrich=enrich) for offset in (0, 1)]
    (row,) = fold(examined, block=block, states={}, rules=known).sessions
    assert (row.is_bot, BotReason(row.bot_reasons).labels) == (1, ["webdriver", "rate"])
