"""One person by any of their ids: devices, shared devices, aliases; in any order of arrival."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.answering import Asked, asked, engine, migrated, ms, scope, timed
from tests.factories import MINUTE, event_id
from tests.oracle import Device, Seen, Traffic
from tests.oracle_people import People
from tests.sql.store import block, event, retracted, some_uuid
from views.catalog import SessionField, SessionFilter
from views.params import Bots

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

NOON = ms("2026-03-10T12:00Z")
#: visitor, user, and the user id of before where the event tells of one.
Told = tuple[str, str, str]


def anonymous(visitor: str) -> Told:
    return visitor, "", ""


def known(visitor: str, user: str) -> Told:
    return visitor, user, ""


def alias(visitor: str, user: str, *, previous: str) -> Told:
    return visitor, user, previous


def row(told: Told, number: int, **changes: Any) -> dict[str, Any]:
    """The event of minute ``number``, on a page of that name."""
    visitor, user, previous = told
    said = {"event_type": "custom_event", "name": "$alias", "properties": f'{{"previous_id": "{previous}"}}'}
    return {
        "visitor_id": visitor,
        "user_id": user,
        "path": f"/{number}",
        "at": NOON + number * MINUTE,
        **(said if previous else {}),
        **changes,
    }


#: What happened minute by minute -> who is asked for -> the minutes that are theirs.
STORIES: dict[str, tuple[list[Told], dict[str, list[int]]]] = {
    "what came before is theirs, too": (
        [anonymous("v"), known("v", "ada"), anonymous("v"), anonymous("w")],
        {"ada": [0, 1, 2], "v": [0, 1, 2], "w": [3]},
    ),
    "two devices": (
        [anonymous("v"), known("v", "ada"), anonymous("w"), known("w", "ada"), anonymous("v")],
        {"ada": [0, 1, 2, 3, 4], "v": [0, 1, 2, 3, 4], "w": [0, 1, 2, 3, 4]},
    ),
    "a shared device with logout: a visitor id each": (
        [known("v", "ada"), anonymous("v"), anonymous("w"), known("w", "bob"), anonymous("x")],
        {"ada": [0, 1], "v": [0, 1], "bob": [2, 3], "w": [2, 3], "x": [4]},
    ),
    "a shared device without logout: until the next is known": (
        [
            anonymous("v"),
            known("v", "ada"),
            anonymous("v"),
            known("v", "bob"),
            anonymous("v"),
            known("v", "ada"),
            anonymous("v"),
        ],
        {"ada": [0, 1, 2, 5, 6], "bob": [3, 4], "v": [0, 1, 2, 5, 6]},
    ),
    "a chain of aliases": (
        [
            known("v", "a"),
            alias("w", "b", previous="a"),
            alias("x", "c", previous="b"),
            anonymous("v"),
            anonymous("x"),
        ],
        {who: [0, 1, 2, 3, 4] for who in "abcvwx"},
    ),
    "a cycle of aliases, and one with itself": (
        [alias("v", "b", previous="a"), alias("v", "a", previous="b"), alias("w", "a", previous="a")],
        {who: [0, 1, 2] for who in "abvw"},
    ),
    "one that became two is one": (
        [alias("v", "b", previous="a"), alias("w", "c", previous="a"), known("x", "a")],
        {who: [0, 1, 2] for who in "abcvwx"},
    ),
    "an id of a user and of a visitor is the user's": (
        [known("v", "same"), anonymous("same"), known("w", "w"), anonymous("w")],
        {"same": [0], "v": [0], "w": [2, 3]},
    ),
}


@pytest.mark.parametrize("story", STORIES)
async def test_whose_an_event_is(asked: Asked, story: str) -> None:
    told, theirs = STORIES[story]
    asked.events(*(row(one, number) for number, one in enumerate(told)))
    assert {who: await minutes(asked, who) for who in theirs} == theirs


@pytest.mark.parametrize("story", STORIES)
async def test_the_order_of_arrival_changes_nothing(asked: Asked, story: str) -> None:
    """Each event in a block of its own, the last first, and every block once more."""
    told, theirs = STORIES[story]
    blocks = [[event(block(), **timed(row(one, number)))] for number, one in reversed(list(enumerate(told)))]
    for again in range(2):
        for number, rows in enumerate(blocks):
            asked.store.insert(rows, token=f"{story} {number}")
        assert {who: await minutes(asked, who) for who in theirs} == theirs, again
    rows = asked.store.one("SELECT sum(rows) FROM {db}.visitor_aliases")
    assert rows == sum(bool(user) for _, user, _ in told)


@pytest.mark.parametrize(
    ("told", "ids"),
    [
        ([known("v", "u")], ["u"]),
        ([anonymous("v")], ["v"]),
        ([alias("v", "b", previous="a")], ["b", "a"]),
        ([alias("v", "a", previous="b"), alias("v", "b", previous="c")], ["a", "b", "c"]),
        ([alias("v", "b", previous="a"), alias("v", "a", previous="b")], ["a", "b"]),
        (
            [alias("v", "a", previous="z"), alias("v", "m", previous="a"), alias("v", "b", previous="z")],
            [*"bmaz"],
        ),
    ],
)
async def test_the_user_id_in_use_comes_first(asked: Asked, told: list[Told], ids: list[str]) -> None:
    asked.events(*(row(one, number) for number, one in enumerate(told)))
    found = await asked.queries.user_behavior(scope(), user_id="v")
    assert (found.user_id, found.known_as) == (ids[0], ids)


async def test_a_visitor_is_resolved_by_what_happened_out_of_the_period_and_not_on_other_sites(
    asked: Asked,
) -> None:
    asked.events(
        row(anonymous("v"), 0),
        row(known("w", "ada"), 1),
        row(known("v", "ada"), 2, at=ms("2026-06-01T00:00Z")),
        row(known("v", "bob"), 3, site_id="saas", at=NOON - MINUTE),
    )
    assert await minutes(asked, "ada") == [0, 1]
    assert await minutes(asked, "v") == [0, 1]


async def test_a_program_may_tell_who_somebody_is(asked: Asked) -> None:
    asked.events(row(anonymous("v"), 0), row(known("v", "ada"), 1, is_bot=1))
    found = await asked.queries.user_behavior(scope(bots=Bots.EXCLUDE), user_id="ada")
    assert [one.path for one in found.timeline] == ["/0"]


async def test_sessions_of_every_device_are_shown_together(asked: Asked) -> None:
    """Those without a user id, too; of one that lost its user, the statement that lives counts."""
    asked.events(row(known("v", "ada"), 0), row(known("w", "ada"), 1), row(known("w", "bob"), 60))
    sessions = [
        {"visitor_id": "v", "user_id": "ada", "at": NOON},
        {"visitor_id": "w", "user_id": "", "at": NOON - MINUTE},
        {"visitor_id": "w", "user_id": "", "at": NOON + 61 * MINUTE},
        {"visitor_id": "w", "user_id": "bob", "at": NOON + 90 * MINUTE},
        {"visitor_id": "x", "user_id": "", "at": NOON},
    ]
    made = asked.sessions(*({"session_id": some_uuid(), **one} for one in sessions))
    changed = {"session_id": made[4].session_id, "visitor_id": "x", "version": 2, "user_id": "ada"}
    asked.sessions({**changed, "at": NOON + 2 * MINUTE})
    asked.insert([retracted(made[4], block())])
    expected = {"ada": [4, 0, 1], "bob": [3, 2]}
    for who, numbers in expected.items():
        found = await asked.queries.user_behavior(scope(), user_id=who)
        assert [one.session_id for one in found.sessions] == [made[number].session_id for number in numbers]
        assert found.session_count == len(numbers)
        only = SessionFilter(field=SessionField.USER_ID, value=who)
        listed = await asked.queries.sessions(scope(), filters=[only, only])
        assert {one.session_id for one in listed.sessions} == {made[number].session_id for number in numbers}


async def test_sessions_of_nobody_can_still_be_asked_for(asked: Asked) -> None:
    asked.sessions({"session_id": some_uuid(), "user_id": "ada"}, {"session_id": some_uuid()})
    nobody = SessionFilter(field=SessionField.USER_ID, value="")
    listed = await asked.queries.sessions(scope(), filters=[nobody])
    assert [one.user_id for one in listed.sessions] == [""]


async def test_a_person_with_very_many_visitor_ids_is_told(asked: Asked) -> None:
    """Without cookies it is one a day and device."""
    count = 3000
    asked.events(*(row(known(f"{number:032x}", "ada"), 0) for number in range(count)))
    found = await asked.queries.user_behavior(scope(), user_id="ada")
    assert (found.visitors, found.events) == (count, count)


@pytest.mark.parametrize("seed", range(4))
async def test_any_story_is_told_as_by_a_walk_over_the_events(asked: Asked, seed: int) -> None:
    dice = random.Random(seed)
    told = [
        dice.choice(
            [
                anonymous(dice.choice("vwxy")),
                known(dice.choice("vwx"), dice.choice("abcd")),
                known(dice.choice("vwx"), dice.choice("abcd")),
                alias(dice.choice("vwx"), dice.choice("ab"), previous=dice.choice("cde")),
            ][: 4 if dice.random() < 0.1 else 3]
        )
        for _ in range(120)
    ]
    pace = dice.choice((1, 7, 50))
    places = dice.sample(range(len(told)), len(told))
    blocks = [
        [
            event(block(), **timed(row(told[number], number, at=NOON + number * pace * MINUTE)))
            for number in part
        ]
        for part in (places[start : start + 15] for start in range(0, len(places), 15))
    ]
    for number in [*range(len(blocks)), *dice.sample(range(len(blocks)), 4)]:
        asked.store.insert(blocks[number], token=f"any {seed} {number}")
    seen = [
        Seen(
            id=event_id(number + 1),
            visitor=visitor,
            user=user,
            previous=previous,
            at=NOON + number * pace * MINUTE,
            received_at=NOON,
            kind="page_view",
            path=f"/{number}",
            traffic=Traffic("Direct"),
            device=Device("desktop", "", "", ""),
        )
        for number, (visitor, user, previous) in enumerate(told)
    ]
    people = People(seen)
    for who in "vwxyabcde":
        expected = [one.path for one in reversed(people.events_of(who, seen))]
        if expected:
            found = await asked.queries.user_behavior(scope(), user_id=who)
            assert [one.path for one in found.timeline] == expected, who
            assert set(found.known_as) == people.ids(who), who


async def minutes(asked: Asked, who: str) -> list[int]:
    """The events of a person, by the minute in which they happened."""
    found = await asked.queries.user_behavior(scope(), user_id=who)
    assert found.events == len(found.timeline)
    return sorted(int(one.path.removeprefix("/")) for one in found.timeline)
