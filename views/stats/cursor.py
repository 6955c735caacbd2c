"""Where a page of rows ended: the next begins behind it, whatever has come in between."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

import msgspec

from app.errors import QueryError
from views.stats.model import MAX_CURSOR, Asked


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row's place in the order and its keys; ``question``: a digest of what was asked."""

    question: str
    place: float | str
    keys: list[str]

    def __str__(self) -> str:
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def behind(last: Cursor) -> str:
    """The cursor as an answer gives it; QueryError where a question has no room for it."""
    text = str(last)
    if len(text) > MAX_CURSOR:
        raise QueryError(
            f"limit: more rows follow; to go on behind the last takes a cursor of {len(text)} characters, "
            f"over {MAX_CURSOR}; ask for fewer dimensions, for more rows at once, or narrow them by a filter"
        )
    return text


def question_of(asked: Asked) -> str:
    """A digest of a question apart from its page."""
    plain = msgspec.structs.replace(asked, cursor=None, limit=1)
    return hashlib.blake2b(msgspec.json.encode(plain), digest_size=8).hexdigest()


def parse(asked: Asked) -> Cursor | None:
    """The cursor of a question; QueryError for what no answer to it gave."""
    if asked.cursor is None:
        return None
    keys = len(asked.dimensions) + (asked.interval is not None)
    return read(asked.cursor, question=question_of(asked), keys=keys)


def read(text: str, *, question: str, keys: int) -> Cursor:
    """The cursor of a question with so many keys in a row; QueryError for what no answer to it gave."""
    try:
        found = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (msgspec.DecodeError, Error, ValueError) as error:
        raise QueryError(
            f"cursor = {text[:64]!r}: expected what an earlier answer gave as next_cursor"
        ) from error
    if found.question != question or len(found.keys) != keys:
        raise QueryError(f"cursor = {text[:64]!r}: it is of another question; leave it out")
    return found
