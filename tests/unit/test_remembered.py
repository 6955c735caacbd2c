"""An answer is told again while its rows sum to the same, for a while; and made at once while they change."""

from __future__ import annotations

import pytest

from views import remembered
from views.remembered import HOLDS_S, Answers, Summed, Sums

pytestmark = pytest.mark.asyncio


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


class Rows:
    """Sums that change when told to; keeps how often they were looked at, and an answer was made of them."""

    def __init__(self, *, size: int = 1) -> None:
        self.sums: Sums = (1, 2)
        self.size = size
        self.looks = self.makes = 0

    async def look(self) -> Sums:
        self.looks += 1
        return self.sums

    async def make(self) -> Summed[str]:
        self.makes += 1
        return Summed(answer=f"of {self.sums}", sums=self.sums, size=self.size)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(clock: Clock) -> Answers:
    return Answers(elapsed_s=clock)


async def told(answers: Answers, rows: Rows, question: str = "q") -> tuple[int, int]:
    """How often was looked, and made, for an answer that is right."""
    before = (rows.looks, rows.makes)
    assert await answers.of(question, look=rows.look, make=rows.make) == f"of {rows.sums}"
    return rows.looks - before[0], rows.makes - before[1]


async def test_it_is_made_once_and_looked_at_each_time(answers: Answers) -> None:
    rows = Rows()
    assert [await told(answers, rows) for _ in range(3)] == [(0, 1), (1, 0), (1, 0)]
    assert await told(answers, rows, "another") == (0, 1)


async def test_other_sums_are_another_answer(answers: Answers) -> None:
    rows = Rows()
    await told(answers, rows)
    rows.sums = (2, 1)
    assert await told(answers, rows) == (1, 1)


async def test_while_they_change_none_looks_in_vain(answers: Answers) -> None:
    rows = Rows()
    await told(answers, rows)
    for number in range(3):
        rows.sums = (7, number)
        assert await told(answers, rows) == ((1 if number == 0 else 0), 1)
    assert await told(answers, rows) == (0, 1)
    assert await told(answers, rows) == (1, 0)


async def test_what_came_after_the_look_is_not_told_for_what_was_before(answers: Answers) -> None:
    """The answer says itself what its rows sum to."""
    rows = Rows()
    await told(answers, rows)

    async def look_and_change() -> Sums:
        rows.sums = (rows.sums[0] + 1, 0)
        return rows.sums

    async def make_of_more() -> Summed[str]:
        rows.sums = (rows.sums[0] + 1, 0)
        return await rows.make()

    assert await answers.of("q", look=look_and_change, make=make_of_more) == f"of {rows.sums}"
    await told(answers, rows)
    assert await told(answers, rows) == (1, 0)


async def test_it_is_made_anew_after_a_while(answers: Answers, clock: Clock) -> None:
    rows = Rows()
    await told(answers, rows)
    clock.now += HOLDS_S
    assert await told(answers, rows) == (1, 0)
    clock.now += 1
    assert await told(answers, rows) == (0, 1)


async def test_what_cannot_be_answered_leaves_what_is_known(answers: Answers) -> None:
    rows = Rows()
    await told(answers, rows)

    async def fail() -> Summed[str]:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await answers.of("other", look=rows.look, make=fail)
    assert await told(answers, rows) == (1, 0)


async def test_the_oldest_go_where_there_are_too_many_rows(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST_ROWS", 10)
    small, big = Rows(size=3), Rows(size=10)
    for question in ("a", "b", "c"):
        await told(answers, small, question)
    assert await told(answers, small, "c") == (1, 0)
    assert await told(answers, small, "b") == (1, 0)
    assert await told(answers, small, "a") == (0, 1)
    for _ in range(2):
        assert await told(answers, big, "big") == (0, 1)
