"""Many may pass a gate side by side; who closes it is alone behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Open at first; of the two ways through, ``alone`` waits for all others and holds new ones back."""

    def __init__(self) -> None:
        self._moved = asyncio.Condition()
        self._inside = 0
        self._is_closed = False

    @asynccontextmanager
    async def along(self) -> AsyncIterator[None]:
        """Be inside beside others."""
        async with self._moved:
            await self._moved.wait_for(lambda: not self._is_closed)
            self._inside += 1
        try:
            yield
        finally:
            async with self._moved:
                self._inside -= 1
                self._moved.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be inside with nobody else."""
        async with self._moved:
            await self._moved.wait_for(lambda: not self._is_closed)
            self._is_closed = True
        try:
            async with self._moved:
                await self._moved.wait_for(lambda: self._inside == 0)
            yield
        finally:
            async with self._moved:
                self._is_closed = False
                self._moved.notify_all()
