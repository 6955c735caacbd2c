"""A run of records of one partition, as the chunk consumer hands it to an agent, and its life."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from faust.types import TP

from app.errors import DeliveryError


class Chunk:
    """A run of records of one partition, in order of offset, and its life: begun, done or superseded.

    ``batch_id`` is that of the boundary it was cut along, None for a new block. ``prepared`` is the
    agent's: what it has made of the first records so far, an item for each.
    """

    def __init__(
        self, tp: TP, records: Sequence[Any], *, batch_id: str | None, parts: Sequence[Chunk] = ()
    ) -> None:
        self.tp = tp
        self.records = records
        self.batch_id = batch_id
        self.superseded = False
        self.prepared: list[Any] = []
        self._parts = parts
        self._is_done = False
        self._left = asyncio.Event()
        self._left.set()

    @property
    def start(self) -> int:
        """Offset of the first record."""
        return int(self.records[0].offset)

    @property
    def end(self) -> int:
        """Offset of the last record."""
        return int(self.records[-1].offset)

    @property
    def parts(self) -> Sequence[Chunk]:
        """The chunks that were joined to it, or itself alone."""
        return self._parts or (self,)

    @property
    def is_done(self) -> bool:
        """Whether its effects are safe, so that it may be committed."""
        return self._is_done

    @property
    def is_at_work(self) -> bool:
        """Whether the agent has begun and not yet finished it."""
        return not self._left.is_set()

    def begin(self) -> bool:
        """Whether the agent may handle the chunk: not when it is about to be delivered again."""
        if self.superseded or any(part.superseded for part in self._parts):
            return False
        for chunk in (self, *self._parts):
            chunk._left.clear()
        return True

    def done(self) -> None:
        """Every effect is safe: the offset may be committed."""
        for chunk in (self, *self._parts):
            chunk._is_done = True
            chunk._left.set()
            chunk.prepared.clear()

    async def left(self) -> None:
        """Wait until no agent is at work on it."""
        await self._left.wait()


def join(chunks: Sequence[Chunk]) -> Chunk:
    """Neighbouring new chunks of one partition as one; it is done when all of them are.

    Raises DeliveryError where one does not follow the other: together they would count events twice.
    """
    if len(chunks) == 1:
        return chunks[0]
    for before, after in pairwise(chunks):
        if after.start <= before.end:
            raise DeliveryError(
                f"{after.tp.topic} partition {after.tp.partition}: offsets {after.start}-{after.end} were "
                f"delivered after {before.start}-{before.end}; nothing of them is written. Start the worker "
                "again, which reads them anew, and report this as a fault"
            )
    records = [record for chunk in chunks for record in chunk.records]
    return Chunk(chunks[0].tp, records, batch_id=None, parts=tuple(chunks))
