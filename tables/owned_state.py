"""State of partitions that have one owner at a time, also while another worker takes itself for the owner.

A worker that stood still past its session time-out (a stopped process, a frozen machine) wakes in the middle
of a block, and its partitions are another's. Kafka takes what it still appends to a changelog. Here the
changelog partition itself decides: whoever takes it over appends an **owner record**, and the last one there
counts. The offset of the owner record is the owner's **term**, which each of its messages carries. And an
acknowledgement says at which offset a message was appended: where nothing stands between it and one's own
last message, no owner record does, and one is owner still.

- ``claim`` names a block before anything of it is written elsewhere. It fails for a worker that has been
  replaced; and a claim made in time is found by the next owner, who writes the block under the same name.
- States that a replaced worker appended nevertheless are written over by the owner, who finds them by the gap
  before its next message; and recovery passes over what is of an earlier term than a message before it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from faust.types import TableT

from app import log
from app.adapters.changelog import read_range
from app.errors import FencedError
from app.events.state import Claim
from tables.bulk_state import RESERVED, BulkState

OWNER = RESERVED + b"owner"
CLAIM = RESERVED + b"claim:"
#: In RocksDB alone: the term in which the partition was last taken here.
TERM = RESERVED + b"term"
#: Message header with the term of the writer.
HEADER = "term"

_LOG = log.get("state")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Claim)


class _Hold(msgspec.Struct):
    """What the owner of a partition remembers: its name, its term, and where it appends next.

    ``is_released``: the partition was given up, though a block of it may still be under way.
    """

    owner: bytes
    term: int
    next: int
    is_released: bool = False


class OwnedState(BulkState):
    """A BulkState whose partitions are taken before they are written."""

    def __init__(self, table: TableT[bytes, Any]) -> None:
        super().__init__(table)
        self._holds: dict[int, _Hold] = {}
        #: The latest term of which recovery has seen a message, by partition.
        self._latest: dict[int, int] = {}
        self._guard_recovery()

    async def take(self, partition: int) -> list[Claim]:
        """Become the owner of a partition that was recovered; the claims that former owners left.

        Whoever was the owner can claim nothing from now on.
        """
        owner = os.urandom(8)
        changelog = self.changelog(partition)
        async with self._writing[partition]:
            recovered = self._faust_store.persisted_offset(changelog)
            ((term, *_),) = await self._send(partition, {OWNER: owner})
            missed = await read_range(
                self.table.app, changelog, 0 if recovered is None else recovered + 1, term
            )
            values = {message.key: message.value for message in self._valid(missed)}
            self._keep(partition, values | {OWNER: owner, TERM: str(term).encode()}, offset=term)
            self._latest.pop(partition, None)
            self._holds[partition] = _Hold(owner=owner, term=term, next=term + 1)
            return [claim for _, claim in self._claims(partition)]

    async def claim(self, partition: int, *, epoch: int, start: int, end: int, batch_id: str) -> None:
        """Say that the block will be written; raises FencedError when the partition has another owner."""
        hold = self._holds.get(partition)
        if hold is None:
            raise FencedError(f"partition {partition} was lost before its block {start}-{end} was begun")
        claim = Claim(epoch=epoch, start=start, end=end, batch_id=batch_id, term=hold.term)
        behind = {
            key: None
            for key, former in self._claims(partition)
            if former.epoch != epoch or former.end < start
        }
        await self.write(partition, {**behind, CLAIM + hold.owner: _ENCODER.encode(claim)})

    def is_taken(self, partition: int) -> bool:
        """Whether the partition was taken, and not given up or lost since as far as is known."""
        return partition in self._holds and not self._holds[partition].is_released

    def release(self, partition: int) -> None:
        """The partition is given up: it is taken anew before anything else is written.

        TRICKY: a block that has begun is still finished, in the same term: whoever is next waits for it, or
        has taken the partition by then and fences it.
        """
        self._latest.pop(partition, None)
        if partition in self._holds:
            self._holds[partition].is_released = True

    async def _journal(self, partition: int, values: Mapping[bytes, bytes | None]) -> int:
        hold = self._holds.get(partition)
        if hold is None:
            return await super()._journal(partition, values)
        while True:
            runs = await self._send(partition, values, headers=[(HEADER, str(hold.term).encode())])
            last = max(run.stop - 1 for run in runs)
            strange = await self._strange(partition, hold, runs)
            hold.next = last + 1
            if not strange:
                return last
            _LOG.warning("state.foreign", partition=partition, messages=len(strange), to="written over")
            values = {key: values[key] if key in values else self._stored(partition, key) for key in strange}

    async def _strange(self, partition: int, hold: _Hold, runs: Sequence[range]) -> set[bytes]:
        """The keys that others wrote since the owner's last message; raises FencedError for a new owner."""
        first, last = hold.next, max(run.stop for run in runs)
        if last - first == sum(len(run) for run in runs):
            return set()
        between = await read_range(self.table.app, self.changelog(partition), first, last)
        strange = [one for one in between if _term(one) != hold.term and one.value != hold.owner]
        if any(message.key == OWNER for message in strange):
            del self._holds[partition]
            raise FencedError(
                f"{self.changelog(partition).topic} partition {partition}: another worker has taken it over "
                f"since offset {first}; this one stood still for longer than broker.session_timeout_s, and "
                "writes nothing more. Start it again"
            )
        return {message.key for message in strange}

    def _claims(self, partition: int) -> list[tuple[bytes, Claim]]:
        found: list[tuple[bytes, Claim]] = []
        for key, value in self._store(partition).items(from_key=CLAIM):
            if not key.startswith(CLAIM):
                break
            found.append((bytes(key), _DECODER.decode(value)))
        return found

    def _stored(self, partition: int, key: bytes) -> bytes | None:
        return self.read(partition, [key]).get(key)

    def _valid(self, messages: Iterable[Any]) -> list[Any]:
        """Those of the changelog messages, in order, that whoever was owner then has written."""
        kept: list[Any] = []
        for message in messages:
            partition, term = message.partition, _term(message)
            if term is not None:
                latest = self._latest.get(partition)
                if latest is None:
                    latest = int(self._stored(partition, TERM) or -1)
                if term < latest:
                    continue
                self._latest[partition] = term
            kept.append(message)
        return kept

    def _guard_recovery(self) -> None:
        """Let Faust's recovery pass over what was written by a worker that was no owner any more."""
        table: Any = self.table
        apply = table.apply_changelog_batch

        def apply_valid(events: Iterable[Any]) -> None:
            of = {id(event.message): event for event in events}
            apply([of[id(message)] for message in self._valid(event.message for event in of.values())])
            # The next recovery begins behind these messages, and asks of which term they were.
            for partition in {event.message.partition for event in of.values()} & self._latest.keys():
                self._store(partition).put(TERM, str(self._latest[partition]).encode())

        table.apply_changelog_batch = apply_valid


def _term(message: Any) -> int | None:
    """The term of the owner who appended a message; None where it does not say."""
    if message.key == OWNER:
        return int(message.offset)
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return next((int(value) for name, value in pairs if name == HEADER), None)
