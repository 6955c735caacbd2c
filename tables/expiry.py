"""key -> when it expires: what a state store drops next, in memory only.

Rebuilt from the store when a partition is new here. Size: some 200 bytes for each key.
"""

from __future__ import annotations

import heapq


class ExpiryIndex:
    """When each key of a partition expires; a heap whose outdated entries are passed over."""

    def __init__(self) -> None:
        self._due: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: bytes, due_ms: int) -> None:
        """Let ``key`` expire at ``due_ms``, no earlier than it would have before."""
        if self._due.get(key) != due_ms:
            # One entry in the heap for each key is enough: an early one is looked at and put back.
            if key not in self._due:
                heapq.heappush(self._heap, (due_ms, key))
            self._due[key] = due_ms

    def take(self, now_ms: int, *, limit: int) -> list[bytes]:
        """Up to ``limit`` keys that have expired by ``now_ms``, the earliest first; they are forgotten."""
        taken: list[bytes] = []
        while self._heap and self._heap[0][0] <= now_ms and len(taken) < limit:
            _, key = heapq.heappop(self._heap)
            due_ms = self._due[key]
            if due_ms <= now_ms:
                del self._due[key]
                taken.append(key)
            else:
                heapq.heappush(self._heap, (due_ms, key))
        return taken
