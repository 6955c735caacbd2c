"""Many along, one alone."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters.clickhouse.gate import Gate


@pytest.mark.asyncio
async def test_alone_waits_for_those_inside_and_holds_new_ones_back() -> None:
    gate, seen, leave = Gate(), [], asyncio.Event()

    async def along(name: str) -> None:
        async with gate.along():
            seen.append(f"{name} in")
            await leave.wait()
            seen.append(f"{name} out")

    async def alone() -> None:
        async with gate.alone():
            seen.append("alone in")
            await asyncio.sleep(0)
            seen.append("alone out")

    tasks = []
    for work in (along("first"), along("second"), alone(), along("third")):
        tasks.append(asyncio.create_task(work))
        for _ in range(5):
            await asyncio.sleep(0)
    assert seen == ["first in", "second in"]
    leave.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 10)
    assert seen.index("alone in") > max(seen.index("first out"), seen.index("second out"))
    assert seen[seen.index("alone in") :] == ["alone in", "alone out", "third in", "third out"]


@pytest.mark.asyncio
async def test_an_error_inside_and_a_wait_that_is_given_up_leave_the_gate_open() -> None:
    gate = Gate()
    for way in (gate.along, gate.alone):
        with pytest.raises(ZeroDivisionError):
            async with way():
                raise ZeroDivisionError
    async with gate.along():
        waiting = asyncio.create_task(gate.alone().__aenter__())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(10), gate.along():
        pass
