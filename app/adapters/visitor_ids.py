"""Visitor ids without cookies: by a random salt of the UTC day, which nobody has any more a day later."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path

from app.adapters.secret_file import DRAFT, kept_secret
from app.core.visitor_ids import Asker, derive

DAY_MS = 86_400_000
#: So long after midnight a visit goes on under yesterday's id.
OVERLAP_MS = 30 * 60_000
#: Ids remembered around midnight; about 12 MB when full.
MAX_SEEN = 65_536

_SUFFIX = ".salt"


class VisitorIds:
    """Finds the id of whoever asks.

    Of salts, today's is in memory and in ``directory``, so that a restart changes no id; yesterday's is in
    memory alone, until half an hour past midnight.
    """

    def __init__(self, directory: Path, *, max_seen: int = MAX_SEEN) -> None:
        self._directory = directory
        self._max_seen = max_seen
        self._day = -1
        #: By day since 1970.
        self._salts: dict[int, bytes] = {}
        #: When an id was last seen, in ms: those around midnight, the latest at the end.
        self._seen: OrderedDict[str, int] = OrderedDict()

    def find(self, asker: Asker, *, now_ms: int) -> str:
        """The id of today; in the first half hour yesterday's, if it was seen within half an hour."""
        self.forget(now_ms=now_ms)
        day, since_ms = divmod(now_ms, DAY_MS)
        if since_ms < OVERLAP_MS and day - 1 in self._salts:
            before = derive(asker, salt=self._salts[day - 1])
            if now_ms - self._seen.get(before, -OVERLAP_MS) <= OVERLAP_MS:
                self._see(before, now_ms)
                return before
        found = derive(asker, salt=self._salt(day))
        if since_ms >= DAY_MS - OVERLAP_MS:
            self._see(found, now_ms)
        return found

    def forget(self, *, now_ms: int) -> None:
        """Drop what may not be known any more: yesterday's file, and half an hour later the rest of it."""
        day, since_ms = divmod(now_ms, DAY_MS)
        oldest = day - 1 if since_ms < OVERLAP_MS else day
        if day != self._day:
            self._day = day
            self._delete_others(day)
        for known in [known for known in self._salts if known < oldest]:
            del self._salts[known]
        if OVERLAP_MS <= since_ms < DAY_MS - OVERLAP_MS:
            self._seen.clear()

    def _see(self, visitor_id: str, now_ms: int) -> None:
        self._seen[visitor_id] = now_ms
        self._seen.move_to_end(visitor_id)
        if len(self._seen) > self._max_seen:
            self._seen.popitem(last=False)

    def _salt(self, day: int) -> bytes:
        if day not in self._salts:
            self._salts[day] = kept_secret(self._file(day))
        return self._salts[day]

    def _delete_others(self, day: int) -> None:
        kept = self._file(day)
        with contextlib.suppress(OSError):
            for file in (*self._directory.glob(f"*{_SUFFIX}"), *self._directory.glob(f"*{DRAFT}")):
                if not file.name.startswith(kept.stem):
                    file.unlink(missing_ok=True)

    def _file(self, day: int) -> Path:
        return self._directory / f"{datetime.fromtimestamp(day * DAY_MS / 1000, UTC):%Y-%m-%d}{_SUFFIX}"
