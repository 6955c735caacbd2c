"""Struct <-> bytes."""

from __future__ import annotations

import msgspec
import pytest

from app.codecs import StructCodec
from app.errors import StateError
from app.events.state import VisitorState


class Small(msgspec.Struct, frozen=True, array_like=True):
    name: str
    count: int = 0


class Grown(msgspec.Struct, frozen=True, array_like=True):
    name: str
    count: int = 0
    note: str = "none"


def test_what_was_encoded_is_decoded():
    codec = StructCodec(kind=Small)
    value = Small(name="é\x00", count=-(2**40))
    assert codec.decode(codec.encode(value)) == value


def test_faust_reads_and_writes_by_the_same_bytes():
    codec = StructCodec(kind=Small)
    value = Small(name="a", count=1)
    assert codec.dumps(value) == codec.encode(value)
    assert codec.loads(codec.encode(value)) == value


def test_an_older_value_is_read_with_the_defaults_of_what_was_added():
    assert StructCodec(kind=Grown).decode(StructCodec(kind=Small).encode(Small(name="a", count=1))) == Grown(
        name="a", count=1
    )


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x92\xa1a", b'{"name":"a"}', b"\x91\x01", b"\x90"])
def test_a_value_that_cannot_be_read_is_an_error_that_names_it_and_says_what_to_do(raw):
    with pytest.raises(StateError, match=r"a stored Small cannot be read .*; .*delete the data directory"):
        StructCodec(kind=Small).decode(raw)


def test_a_visitors_state_is_small():
    state = VisitorState(epoch=0, last_offset=1, last_received_at=2, seen=bytes(8 * 100))
    assert len(StructCodec(kind=VisitorState).encode(state)) < 8 * 100 + 20
