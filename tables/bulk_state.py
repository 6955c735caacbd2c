"""Reads and writes of many keys of one partition of a Faust table at once.

Faust's own ``table[key] = value`` costs a changelog message and its bookkeeping for each key. Here a block's
states go to the changelog as one batch, are acknowledged, and then become one atomic RocksDB write together
with the changelog offset that Faust's recovery starts from. Changelog first: a crash between the two leaves
a changelog that is ahead, which recovery reads, never a store that is ahead.

Written against faust-streaming 0.15.3.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import rocksdict
from faust.types import TP, TableT

from app.adapters.clock import now_ms
from app.errors import StateError

#: What a key begins with that is about the partition itself; no site id does.
RESERVED = b"\x00"

Headers = list[tuple[str, bytes]]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of a partition's RocksDB: how many keys it has, the changelog offset that it is of, and its size.

    ``keys`` is RocksDB's estimate unless ``is_exact``; ``offset`` is that of the last changelog message that
    is in the store, None where there was none yet.
    """

    keys: int
    is_exact: bool = False
    offset: int | None
    size_bytes: int


class BulkState:
    """Many keys of one Faust table (RocksDB store) at once, as bytes."""

    def __init__(self, table: TableT[bytes, Any]) -> None:
        self.table = table
        self._writing: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    # What Faust's store and producer do not offer in bulk is reached below their interfaces.
    # TRICKY: a store makes its directory when it is first asked for, so that is not on building the graph.

    @cached_property
    def _faust_store(self) -> Any:
        return self.table.data

    @cached_property
    def _faust_producer(self) -> Any:
        return self.table.app.producer

    def read(self, partition: int, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The stored values of those ``keys`` that have one."""
        wanted = list(keys)
        values = self._store(partition).get(wanted)
        return {key: value for key, value in zip(wanted, values, strict=True) if value is not None}

    def items(
        self, partition: int, *, start: bytes | None = None, backwards: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Every key and value of the partition, in order of key, but for the reserved ones.

        From ``start`` (inclusive) on, or from there back.
        """
        offset_key = self._faust_store.offset_key
        for key, value in self._store(partition).items(backwards=backwards, from_key=start):
            if key != offset_key and not key.startswith(RESERVED):
                yield bytes(key), bytes(value)

    def is_open(self, partition: int) -> bool:
        """Whether the partition's RocksDB is open here; any other look at a partition opens it."""
        return partition in self._faust_store._dbs

    def figures(self, partition: int) -> Figures:
        """The figures of a partition that is open here."""
        store, changelog = self._store(partition), self.changelog(partition)
        # RocksDB counts a key again for each write that is not merged yet.
        keys = int(store.property_value("rocksdb.estimate-num-keys") or 0)
        return Figures(
            keys=keys,
            offset=self._faust_store.persisted_offset(changelog),
            size_bytes=_size_of(self._faust_store.partition_path(partition)),
        )

    def page(
        self, partition: int, *, start: bytes | None, backwards: bool, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """The first ``limit`` of ``items``."""
        return list(islice(self.items(partition, start=start, backwards=backwards), limit))

    async def write(self, partition: int, values: Mapping[bytes, bytes | None]) -> None:
        """Store the values (None: delete the key): changelog acknowledged first, then one atomic write.

        Raises StateError for a value that no changelog message can hold; nothing is written then.
        """
        if not values:
            return
        async with self._writing[partition]:
            self._keep(partition, values, offset=await self._journal(partition, values))

    async def _journal(self, partition: int, values: Mapping[bytes, bytes | None]) -> int:
        """Offset of the last changelog message once all are acknowledged."""
        return max(run.stop - 1 for run in await self._send(partition, values))

    async def _send(
        self, partition: int, values: Mapping[bytes, bytes | None], *, headers: Headers | None = None
    ) -> list[range]:
        """Append the values to the changelog; the offsets they got, in runs, once all are acknowledged."""
        producer = self._faust_producer._ensure_producer()
        changelog = self.changelog(partition)
        # All are made before one is sent, so that a value that is refused leaves no half behind.
        batches = self._batches(producer, values, headers=headers)
        sent = [
            (batch.record_count(), await producer.send_batch(batch, changelog.topic, partition=partition))
            for batch in batches
        ]
        starts = [((await acknowledged).offset, count) for count, acknowledged in sent]
        return [range(start, start + count) for start, count in starts]

    def _keep(self, partition: int, values: Mapping[bytes, bytes | None], *, offset: int) -> None:
        """Write the values to RocksDB, in one piece with the changelog offset that they are of."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in values.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(self._faust_store.offset_key, str(offset).encode())
        self._store(partition).write(batch)

    def _batches(
        self, producer: Any, values: Mapping[bytes, bytes | None], *, headers: Headers | None
    ) -> list[Any]:
        """The values as changelog batches, each of at most ``producer_max_batch_size`` bytes."""
        at_ms, limit = now_ms(), self.table.app.conf.producer_max_batch_size
        batches = [producer.create_batch()]
        for key, value in values.items():
            if batches[-1].append(key=key, value=value, timestamp=at_ms, headers=headers) is None:
                batches.append(producer.create_batch())
                batches[-1].append(key=key, value=value, timestamp=at_ms, headers=headers)
            # TRICKY: a batch takes its first message whatever its size; the broker would refuse it.
            if batches[-1].size() > limit:
                raise StateError(
                    f"state of {key!r} is {len(value or b'')} bytes, more than a changelog message "
                    "holds; lower ingest.dedup_ids_per_visitor"
                )
        return batches

    def changelog(self, partition: int) -> TP:
        """The changelog partition of a partition."""
        return TP(self.table.changelog_topic.get_topic_name(), partition)

    def _store(self, partition: int) -> Any:
        return self._faust_store._db_for_partition(partition)


def _size_of(directory: Path) -> int:
    """Bytes of the files in a directory; one that RocksDB deletes meanwhile counts as none."""
    size = 0
    for file in directory.iterdir():
        try:
            size += file.stat().st_size
        except FileNotFoundError:
            continue
    return size
