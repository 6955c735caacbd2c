"""Figures of a block and what a gold is short of -> whether the gold has the block, lacks it, or neither.

A block lands in one part for each partition of a gold, and a part is there as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

import msgspec

Figures = tuple[Decimal, ...]


class Verdict(StrEnum):
    """How a partition of a gold stands to one block."""

    WHOLE = "whole"
    LACKS = "lacks"
    OTHER = "other"


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a gold that the block has rows of.

    ``of_block`` is what the block comes to there, ``short`` what the source says less what the gold says.
    """

    partition: str
    of_block: Figures
    short: Figures


def judge(observed: Iterable[Observed]) -> dict[str, Verdict]:
    """The verdict for each partition.

    OTHER while blocks of other partitions of the topic are half-way, or when more is wrong than one block.
    """
    by_partition: dict[str, list[Observed]] = {}
    for one in observed:
        by_partition.setdefault(one.partition, []).append(one)
    return {partition: _verdict(keys) for partition, keys in by_partition.items()}


def _verdict(keys: list[Observed]) -> Verdict:
    if not any(any(key.short) for key in keys):
        return Verdict.WHOLE
    if all(key.short == key.of_block for key in keys):
        return Verdict.LACKS
    return Verdict.OTHER
