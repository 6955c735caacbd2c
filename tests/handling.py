"""Wait until the embedded worker is done with what was sent."""

from __future__ import annotations

import asyncio

from app.embedded.broker import PARTITIONS
from app.embedded.stack import EmbeddedStack

#: Far longer than the worker takes for a few messages.
PATIENCE_S = 60.0


async def all_handled(stack: EmbeddedStack, messages: int) -> None:
    """Return once the worker is done with the first ``messages``: every table has their rows, gold too.

    One table that has them says nothing of another: the views of an insert write one after the other.
    """
    async with asyncio.timeout(PATIENCE_S):
        while sum(stack.handled(partition) for partition in range(PARTITIONS)) < messages:
            stack.check()
            await asyncio.sleep(0.02)
