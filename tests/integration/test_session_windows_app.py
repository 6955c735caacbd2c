"""Session windows in a plain Faust app: the example as written, and the agent, on a broker."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import faust
import pytest

from agents.session_windows import IdleTime, close_idle, register
from app.embedded.broker import EmbeddedBroker
from tables.session_windows import SessionStore, SessionWindows
from tests.session_store import Published
from tests.topology.parts import broker, paused_during_a_fetch, produce, running, until

__all__ = ["broker"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "SESSION_WINDOWS.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs" / "examples" / "machine_runs.py"


def test_the_page_has_the_example_as_it_is() -> None:
    *_, code = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert code == EXAMPLE.read_text(encoding="utf-8")


def test_the_example_prints_what_the_page_says(tmp_path: Path) -> None:
    (printed,) = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed


# The agent


class Counting:
    """An app that counts events in windows of ten seconds, with no grace; and what it has told."""

    def __init__(self, broker: EmbeddedBroker, directory: Path, name: str, **idle: Any) -> None:
        self.app = faust.App(
            name,
            broker=broker.url,
            datadir=str(directory),
            topic_partitions=4,
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            table_standby_replicas=0,
            # What could not be folded stays unacknowledged, and is not waited for.
            stream_wait_empty=False,
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1.0,
        )
        self.topic = f"{name}-source"
        broker.create_topics(self.topic)
        gap = timedelta(seconds=10)
        self.store: SessionStore[int] = SessionWindows.of_inactivity_gap_with_no_grace(gap).count(
            self.app, "counts"
        )
        self.published = Published()
        self.published.follow(self.store)
        source = self.app.topic(self.topic, value_serializer="json", internal=True)
        self.errors: list[Exception] = []
        register(
            self.app,
            source=source,
            store=self.store,
            timestamp=lambda event: event.value,
            max_items=3,
            on_fatal=self.errors.append,
        )
        if idle:
            close_idle(self.app, topic=self.topic, store=self.store, **idle)


def numbered(*moments: int) -> list[tuple[bytes | None, bytes]]:
    """Messages of one key whose value is their time."""
    return [(b"k", str(moment).encode()) for moment in moments]


@pytest.mark.asyncio
async def test_events_come_through_each_once_over_restarts_and_without_a_directory(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    first = Counting(broker, tmp_path / "first", "restarts")
    async with running(first.app, broker):
        passed_over: list[tuple[bytes | None, bytes]] = [(None, b"1"), (b"k", b"null"), (b"", b"1")]
        await produce(broker, first.topic, [*numbered(*range(10)), *passed_over], partition=1)
        await produce(broker, first.topic, numbered(5), partition=2)
        await until(lambda: first.store.stream_time(1) == 9 and first.store.stream_time(2) == 5)
    shutil.rmtree(tmp_path / "first")
    await produce(broker, first.topic, numbered(10, 11), partition=1)

    second = Counting(broker, tmp_path / "second", "restarts")
    async with running(second.app, broker):
        await until(lambda: second.store.stream_time(1) == 11)
        assert [(one.start_at, one.end_at, one.value) for one in second.store.windows(1, b"k")] == [
            (0, 11, 12)
        ]
        assert second.store.windows(2, b"k")[0].value == 1
        await produce(broker, second.topic, numbered(30_000), partition=1)
        await until(lambda: second.published.final)
    assert second.published.final == [(b"k", 0, 11, 12)]
    assert first.published.final == []


@pytest.mark.asyncio
async def test_what_comes_while_every_partition_is_paused_is_not_lost(
    broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker starts: a fetch of states is under way when a recovery has all paused."""
    counting = Counting(broker, tmp_path, "paused")
    async with running(counting.app, broker):
        async with paused_during_a_fetch(counting.app, monkeypatch):
            await produce(broker, counting.topic, numbered(7), partition=1)
        await until(lambda: counting.store.stream_time(1) == 7)


@pytest.mark.asyncio
async def test_what_a_function_raises_is_fatal_and_nothing_is_lost(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    first = Counting(broker, tmp_path / "first", "failing")

    @first.store.on_update
    def fail(key: bytes, window: Any) -> None:
        if window.value == 3:
            raise OSError("the consumer is away")

    async with running(first.app, broker):
        await produce(broker, first.topic, numbered(1, 2, 3, 4, 5), partition=1)
        await until(lambda: first.errors)
        assert all(window.value < 3 for window in first.store.windows(1, b"k"))
        await produce(broker, first.topic, numbered(6), partition=1)
    assert [str(error) for error in first.errors] == ["the consumer is away"]

    second = Counting(broker, tmp_path / "second", "failing")
    async with running(second.app, broker):
        await until(lambda: second.store.stream_time(1) == 6)
        assert [(one.start_at, one.end_at, one.value) for one in second.store.windows(1, b"k")] == [(1, 6, 6)]


def test_by_default_a_fatal_error_ends_the_process_with_the_code_of_an_internal_error() -> None:
    code = "from app.adapters.process import end_process; end_process(OSError('away')); print('alive')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == os.EX_SOFTWARE
    assert "alive" not in done.stdout
    assert "OSError('away')" in done.stdout + done.stderr


@pytest.mark.asyncio
async def test_the_last_window_closes_by_the_clock_while_nothing_arrives(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    wall = [1_000_000]
    counting = Counting(broker, tmp_path, "idle", every_s=0.05, clock=lambda: wall[0])
    async with running(counting.app, broker):
        await produce(broker, counting.topic, numbered(100), partition=1)
        await until(lambda: counting.published.table)
        # Some looks pass before the clock goes on: time runs from the last item.
        await asyncio.sleep(0.3)
        wall[0] += 10_000
        await asyncio.sleep(0.3)
        assert counting.published.final == []
        wall[0] += 1
        await until(lambda: counting.published.final)
        assert counting.store.stream_time(1) == 10_101
        assert counting.store.stream_time(2) == -1
    assert counting.published.final == [(b"k", 100, 100, 1)]


@pytest.mark.asyncio
async def test_once_the_app_stops_no_window_of_another_partition_is_closed(
    broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust cancels timers after it has closed the stores."""
    counting = Counting(broker, tmp_path, "stopping", every_s=0.05, clock=lambda: 0)
    advanced: list[int] = []

    async def stopping(partition: int, _: int) -> int:
        advanced.append(partition)
        monkeypatch.setattr(faust.App, "should_stop", True)
        return 0

    monkeypatch.setattr(counting.store, "advance", stopping)
    async with running(counting.app, broker):
        await until(lambda: advanced)
        await asyncio.sleep(0.3)
        monkeypatch.undo()
    assert len(advanced) == 1


def test_idle_time_runs_only_while_everything_is_read_and_from_the_last_item() -> None:
    idle = IdleTime()
    looks = [
        # stream time of the store, clock, whether it runs -> stream time by now
        (100, 5_000, True, 100),
        (100, 5_010, True, 110),
        (110, 5_020, True, 120),
        (300, 5_100, True, 300),  # an item came
        (300, 5_150, False, 300),  # something waits
        (300, 5_160, True, 310),
        (310, 5_150, True, 300),  # the clock was set back: the store keeps what it has
        (310, 5_160, True, 310),
    ]
    for stream_time, wall_ms, runs, by_now in looks:
        assert idle.stream_time(1, stream_time, wall_ms=wall_ms, runs=runs) == by_now
    assert idle.stream_time(2, -1, wall_ms=0, runs=True) == -1
    assert idle.stream_time(2, -1, wall_ms=99, runs=True) == -1
