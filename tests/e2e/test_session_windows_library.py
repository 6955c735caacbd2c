"""The library's example by Faust's own command line on a real Kafka, killed on its way."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

from tests.e2e.deployment import BIN, ROOT, Deployment, Process
from tests.kafka.broker import Kafka
from tests.kafka.ready import admin

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio]

PAGE = ROOT / "docs" / "SESSION_WINDOWS.md"
EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp()
#: Machine, minutes after eight, kWh: what the example sends itself when it runs without a broker.
FIRST = [("press-1", 0, 1.0), ("press-1", 4, 1.5), ("press-1", 13, 2.0), ("press-1", 9, 0.5)]
THEN = [("press-2", 60, 3.0)]
LAST = [("press-1", 10, 0.3), ("press-2", 64, 1.0)]
#: Lines that the readings give, and how the example's lines begin.
OF_FIRST, OF_THEN = 7, 2
SAID = re.compile(r"(?:^|\] )((?:run  |no run |final |too late ).*)")


async def test_the_example_prints_what_the_page_says_though_killed_and_its_directory_lost(
    kafka: Kafka, tmp_path: Path
) -> None:
    (page,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines, app_id = page.splitlines(), kafka.unique("machine-runs")
    make_topic(kafka)
    first = example(kafka, app_id, tmp_path / "first")
    try:
        await send(kafka, FIRST)
        wait_until_printed(first, OF_FIRST)
    finally:
        first.end(signal.SIGKILL)
    second = example(kafka, app_id, tmp_path / "second")
    try:
        await send(kafka, THEN)
        wait_until_printed(second, OF_THEN)
        await send(kafka, LAST)
        wait_until_printed(second, len(lines) - OF_FIRST)
    finally:
        code = second.end()
    assert printed(first) + printed(second) == lines
    assert code == 0, second.tail()


def make_topic(kafka: Kafka) -> None:
    """What the page asks for; no other test uses the topic."""
    topic = NewTopic("machine_readings", num_partitions=4, replication_factor=1)
    client = admin(kafka.bootstrap_servers)
    client.create_topics([topic])[topic.topic].result()


def example(kafka: Kafka, app_id: str, directory: Path) -> Process:
    """The example as its page says, with a directory of its own."""
    command = [str(BIN / "faust"), "-A", "docs.examples.machine_runs:app", "worker", "-l", "info"]
    env = {"BROKER": kafka.url, "APP_ID": app_id, "DATA_DIR": str(directory), "PYTHONPATH": str(ROOT)}
    return Process(command, env=env, log=directory.with_suffix(".log"))


async def send(kafka: Kafka, readings: Sequence[tuple[str, int, float]]) -> None:
    """Readings in this order: one partition."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        for machine, minutes, kwh in readings:
            value = msgspec.json.encode({"at": EIGHT + minutes * 60, "kwh": kwh})
            await producer.send_and_wait("machine_readings", value, key=machine.encode(), partition=0)


def printed(process: Process) -> list[str]:
    """What the example has printed; Faust's worker makes log lines of it."""
    return [found[1].rstrip() for line in process.log().splitlines() if (found := SAID.search(line))]


def wait_until_printed(process: Process, lines: int) -> None:
    """Return once it has printed so many lines."""
    Deployment.wait_for(
        lambda: len(printed(process)) == lines, what=f"{lines} lines are printed", process=process
    )
