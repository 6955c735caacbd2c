"""Struct <-> bytes: MessagePack for state, JSON for topics; registered with Faust by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from faust.serializers import codecs

from app.errors import StateError

if TYPE_CHECKING:
    from faust.types import TableT

T = TypeVar("T", bound=msgspec.Struct)


class StructCodec(codecs.Codec, Generic[T]):
    """Codes one kind of frozen Struct as MessagePack."""

    def __init__(self, children: tuple[Any, ...] | None = None, *, kind: type[T]) -> None:
        super().__init__(children, kind=kind)
        self.kind = kind
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(kind)

    def encode(self, value: T) -> bytes:
        """The value as stored."""
        return self._encoder.encode(value)

    def decode(self, raw: bytes) -> T:
        """The value that was stored; raises StateError when this version cannot read it."""
        try:
            return self._decoder.decode(raw)
        except msgspec.MsgspecError as error:
            raise StateError(
                f"a stored {self.kind.__name__} cannot be read ({error}); it was written by another version: "
                "run that version, or delete the data directory to rebuild state from the changelog"
            ) from error

    def _dumps(self, obj: Any) -> bytes:
        return self.encode(obj)

    def _loads(self, s: bytes) -> T:
        return self.decode(s)


def use_codec(table: TableT[bytes, T], codec: StructCodec[T]) -> None:
    """Let ``table`` show its values by ``codec``, while recovery moves bytes.

    TRICKY: a table takes its serializer from a Record type, else JSON, and its changelog topic is made with
    it at once: recovery would try to read each state as JSON, and never end.
    """
    faust_table = cast(Any, table)
    faust_table.value_serializer = "raw"
    faust_table.changelog_topic = faust_table._new_changelog_topic()
    faust_table.value_serializer = codec
