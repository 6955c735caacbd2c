"""A data directory -> the one chDB engine of this process.

The engine lives as long as somebody holds a connection to it, so this object holds one from ``start`` to
``stop``; clients of the same process on the same directory share it. Traps, all measured on chDB 26.9:

- one engine, hence one directory, per process at a time; a directory belongs to one process at a time;
- ``fork()`` copies the engine without its threads: the child's first query hangs for good. Start it in the
  process that uses it and make children with ``spawn`` or ``exec``;
- it has no users, quotas, ``ON CLUSTER`` or replication, and opens no port of its own.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import chdb

from app import log
from app.adapters.clickhouse.clients import engine_error
from app.errors import EmbeddedError
from app.settings import ClickHouseSettings

#: Which engine wrote the directory last; an older one may not be able to read it.
STAMP = "wua-engine-version"
#: The engine takes no insert and begins no merge that would leave less than this on its disk: a write that a
#: full disk cuts short can leave a part that cannot be read.
_KEEP_FREE = "storage_configuration.disks.default.keep_free_space_bytes"
_CACHE = "uncompressed_cache_size"


class ChdbEngine:
    """Owner of a data directory's engine; use as a context manager or with ``start`` and ``stop``.

    With less than ``keep_free_mb`` on its disk the engine refuses inserts with error 243, and works on when
    there is more again. ``cache_mb`` of memory at most are for small reads that clients ask to be kept.
    """

    def __init__(self, data_dir: Path, *, keep_free_mb: int = 0, cache_mb: int = 0) -> None:
        # The engine compares paths letter by letter: one spelling for all.
        self.data_dir = Path(os.path.realpath(data_dir))
        self._given = {_KEEP_FREE: keep_free_mb * 1024**2, _CACHE: cache_mb * 1024**2}
        self._anchor: Any = None
        self._pid = 0
        self._log = log.get("engine")

    @classmethod
    def of(cls, settings: ClickHouseSettings, data_dir: Path) -> ChdbEngine:
        """The engine in ``data_dir/clickhouse``, as the settings want it."""
        place = data_dir / "clickhouse"
        return cls(place, keep_free_mb=settings.keep_free_mb, cache_mb=settings.cache_mb)

    @property
    def url(self) -> str:
        """``clickhouse.url`` for clients in this process."""
        return f"chdb://{self.data_dir}"

    @property
    def version(self) -> str:
        """The engine's version, such as ``26.9.2.1``."""
        return str(chdb.engine_version)

    def start(self) -> None:
        """Open the directory, making it where it is missing; raises EmbeddedError that says what to do."""
        if self._anchor is not None:
            return
        self._refuse_newer()
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self._anchor = self._open(
                "?" + "&".join(f"{name}={value}" for name, value in self._given.items())
            )
        except (RuntimeError, OSError) as error:
            raise engine_error(self.data_dir, error) from error
        self._pid = os.getpid()
        (self.data_dir / STAMP).write_text(self.version, encoding="utf-8")
        self._log.info("engine.started", data_dir=str(self.data_dir), version=self.version)

    def stop(self) -> None:
        """Let go of the directory; it is free once every other client of the process is closed too."""
        if self._anchor is None:
            return
        self._anchor.close()
        self._anchor = None
        self._log.info("engine.stopped", data_dir=str(self.data_dir))

    def connect(self) -> Any:
        """A new chDB connection with the engine's default settings; the caller closes it."""
        if self._anchor is None:
            raise EmbeddedError(f"{self.data_dir}: the chDB engine is not running; start it first")
        if os.getpid() != self._pid:
            raise EmbeddedError(
                f"{self.data_dir}: process {os.getpid()} was forked from {self._pid}, which owns the chDB "
                "engine, and would hang; start processes with spawn or exec and connect them over HTTP"
            )
        return self._open()

    def __enter__(self) -> ChdbEngine:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open(self, parameters: str = "") -> Any:
        return chdb.connect(f"{self.data_dir}{parameters}")  # type: ignore[no-untyped-call]

    def _refuse_newer(self) -> None:
        """A directory written by a newer engine is left alone: an older one may damage it."""
        try:
            written_by = (self.data_dir / STAMP).read_text(encoding="utf-8").strip()
        except OSError:
            return
        if _major(written_by) > _major(self.version):
            raise EmbeddedError(
                f"{self.data_dir}: written by chDB engine {written_by}; this one, {self.version}, is older. "
                "Upgrade the chdb package to that version or later, or choose an empty directory."
            )


def _major(version: str) -> tuple[int, ...]:
    """``26.9.2.1`` -> (26, 9): the parts that may change how data is stored."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
