"""A run of sending dead letters back: what goes, in which order, once each, and what is counted."""

from __future__ import annotations

import pytest

from app.core.pipeline import read_returned
from app.errors import BrokerUnavailableError
from app.events.dead_letter import EventName, Fate
from app.traffic.returns import TOLD, Returns
from tests.collecting import RecordingProducer
from tests.factories import event_id, rules
from tests.letters import late, letter

pytestmark = pytest.mark.asyncio


def returns(producer: RecordingProducer | None, *accepted: EventName, force: bool = False) -> Returns:
    async def say(_: object) -> set[EventName]:
        return set(accepted)

    send = producer.send_batch if producer else None
    return Returns(rules=rules(), accepted=say, send=send, force=force)


async def test_the_earliest_goes_first_and_each_with_its_own_header():
    producer = RecordingProducer()
    kept = [letter(event_id=event_id(number), id=f"0-0-{number}") for number in (3, 2, 1)]
    await returns(producer).take(kept)
    assert [event.event_id for event in producer.events] == [event_id(number) for number in (1, 2, 3)]
    told = [[refusal.id for refusal in read_returned(headers).refusals] for headers in producer.headers]
    assert told == [["0-0-1"], ["0-0-2"], ["0-0-3"]]


async def test_nothing_stops_the_others_and_each_is_counted():
    producer = RecordingProducer()
    run = returns(producer, ("shop", "v1", event_id(2)))
    await run.take(
        [
            letter("{"),
            letter(event_id=event_id(1)),
            letter(event_id=event_id(2).upper()),
            letter(event_id=event_id(1)),
            late(),
            letter(is_superseded=True),
        ]
    )
    assert run.fates == dict.fromkeys(Fate, 1)
    assert [(one.fate, bool(one.to_do)) for one in run.unsent] == [
        (Fate.REFUSED_AGAIN, True),
        (Fate.UNREADABLE, True),
    ]
    assert [event.event_id for event in producer.events] == [event_id(1)]


async def test_an_event_goes_once_in_a_run_of_several_pages():
    producer = RecordingProducer()
    run = returns(producer)
    for _ in range(2):
        await run.take([letter(event_id=event_id(1))])
    assert run.fates == {Fate.SENT: 1, Fate.REPEATED: 1}
    assert len(producer.messages) == 1


async def test_by_force_also_what_would_be_refused_again_goes():
    producer = RecordingProducer()
    run = returns(producer, force=True)
    await run.take([late(), letter("{")])
    assert run.fates == {Fate.SENT: 1, Fate.UNREADABLE: 1}
    assert len(producer.messages) == 1


async def test_a_trial_says_the_same_and_sends_nothing():
    run = returns(None)
    await run.take([late(), letter(), letter("{")])
    assert run.fates == {Fate.SENT: 1, Fate.UNREADABLE: 1, Fate.REFUSED_AGAIN: 1}


async def test_what_was_not_acknowledged_is_not_counted():
    producer = RecordingProducer()
    run = returns(producer)
    await run.take([letter()])
    producer.is_away = True
    with pytest.raises(BrokerUnavailableError):
        await run.take([letter()])
    assert run.fates == {Fate.SENT: 1}


async def test_only_the_first_of_many_are_told_of_one_by_one():
    run = returns(None)
    await run.take([letter("{") for _ in range(TOLD + 1)])
    assert (len(run.unsent), run.fates[Fate.UNREADABLE]) == (TOLD, TOLD + 1)
