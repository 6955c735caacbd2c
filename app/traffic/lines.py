"""What the reading of one line of a file comes to, when it is not an event; and ids for what has none."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from app.core.ids import derived_uuid
from app.events.vocabulary import RejectReason
from app.events.wire import WebEvent

#: No line that we could use is nearly as long; it bounds what ``file_id`` reads.
_MAX_LINE_BYTES = 1024 * 1024


class LineFault(StrEnum):
    """Why a line of a log or of another tool's export gave no event, beside the RejectReasons."""

    NOT_A_LOG_LINE = "not_a_log_line"
    BAD_TIME = "bad_time"
    NO_REQUEST = "no_request"
    WRONG_COLUMNS = "wrong_columns"
    MALFORMED_CSV = "malformed_csv"


class SkipReason(StrEnum):
    """Why a good line was left out on purpose."""

    METHOD = "method"
    STATUS = "status"
    ASSET = "asset"
    FEED = "feed"
    ROBOTS = "robots"
    AUTOMATIC = "automatic"
    OTHER_KIND = "other_kind"


class Told(msgspec.Struct, frozen=True):
    """The event that a line of an export tells of."""

    line: int
    event: WebEvent


class BadLine(msgspec.Struct, frozen=True):
    """A line that gave no event. ``raw`` holds it where the pipeline is to see it and refuse it by name."""

    line: int
    reason: LineFault | RejectReason
    detail: str
    raw: bytes = b""


class Skipped(msgspec.Struct, frozen=True):
    """A line that was understood and is not counted, by the rule that was asked for."""

    line: int
    reason: SkipReason


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers from 1, without line ends and without a byte order mark."""
    for number, line in enumerate(lines, start=1):
        bare = line.rstrip(b"\r\n")
        yield number, bare.removeprefix(codecs.BOM_UTF8) if number == 1 else bare


def file_id(path: Path) -> str:
    """The identity of a log: a hash of its first line.

    Not of the whole content: a log that has grown, and is fed again, must give its old lines their old ids.
    """
    with path.open("rb") as file:
        return file_id_of(file.readline(_MAX_LINE_BYTES))


def file_id_of(first_line: bytes) -> str:
    """The same for a stream that can be read once only."""
    bare = first_line.rstrip(b"\r\n").removeprefix(codecs.BOM_UTF8)
    return hashlib.blake2b(bare, digest_size=16).hexdigest()


def event_id_of(line: bytes, *, number: int, file_id: str) -> str:
    """A UUID (version 8) that depends on file, line number and line: fed twice, a line is a duplicate."""
    return derived_uuid(b"%s\n%d\n%s" % (file_id.encode(), number, line))
