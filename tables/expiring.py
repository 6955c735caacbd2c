"""key -> a frozen Struct that falls due at a time: what state stores on a Faust table in RocksDB share.

Retention: a key is kept until its owner deletes it; ``due`` says which to look at. Memory: some 200 bytes for
each key, in an index that is rebuilt from the store when a partition is new here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from app.codecs import StructCodec, use_codec
from tables.bulk_state import BulkState, Figures
from tables.expiry import ExpiryIndex

if TYPE_CHECKING:
    import faust
    from faust.types import TableT

S = TypeVar("S", bound=msgspec.Struct)

#: Bytes for each partition; RocksDB's defaults are 3 x 64 MB of buffers and 2 GB of cache.
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
BLOCK_CACHE_BYTES = 64 * 1024 * 1024


def rocksdb_table(app: faust.App, name: str, *, partitions: int | None, about: str) -> TableT[bytes, S]:
    """A table of ``app`` in RocksDB; with as many partitions as its source topic, so that keys stay together.

    ``about`` is its description in Faust's own pages. None: the partitions that the app gives its tables.
    """
    table: Any = app.Table(
        name,
        partitions=partitions,
        key_type=bytes,
        help=about,
        options={
            "driver": "rocksdict",
            "write_buffer_size": WRITE_BUFFER_BYTES,
            "block_cache_size": BLOCK_CACHE_BYTES,
            "max_write_buffer_number": 2,
        },
    )
    # TRICKY: given to app.Table, this becomes a URL that counts as none, and the app's setting would hold.
    table._store = "rocksdb://"
    return cast("TableT[bytes, S]", table)


class ExpiringStates(Generic[S]):
    """The states of every key of the partitions that this worker owns.

    ``due_of`` is the time (ms) at which a state wants to be looked at again; None: never. ``bulk`` is what it
    is written by, where that is not a plain BulkState.
    """

    def __init__(
        self,
        table: TableT[bytes, S],
        *,
        codec: StructCodec[S],
        due_of: Callable[[S], int | None],
        bulk: BulkState | None = None,
    ) -> None:
        use_codec(table, codec)
        self.codec = codec
        self.table = table
        self._bulk = bulk or BulkState(table)
        self._due_of = due_of
        self._expiries: dict[int, ExpiryIndex] = {}
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def exclusive(self, partition: int) -> asyncio.Lock:
        """Held from ``load`` to ``store``, so that nothing is evicted or folded in between."""
        return self._locks[partition]

    def load(self, partition: int, keys: Iterable[bytes]) -> dict[bytes, S]:
        """The states of those keys that have one."""
        return {key: self.codec.decode(raw) for key, raw in self._bulk.read(partition, keys).items()}

    def page(
        self, partition: int, *, start: bytes | None = None, backwards: bool = False, limit: int
    ) -> list[tuple[bytes, S]]:
        """Up to ``limit`` keys with their states in order of key, from ``start`` (inclusive) on, or back."""
        page = self._bulk.page(partition, start=start, backwards=backwards, limit=limit)
        return [(key, self.codec.decode(raw)) for key, raw in page]

    def figures(self, partition: int) -> Figures | None:
        """What the partition's store holds; None where it is not open here."""
        return self._bulk.figures(partition) if self._bulk.is_open(partition) else None

    async def store(self, partition: int, states: Mapping[bytes, S | None]) -> None:
        """Keep the states (None: delete): acknowledged by the changelog, then written in one piece."""
        await self._bulk.write(
            partition,
            {key: None if state is None else self.codec.encode(state) for key, state in states.items()},
        )
        index = self._expiries.get(partition)
        if index is not None:
            for key, state in states.items():
                index.put(key, None if state is None else self._due_of(state))

    def due(self, partition: int, now_ms: int, *, limit: int) -> list[bytes]:
        """Up to ``limit`` keys whose time has come by ``now_ms``, the earliest first."""
        return self._index(partition).due(now_ms, limit=limit)

    def count(self, partition: int) -> int:
        """Keys of the partition that will fall due."""
        return len(self._index(partition))

    def forget(self, partition: int) -> None:
        """Drop what is remembered in memory about a partition that was given up."""
        self._expiries.pop(partition, None)

    def _index(self, partition: int) -> ExpiryIndex:
        """The expiry index, rebuilt from the store when the partition is new here."""
        index = self._expiries.get(partition)
        if index is None:
            index = self._expiries[partition] = ExpiryIndex()
            for key, raw in self._bulk.items(partition):
                index.put(key, self._due_of(self.codec.decode(raw)))
        return index
