"""Struct <-> bytes: MessagePack for state, JSON for topics; registered with Faust by name."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from faust.serializers import codecs

from app.errors import StateError

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
