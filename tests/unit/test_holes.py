"""Whether a gold has a block, lacks it, or neither can be said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.core.holes import Observed, Verdict, judge


def key(of_block: tuple[int, ...], short: tuple[int, ...], partition: str = "2015") -> Observed:
    return Observed(
        partition=partition, of_block=tuple(map(Decimal, of_block)), short=tuple(map(Decimal, short))
    )


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        ([key((3, 7), (0, 0))], Verdict.WHOLE),
        ([key((3, 7), (3, 7))], Verdict.LACKS),
        ([key((3, 7), (3, 7)), key((1, 1), (0, 0))], Verdict.OTHER),  # a part is all there or not at all
        ([key((3, 7), (3, 7)), key((0, 0), (0, 0))], Verdict.LACKS),  # +1 and -1 of one key say nothing
        ([key((0, 4), (0, 4))], Verdict.LACKS),  # rows alone would not tell
        ([key((3, 7), (3, 0))], Verdict.OTHER),
        ([key((3, 7), (6, 14))], Verdict.OTHER),
        ([key((3, 7), (-3, -7))], Verdict.OTHER),  # doubled
        ([key((0, 0), (0, 0))], Verdict.WHOLE),
    ],
)
def test_the_verdict_on_a_partition(keys: list[Observed], verdict: Verdict) -> None:
    assert judge(keys) == {"2015": verdict}


def test_each_partition_for_itself() -> None:
    observed = [key((1,), (1,), "2015"), key((1,), (0,), "2016"), key((1,), (5,), "2017")]
    assert judge(observed) == {"2015": Verdict.LACKS, "2016": Verdict.WHOLE, "2017": Verdict.OTHER}


def test_a_block_without_keys_has_no_verdict() -> None:
    assert judge([]) == {}
