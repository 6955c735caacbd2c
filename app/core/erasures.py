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
    return message_key(site_id, visitor_id), VALUE


def message_key(site_id: str, visitor_id: str) -> bytes:
    """The key of every message of the visitor."""
    return f"{site_id}:{visitor_id}".encode()


def told_key(key: bytes) -> str:
    """How the reason of a refusal names a wrong key; by this it is found when its visitor is erased."""
    return f"the message key is {key[:200]!r};"


def is_erasure(headers: Sequence[tuple[str, bytes]]) -> bool:
    """Whether the message beside these headers asks to forget the visitor of its key."""
    return any(name == ERASE_HEADER for name, _ in headers)
