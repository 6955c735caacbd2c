"""A file of another tool's export -> its bytes: as it is, packed by gzip, or members of a zip.

Nothing is unpacked to disk: a member is read where it lies, and its name is only compared.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec

from app.core.ids import derived_uuid
from app.errors import ImportFileError
from app.events.vocabulary import Tool

#: What a zip may hold, unpacked. A member never gives more than it says; more than this is no export.
MAX_ZIP_BYTES = 16 * 1024**3
MAX_MEMBERS = 1000
_ENCRYPTED = 0x1
_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_BROKEN = (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, NotImplementedError)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """An export that is being read: ``at()`` of ``size`` bytes are."""

    file: BinaryIO
    size: int
    at: Callable[[], int]


def import_id_of(path: Path, *, site_id: str, tool: Tool) -> str:
    """The id of importing these bytes into this site: the same whatever the file is called."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return derived_uuid(f"{tool}\n{site_id}\n{digest}".encode())


@contextlib.contextmanager
def opened(path: Path, *, member: str = "") -> Iterator[Opened]:
    """The lines of an export; of a zip those of its ``member``, which may lie in a folder.

    Raises ImportFileError for a zip without it, and for one that is encrypted, broken or too large.
    """
    with path.open("rb") as raw, readable(path.name):
        begin = raw.read(2)
        raw.seek(0)
        size = path.stat().st_size
        if begin == _GZIP:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield Opened(file=unpacked, size=size, at=raw.tell)  # type: ignore[arg-type]
        elif begin == _ZIP:
            if not member:
                raise ImportFileError(
                    f"{path.name} is a zip; expected lines of text, plain or packed by gzip"
                )
            with zip_members(path) as (archive, members):
                found = [one for one in members if PurePosixPath(one.filename).name == member]
                if len(found) != 1:
                    raise ImportFileError(f"{path.name} holds {len(found)} files {member}; expected one")
                with archive.open(found[0]) as unpacked:
                    yield Opened(file=unpacked, size=found[0].file_size, at=unpacked.tell)  # type: ignore[arg-type]
        else:
            yield Opened(file=raw, size=size, at=raw.tell)


@contextlib.contextmanager
def zip_members(path: Path) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """A zip and its files; ImportFileError for one that cannot or must not be read."""
    with readable(path.name), zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        if any(one.flag_bits & _ENCRYPTED for one in members):
            raise ImportFileError(f"{path.name} is encrypted; unpack it and pack it anew without a password")
        for one in members:
            name = PurePosixPath(one.filename)
            if name.is_absolute() or ".." in name.parts or "\\" in one.filename:
                raise ImportFileError(
                    f"{path.name}: the member {one.filename[:80]!r} leads out of it; no tool exports such"
                )
        size = sum(one.file_size for one in members)
        if len(members) > MAX_MEMBERS or size > MAX_ZIP_BYTES:
            raise ImportFileError(
                f"{path.name} holds {len(members):,} files of {size:,} bytes; at most {MAX_MEMBERS:,} files "
                f"of {MAX_ZIP_BYTES:,} bytes together are taken"
            )
        yield archive, members


@contextlib.contextmanager
def readable(name: str) -> Iterator[None]:
    """Say of a file that cannot be read that it is broken, and what to do."""
    try:
        yield
    except _BROKEN as error:
        raise ImportFileError(
            f"{name} cannot be read to its end: {error}; fetch the export again and import that"
        ) from error
