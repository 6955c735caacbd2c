"""Messages -> blocks of one partition, as the ingest agent takes them."""

from __future__ import annotations

import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from app.core.rows import BlockId
from bench.rig import PARTITIONS, Keyed


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message as a Kafka client hands it over."""

    offset: int
    key: bytes
    value: bytes
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """Records of one partition, and the block's name."""

    id: BlockId
    records: Sequence[Record]

    @property
    def keys(self) -> set[bytes]:
        """The visitors in it."""
        return {record.key for record in self.records}


def blocks(messages: Sequence[Keyed], *, size: int) -> Iterator[Block]:
    """Blocks of ``size`` records, in the order in which they fill up; what fills none is left out."""
    filling: dict[int, list[Record]] = defaultdict(list)
    offsets = [0] * PARTITIONS
    for key, value in messages:
        partition = zlib.crc32(key) % PARTITIONS
        filling[partition].append(Record(offset=offsets[partition], key=key, value=value))
        offsets[partition] += 1
        if len(filling[partition]) == size:
            records = filling.pop(partition)
            yield Block(id=_name(partition, records), records=records)


def _name(partition: int, records: Sequence[Record]) -> BlockId:
    return BlockId(
        topic="bench",
        epoch=0,
        partition=partition,
        start=records[0].offset,
        end=records[-1].offset,
        batch_id=str(uuid.uuid4()),
    )
