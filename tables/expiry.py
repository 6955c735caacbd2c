"""key -> when it falls due: what a state store looks at next, in memory only.

Rebuilt from the store when a partition is new here. Size: some 200 bytes for each key.
"""

from __future__ import annotations

import heapq


class ExpiryIndex:
    """When each key of a partition falls due; a heap whose outdated entries are passed over."""

    def __init__(self) -> None:
        self._due: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: bytes, due_ms: int | None) -> None:
        """Let ``key`` fall due at ``due_ms``, and no more when it would have before; None: never."""
        if due_ms is None:
            self._due.pop(key, None)
            return
        known = self._due.get(key)
        # An entry that is too early will do: it is looked at and put back.
        if known is None or due_ms < known:
            heapq.heappush(self._heap, (due_ms, key))
        self._due[key] = due_ms

    def due(self, now_ms: int, *, limit: int) -> list[bytes]:
        """Up to ``limit`` keys that are due by ``now_ms``, the earliest first; they stay until put anew."""
        found: dict[bytes, int] = {}
        while self._heap and self._heap[0][0] <= now_ms and len(found) < limit:
            entry = heapq.heappop(self._heap)
            key = entry[1]
            due_ms = self._due.get(key)
            is_twice = key in found or (self._heap and self._heap[0] == entry)
            if due_ms is None or is_twice:
                continue
            if due_ms <= now_ms:
                found[key] = due_ms
            else:
                heapq.heappush(self._heap, (due_ms, key))
        for key, due_ms in found.items():
            heapq.heappush(self._heap, (due_ms, key))
        return list(found)
