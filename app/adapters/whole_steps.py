"""A Faust app that stops between steps and never within one: its producer and its stores outlast them.

Faust cancels a timer last of all, long after it has closed the stores and stopped the producer: what a timer
has under way by then would be cut in two, or fail.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import faust

from app import log

#: How long a step may take once the app is told to stop. One that waits for a broker that is away is cut.
LIMIT_S = 10.0


class WholeStepsApp(faust.App):
    """A Faust app whose ``stop`` waits for the step that is under way, and lets no other begin."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._step = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def whole_step(self) -> AsyncIterator[bool]:
        """Within, nothing of the app is stopped; yields whether the step may begin, not once the app stops.

        Steps follow one another. A step must not wait for what goes on as long as the app does.
        """
        async with self._step:
            yield not self.should_stop

    async def on_stop(self) -> None:
        """Stop what the app is made of, once no step is under way, or after LIMIT_S."""
        try:
            async with asyncio.timeout(LIMIT_S), self._step:
                # From here on the app says that it stops, so that no step begins.
                pass
        except TimeoutError:
            log.get("worker").warning("worker.step_cut", waited_s=LIMIT_S)
        await super().on_stop()
