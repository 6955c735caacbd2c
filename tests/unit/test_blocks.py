"""Along which boundaries a replay is cut."""

from __future__ import annotations

from app.core.blocks import Boundary, known_blocks
from app.events.state import Claim


def block(start: int, end: int, name: str) -> Boundary:
    return Boundary(start=start, end=end, batch_id=name)


def claim(start: int, end: int, name: str, *, term: int = 0, epoch: int = 1) -> Claim:
    return Claim(epoch=epoch, start=start, end=end, batch_id=name, term=term)


def test_what_arrived_and_what_may_be_on_its_way_come_in_order() -> None:
    ledger = [block(20, 29, "b"), block(10, 19, "a")]
    assert known_blocks(ledger, [claim(30, 34, "c")], epoch=1, offset=10) == [
        block(10, 19, "a"),
        block(20, 29, "b"),
        block(30, 34, "c"),
    ]


def test_a_block_that_was_claimed_and_arrived_is_one() -> None:
    assert known_blocks([block(10, 19, "a")], [claim(10, 19, "a")], epoch=1, offset=0) == [block(10, 19, "a")]


def test_what_ends_before_the_offset_is_over() -> None:
    ledger, claims = [block(0, 9, "a"), block(10, 19, "b")], [claim(0, 5, "c"), claim(20, 29, "d")]
    assert known_blocks(ledger, claims, epoch=1, offset=10) == [block(10, 19, "b"), block(20, 29, "d")]


def test_offsets_of_another_life_of_the_topic_mean_nothing() -> None:
    assert known_blocks([], [claim(0, 9, "old", epoch=0)], epoch=1, offset=0) == []


def test_a_claim_that_overlaps_what_arrived_was_void() -> None:
    ledger = [block(10, 14, "a"), block(15, 29, "b")]
    assert known_blocks(ledger, [claim(10, 19, "zombie")], epoch=1, offset=10) == ledger


def test_of_two_claims_that_overlap_the_later_owner_is_right() -> None:
    claims = [claim(10, 19, "zombie", term=3), claim(10, 14, "owner", term=7)]
    assert known_blocks([], claims, epoch=1, offset=10) == [block(10, 14, "owner")]
