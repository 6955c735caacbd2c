"""Docker -> one KRaft node in a container, through testcontainers."""

from __future__ import annotations

import os
import socket
from typing import Any
from urllib.parse import urlsplit

from tests.kafka.jars import KafkaAbsentError, kafka_version
from tests.kafka.jvm import free_ports
from tests.kafka.ready import wait_until_ready

START_TIMEOUT_S = 120.0
ENGINE_TIMEOUT_S = 3
DEFAULT_HOST = "unix:///var/run/docker.sock"


def engine_answers() -> bool:
    """Whether a Docker engine is there and speaks to us."""
    if not _somebody_listens(os.environ.get("DOCKER_HOST") or DEFAULT_HOST):
        return False
    import docker  # type: ignore[import-untyped]
    from docker.errors import DockerException  # type: ignore[import-untyped]

    try:
        client = docker.from_env(timeout=ENGINE_TIMEOUT_S)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def _somebody_listens(host: str) -> bool:
    """Look before docker-py does: it leaves a socket open (a warning, here an error) when nobody is there."""
    address = urlsplit(host)
    unix = address.scheme == "unix"
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(ENGINE_TIMEOUT_S)
        try:
            probe.connect(address.path if unix else (address.hostname or "", address.port or 2375))
        except OSError:
            return False
    return True


class DockerKafka:
    """The official image. Its port is fixed beforehand, so that it stays the same over a restart."""

    kind = "docker"

    def __init__(self) -> None:
        (port,) = free_ports(1)
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self._container = _container(port)

    def start(self) -> None:
        """Start the container; KafkaAbsentError if there is no image to be had."""
        from docker.errors import DockerException

        try:
            self._container.start()
        except (DockerException, OSError) as error:
            raise KafkaAbsentError(f"Docker answers, but started no Kafka: {error}") from error
        wait_until_ready(self.bootstrap_servers, timeout_s=START_TIMEOUT_S)

    def restart(self) -> None:
        """Serve again with the data as it is; a running node is stopped first."""
        wrapped = self._container.get_wrapped_container()
        wrapped.stop()
        wrapped.start()
        wait_until_ready(self.bootstrap_servers, timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        """Shut down in good order."""
        self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        """SIGKILL to the broker."""
        self._container.get_wrapped_container().kill("SIGKILL")

    def close(self) -> None:
        """Remove the container and its data."""
        self._container.stop()

    def log_tail(self) -> str:
        """The end of the node's log."""
        tail: bytes = self._container.get_wrapped_container().logs(tail=60)
        return tail.decode(errors="replace")


def _container(port: int) -> Any:
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(f"apache/kafka:{kafka_version()}").with_bind_ports(9092, port)
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "BROKER://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"BROKER://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "500",
        "KAFKA_LOG_RETENTION_MS": "-1",
    }
    for name, value in settings.items():
        container = container.with_env(name, value)
    return container
