"""A file of the operator -> what it says, read anew when it has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from app import log
from app.errors import SettingsError

#: How long after a change of a file what was read before may still count.
LOOKS_EVERY_S = 10.0

T = TypeVar("T")


class WatchedFile(Generic[T]):
    """What ``read`` makes of a file; it raises SettingsError for what cannot be read.

    At the start that error is the caller's. Later it is one in the log (``<name>.kept``), and what was read
    before stays.
    """

    def __init__(self, path: Path, *, read: Callable[[Path], T], name: str) -> None:
        self._path, self._read, self._name = path, read, name
        self._log = log.get(name)
        self._seen = _stamp(path)
        self._value = read(path)
        self._look_at = time.monotonic() + LOOKS_EVERY_S

    def value(self) -> T:
        """What the file says; at most ten seconds old."""
        if time.monotonic() >= self._look_at:
            self.refresh()
        return self._value

    def refresh(self) -> None:
        """Read the file again if it is not the one that was read last."""
        self._look_at = time.monotonic() + LOOKS_EVERY_S
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._value = self._read(self._path)
        except SettingsError as error:
            self._log.error(
                f"{self._name}.kept", reason=str(error), to_do="mend the file; the old one counts"
            )
        else:
            self._log.info(f"{self._name}.read", path=str(self._path))


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
