"""Cohorts of persons: what visitors do counts for who they were, as views of one person say who is who."""

from __future__ import annotations

import random
from datetime import date
from itertools import chain

import msgspec
import pytest

from tests import oracle_cohorts
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.oracle_cohorts import begin, did, intervals
from tests.oracle_people import People
from tests.timelines import HOUR_MS, Hit, Visit, some_visits, write
from views.cohorts.calendar import Cadence
from views.cohorts.model import By, Measure, RetentionAsked
from views.happenings import Happening
from views.params import Bots

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

FIRST = ms("2026-02-10T05:00Z")
EVERY = intervals(date(2026, 3, 1), date(2026, 4, 1), "week")


class Told(msgspec.Struct, frozen=True):
    """What an event says of who did it."""

    visitor: str
    user: str
    previous: str
    at: int


def with_users(visits: list[Visit], seed: int) -> list[Visit]:
    """Some of them of users, whose ids are joined in chains and cycles; a visitor can be several users."""
    pick = random.Random(seed)
    made = []
    for visit in visits:
        user = f"u{pick.randrange(12)}" if pick.random() < 0.3 else ""
        hits = visit.hits
        if user and pick.random() < 0.15:
            previous = f"u{pick.randrange(12)}"
            hits = (*hits, Hit(at=hits[-1].at + 1, name="$alias", previous=previous))
        # A user id that looks like the visitor id of somebody else.
        user = "v3" if user == "u3" else user
        made.append(msgspec.structs.replace(visit, user=user, hits=hits))
    return made


def as_persons(visits: list[Visit]) -> list[Visit]:
    """The same, each of the person in place of the visitor."""
    people = People(
        Told(visitor=visit.visitor, user=visit.user, previous=hit.previous, at=hit.at)
        for visit in visits
        for hit in visit.hits
    )
    return [
        msgspec.structs.replace(
            visit, visitor=str(people.person_of(user=visit.user, visitor=visit.visitor, at=visit.began))
        )
        for visit in visits
    ]


@pytest.mark.parametrize("seed", [1, 2])
async def test_persons_are_whom_the_single_views_say(asked: Asked, seed: int) -> None:
    visits = with_users(some_visits(seed, first=FIRST, days=45, count=200), seed)
    write(asked, visits)
    persons = as_persons(visits)
    assert len({one.visitor for one in persons}) < len({one.visitor for one in visits})
    everything = Happening()
    where = scope(bots=Bots.INCLUDE)
    for comes_back in (everything, Happening(event="signup")):
        question = RetentionAsked(by=By.PERSON, comes_back=comes_back, measure=Measure.EXACT)
        answer = await asked.queries.retention(where, question)
        rows = oracle_cohorts.returns(
            persons,
            EVERY,
            "week",
            start=lambda visit, hit: True,
            back=lambda visit, hit, name=comes_back.event: name in {None, hit.name},
        )
        assert rows
        assert answer.total.size == len(rows)
        for cohort, row in enumerate(answer.cohorts):
            later = list(chain(*(after for number, _, after in rows if number == cohort)))
            assert row.returned == [later.count(offset) for offset in range(len(row.returned))]
    found = await asked.queries.lifecycle(where, interval=Cadence.WEEK, activity=everything, by=By.PERSON)
    kinds = oracle_cohorts.lifecycle(persons, EVERY, "week", lambda visit, hit: True)
    for row, kind in zip(found.rows, kinds, strict=True):
        assert (row.active, row.new, row.dormant) == (kind["active"], kind["new"], kind["dormant"])
    used = did(persons, lambda visit, hit: hit.name == "signup")
    taken = await asked.queries.adoption(
        where, interval=Cadence.WEEK, feature=Happening(event="signup"), by=By.PERSON
    )
    for adopted, at in zip(taken.rows, EVERY, strict=True):
        users = sum(any(begin(day, "week") == at for day, *_ in days) for days in used.values())
        assert adopted.users == users


async def test_two_browsers_of_one_user_are_one_and_a_chain_of_any_length_is_followed(asked: Asked) -> None:
    """Whoever becomes another twenty times stays who they were; and a cycle ends."""
    chain_of = [
        Visit(
            visitor=f"b{number}",
            user=f"name{number + 1}",
            hits=(Hit(at=FIRST + number * HOUR_MS, name="$alias", previous=f"name{number}"),),
        )
        for number in range(20)
    ]
    back = Visit(
        visitor="b0", user="name0", hits=(Hit(at=FIRST + 30 * HOUR_MS, name="$alias", previous="name20"),)
    )
    nameless = Visit(visitor="b7", hits=(Hit(at=FIRST + 40 * HOUR_MS),))
    stranger = Visit(visitor="name7", hits=(Hit(at=FIRST),))
    write(asked, [*chain_of, back, nameless, stranger])
    sizes = {
        by: (await asked.queries.retention(scope(since="2026-02-01"), RetentionAsked(by=by))).total.size
        for by in By
    }
    assert sizes == {By.VISITOR: 21, By.PERSON: 2}


async def test_without_users_persons_are_visitors(asked: Asked) -> None:
    write(asked, some_visits(3, first=FIRST, days=45))
    by_visitor, by_person = [
        await asked.queries.retention(scope(), RetentionAsked(by=by, dimension="channel")) for by in By
    ]
    assert by_visitor.total.size
    assert by_visitor == by_person
