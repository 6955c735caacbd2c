"""WUA_KAFKA | Docker | Java and Maven -> the real Kafka of a test run."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

from tests.kafka import jars
from tests.kafka.container import DockerKafka, engine_answers
from tests.kafka.jars import KafkaAbsentError
from tests.kafka.jvm import JvmKafka
from tests.kafka.ready import KafkaFailedError, admin, wait_until_ready

GIVEN_TIMEOUT_S = 15.0
TOPIC_TIMEOUT_S = 30.0

Kind = Literal["given", "docker", "jvm"]
_numbers = itertools.count(1)


class Node(Protocol):
    """A broker that belongs to the test run."""

    kind: str
    bootstrap_servers: str

    def start(self) -> None: ...
    def restart(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def close(self) -> None: ...
    def log_tail(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which broker this run uses (None: there is none), and why."""

    kind: Kind | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """A real broker. A given one has no ``node``: it is not ours to kill."""

    kind: Kind
    bootstrap_servers: str
    node: Node | None = None

    @property
    def url(self) -> str:
        """The broker as ``broker.url`` of the settings takes it."""
        return ";".join(f"kafka://{server}" for server in self.bootstrap_servers.split(","))

    def unique(self, stem: str) -> str:
        """A name that no other test and no other run uses: for topics, groups and app ids."""
        return f"{stem}-{next(_numbers)}-{secrets.token_hex(4)}"

    def create_topic(self, stem: str, *, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """Create a topic with a unique name; returns that name once the topic has leaders."""
        name = self.unique(stem)
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        client = admin(self.bootstrap_servers)  # TRICKY: without a name it is gone before it has answered
        client.create_topics([topic])[name].result(TOPIC_TIMEOUT_S)
        wait_until_ready(self.bootstrap_servers, timeout_s=TOPIC_TIMEOUT_S)
        return name

    def kill(self) -> None:
        """SIGKILL the broker."""
        self._owned().kill()

    def stop(self) -> None:
        """Shut the broker down in good order."""
        self._owned().stop()

    def restart(self) -> None:
        """Start the broker again: same port, same data. Returns when it serves."""
        self._owned().restart()

    def close(self) -> None:
        """End the broker and delete its data; a given one stays as it is."""
        if self.node is not None:
            self.node.close()

    def log_tail(self) -> str:
        """The end of the broker's log; empty for a given one."""
        return self.node.log_tail() if self.node is not None else ""

    def _owned(self) -> Node:
        assert self.node is not None, "WUA_KAFKA names somebody's broker; take the fixture `mortal_kafka`"
        return self.node


def choose(environ: Mapping[str, str] = os.environ) -> Choice:
    """The first that is there of: WUA_KAFKA, a Docker engine, Java with Maven. Starts nothing."""
    if given := environ.get("WUA_KAFKA"):
        return Choice(kind="given", why=f"WUA_KAFKA={given}")
    return choose_own()


def choose_own() -> Choice:
    """Like ``choose``, but only what the run can start and kill itself."""
    if engine_answers():
        return Choice(kind="docker", why=f"Docker, apache/kafka:{jars.kafka_version()}")
    return _choose_jvm(without="no Docker engine answers")


def start(choice: Choice, environ: Mapping[str, str] = os.environ) -> Kafka:
    """Start the chosen broker; returns when it serves.

    Raises KafkaAbsentError when there turns out to be none, KafkaFailedError when it is there and broken.
    """
    if choice.kind is None:
        raise KafkaAbsentError(choice.why)
    if choice.kind == "given":
        servers = environ["WUA_KAFKA"].replace("kafka://", "").replace(";", ",")
        wait_until_ready(servers, timeout_s=GIVEN_TIMEOUT_S)
        return Kafka(kind="given", bootstrap_servers=servers)
    if choice.kind == "docker":
        try:
            return _serve(DockerKafka(), kind="docker")
        except KafkaAbsentError as error:
            return start(_choose_jvm(without=str(error)))
    return _serve(JvmKafka(java=jars.java(), classpath=jars.classpath()), kind="jvm")


def _choose_jvm(*, without: str) -> Choice:
    try:
        jars.java()
    except KafkaAbsentError as error:
        return Choice(kind=None, why=f"no real Kafka: WUA_KAFKA is not set; {without}; {error}")
    if not jars.is_resolved() and shutil.which("mvn") is None:
        return Choice(kind=None, why=f"no real Kafka: WUA_KAFKA is not set; {without}; no mvn on PATH")
    return Choice(kind="jvm", why=f"JVM, Apache Kafka {jars.kafka_version()} ({without})")


def _serve(node: Node, *, kind: Kind) -> Kafka:
    try:
        node.start()
    except (KafkaFailedError, KafkaAbsentError):
        node.close()
        raise
    return Kafka(kind=kind, bootstrap_servers=node.bootstrap_servers, node=node)
