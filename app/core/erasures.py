"""site, visitor -> the message of the events topic that makes the worker forget the visitor, and back.

It goes the way of the visitor's events, so it has a place among them: what lies before it is forgotten, also
when its block is handled once more; what comes after it is a new visitor's.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Beside a message that is no event. The collector lets no header through: only who reaches Kafka sends it.
ERASE_HEADER = "wua-erase"
HEADERS: tuple[tuple[str, bytes], ...] = ((ERASE_HEADER, b"1"),)
#: Says in the topic itself what the message is.
VALUE = b'{"erase":true}'


def erase_message(site_id: str, visitor_id: str) -> tuple[bytes | None, bytes]:
    """Key and value; to be sent with HEADERS."""
    return f"{site_id}:{visitor_id}".encode(), VALUE


def is_erasure(headers: Sequence[tuple[str, bytes]]) -> bool:
    """Whether the message beside these headers asks to forget the visitor of its key."""
    return any(name == ERASE_HEADER for name, _ in headers)
