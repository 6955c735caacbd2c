"""A broker that holds the events of a run, and the measuring of a program that reads them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from app.adapters.clock import now_ms
from app.events.vocabulary import Origin
from app.events.wire import WebEvent
from app.traffic.simulator import simulate
from bench.cpu import CpuRecorder
from bench.job import Job, Span
from tests.e2e.deployment import Process
from tests.kafka.broker import Choice, Kafka, Kind, start
from tests.kafka.jvm import JvmKafka

PARTITIONS = 4
SEED = 7
POLL_S = 0.1
#: Between two looks that cost something, as long as more than a tenth of the events is to do.
LAZY_POLL_S = 1.0

Keyed = tuple[bytes, bytes]


class BenchError(Exception):
    """A row cannot be measured; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a program did in its span, of ``total`` events, and the CPU seconds of each group of processes.

    Groups: "program" is what is measured; "engine" and "broker" work for it.
    """

    name: str
    total: int
    span: Span
    cpu_s: Mapping[str, float]

    @property
    def events_per_s(self) -> float:
        """Events a second of wall time."""
        return self.span.events / self.span.wall_s

    def cpu_us(self, group: str) -> float:
        """CPU microseconds an event; 0 for a group that the row does not have."""
        return self.cpu_s.get(group, 0.0) / self.span.events * 1e6

    @property
    def all_cpu_us(self) -> float:
        """CPU microseconds an event over all groups."""
        return sum(self.cpu_us(group) for group in self.cpu_s)


class Rig:
    """The events, the broker and a directory of one run; the clock of each row ends after ``limit_s``."""

    def __init__(self, kafka: Kafka, directory: Path, *, events: int, limit_s: float) -> None:
        self.kafka = kafka
        self._events = events
        self.limit_s = limit_s
        self._directory = directory

    @cached_property
    def traffic(self) -> list[WebEvent]:
        """An hour of three sites, as a collector received it, less what arrived twice."""
        by_id: dict[str, WebEvent] = {}
        for event in simulate(
            seed=SEED, end_ms=now_ms(), events=self._events, days=1 / 24, origin=Origin.BROWSER
        ):
            by_id.setdefault(event.event_id, event)
        return [*by_id.values()]

    @cached_property
    def messages(self) -> list[Keyed]:
        """The traffic as it stands in Kafka."""
        encoder = msgspec.json.Encoder()
        return [(event.key, encoder.encode(event)) for event in self.traffic]

    @cached_property
    def topic(self) -> str:
        """The topic that holds all messages, made when first asked for; each row is another group."""
        topic = self.new_topic(partitions=PARTITIONS)
        self.produce(topic, self.messages)
        return topic

    @property
    def broker_pids(self) -> list[int]:
        """The broker's process where it is ours to see."""
        node = self.kafka.node
        return [node.pid] if isinstance(node, JvmKafka) and node.pid else []

    def new_topic(self, *, partitions: int) -> str:
        """An empty topic."""
        return self.kafka.create_topic("bench", partitions=partitions)

    def new_directory(self, stem: str) -> Path:
        """An empty directory."""
        directory = self._directory / self.kafka.unique(stem)
        directory.mkdir()
        return directory

    def produce(self, topic: str, messages: Sequence[Keyed]) -> None:
        """Produce the messages as fast as the broker takes them; returns when all are acknowledged."""
        producer = self.producer()
        for key, value in messages:
            producer.produce(topic, value, key, on_delivery=refuse_failure)
            producer.poll(0)
        producer.flush()

    def producer(self) -> Producer:
        """A producer that spreads keys over partitions as Kafka's own clients do."""
        return Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap_servers,
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": len(self.messages) + 1,
            }
        )

    def run(self, name: str, command: Sequence[str]) -> Row:
        """Measure a program of bench/ that takes a Job, in a process of its own."""
        directory = self.new_directory("program")
        job = Job(
            servers=self.kafka.bootstrap_servers,
            topic=self.topic,
            group=directory.name,
            partitions=PARTITIONS,
            total=len(self.messages),
            directory=str(directory),
        )
        process = Process(command, env=job.env(), log=directory / "program.log")
        try:
            with CpuRecorder({"program": [process.pid], "broker": self.broker_pids}) as recorder:
                span = self.watch(job.span, total=job.total, process=process)
        finally:
            process.end(signal.SIGKILL)
        return Row(name=name, total=job.total, span=span, cpu_s=recorder.spent_s(span))

    def watch(
        self, look: Callable[[], Span | None], *, total: int, process: Process, is_cheap: bool = True
    ) -> Span:
        """The span once ``total`` events are done, or what it was when the time was up."""
        deadline = time.monotonic() + self.limit_s
        while True:
            span = look()
            if span is not None and span.events >= total:
                return span
            if not process.is_running():
                raise BenchError(f"the program ended before its last event:\n{process.tail()}")
            if time.monotonic() > deadline:
                if span is None:
                    raise BenchError(f"no event was done in {self.limit_s:g} s:\n{process.tail()}")
                return span
            near = span is not None and span.events >= 0.9 * total
            time.sleep(POLL_S if is_cheap or near else LAZY_POLL_S)


@contextmanager
def broker(kind: Kind) -> Iterator[Kafka]:
    """A started broker of this kind, ended at the end."""
    if kind == "given" and "WUA_KAFKA" not in os.environ:
        raise BenchError("WUA_KAFKA names no broker; set it to host:port, or take another --broker")
    kafka = start(Choice(kind=kind, why="asked for"))
    try:
        yield kafka
    finally:
        kafka.close()


def refuse_failure(error: KafkaError | None, message: Message) -> None:
    """Delivery report: a benchmark with a part of its events would measure something else."""
    if error is not None:
        raise BenchError(f"the broker did not take an event for {message.topic()}: {error}")
