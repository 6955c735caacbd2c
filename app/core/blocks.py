"""(ledger, claims) -> the boundaries along which the replay of a partition is cut. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.events.state import Claim


class Boundary(msgspec.Struct, frozen=True, kw_only=True):
    """A block that was written before, wholly or in part, or may have been: ``[start, end]`` and its name.

    ``batch_id`` is spelled as ``str(uuid4())`` spells it: tokens are compared letter by letter.
    """

    start: int
    end: int
    batch_id: str


def known_blocks(
    ledger: Iterable[Boundary], claims: Iterable[Claim], *, epoch: int, offset: int
) -> list[Boundary]:
    """The blocks that reach ``offset`` or beyond and may stand in ClickHouse, in order.

    The ledger knows the blocks that arrived, the claims those that may be on their way. A claim that overlaps
    what arrived, or a claim of a later term, was void when it was made: its maker was no owner any more, and
    stopped before it wrote.
    """
    found = [block for block in ledger if block.end >= offset]
    for claim in sorted(claims, key=lambda claim: claim.term, reverse=True):
        if claim.epoch != epoch or claim.end < offset:
            continue
        if all(claim.end < block.start or block.end < claim.start for block in found):
            found.append(Boundary(start=claim.start, end=claim.end, batch_id=claim.batch_id))
    return sorted(found, key=lambda block: (block.start, block.end, block.batch_id))
