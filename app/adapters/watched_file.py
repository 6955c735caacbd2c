"""A file of the operator -> what it says, read anew when it has changed."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from app import log
from app.errors import SettingsError

#: How long after a change of a file what was read before may still count.
LOOKS_EVERY_S = 10.0

T = TypeVar("T")

#: Makes a digest that is short, and long enough for the few versions that there will ever be.
short_hash = partial(hashlib.blake2b, digest_size=6)


class Content(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What a file said, and a short digest of its bytes."""

    value: T
    version: str


class WatchedFile(Generic[T]):
    """What ``read`` makes of a file; it raises SettingsError for what cannot be read.

    At the start that error is the caller's. Later it is one in the log (``<name>.kept``), and what was read
    before stays. A file that changed is read in a thread of its own: who asks meanwhile gets the old answer.
    """

    def __init__(self, path: Path, *, read: Callable[[Path], T], name: str) -> None:
        self._path, self._read, self._name = path, read, name
        self._log = log.get(name)
        self._seen = _stamp(path)
        self._content = self._load()
        self._reading = threading.Lock()
        self._look_at = time.monotonic() + LOOKS_EVERY_S

    def value(self) -> T:
        """What the file says; at most ten seconds old, and the time that it takes to read it."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOKS_EVERY_S
            if _stamp(self._path) != self._seen:
                threading.Thread(target=self.refresh, name=f"read-{self._name}", daemon=True).start()
        return self._content.value

    @property
    def version(self) -> str:
        """A digest of what ``value`` says now."""
        return self._content.version

    def refresh(self) -> None:
        """Read the file again if it is not the one that was read last; returns when that is done."""
        with self._reading:
            stamp = _stamp(self._path)
            if stamp == self._seen:
                return
            self._seen = stamp
            try:
                self._content = self._load()
            except SettingsError as error:
                self._log.error(
                    f"{self._name}.kept", reason=str(error), to_do="mend the file; the old one counts"
                )
            else:
                self._log.info(f"{self._name}.read", path=str(self._path))

    def _load(self) -> Content[T]:
        value = self._read(self._path)
        try:
            with self._path.open("rb") as file:
                version = hashlib.file_digest(file, short_hash).hexdigest()
        except OSError as error:
            raise SettingsError(f"{self._path}: {error}; name a readable file") from error
        return Content(value=value, version=version)


def listed(path: Path, *, setting: str) -> Iterator[tuple[str, str]]:
    """The entries of a text file, one a line, ``#`` begins a comment; each with the place it stands at.

    Raises SettingsError that names the setting for a file that cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{setting} = {path}: {error}; name a readable text file, or leave it empty"
        ) from error
    for number, line in enumerate(lines, start=1):
        if text := line.partition("#")[0].strip():
            yield text, f"{path}, line {number}"


def _stamp(path: Path) -> tuple[int, ...]:
    """What differs when a file was written or replaced; empty where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino
