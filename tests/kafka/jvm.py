"""jars -> one KRaft node (broker and controller in one process) on free loopback ports."""

from __future__ import annotations

import base64
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

from tests.kafka.ready import KafkaFailedError, wait_until_ready

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
TAIL_BYTES = 6000
HEAP = "-Xmx512m"
#: Below the range that the kernel gives to outgoing connections: while a killed broker is down, a client
#: that keeps trying could otherwise be given its very port, and the restart would find it taken.
PORTS = range(20_000, 32_000)


class JvmKafka:
    """A node of our own: it can be killed, and started again with its data on the same port."""

    kind = "jvm"

    def __init__(self, *, java: str, classpath: str) -> None:
        self._java = java
        self._classpath = classpath
        self._home = Path(tempfile.mkdtemp(prefix="wua-kafka-"))
        self._process: subprocess.Popen[bytes] | None = None
        port, controller_port = free_ports(2)
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self._properties = self._home / "server.properties"
        self._properties.write_text(_properties(port, controller_port, self._home / "data"))

    def start(self) -> None:
        """Format the storage and serve; returns when a client has been answered."""
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(
            [
                *self._command("kafka.tools.StorageTool", "-Xmx128m", "-XX:TieredStopAtLevel=1"),
                *("format", "--standalone", "--config", str(self._properties)),
                # TRICKY: the id may begin with a dash, and would be taken for an option.
                f"--cluster-id={cluster_id}",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=START_TIMEOUT_S,
        )
        if done.returncode:
            raise KafkaFailedError(
                f"Kafka's storage tool failed:\n{(done.stdout + done.stderr)[-TAIL_BYTES:]}"
            )
        self.restart()

    def restart(self) -> None:
        """Serve again with the data as it lies on disk; a running node is stopped first."""
        self.stop()
        with (self._home / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command("kafka.Kafka", HEAP), str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        process = self._process
        try:
            wait_until_ready(
                self.bootstrap_servers,
                timeout_s=START_TIMEOUT_S,
                still_alive=lambda: process.poll() is None,
            )
        except KafkaFailedError as error:
            self.kill()
            raise KafkaFailedError(f"{error}\n--- end of the Kafka log\n{self.log_tail()}") from error

    @property
    def pid(self) -> int | None:
        """The node's process; None while it is down."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Shut down in good order; killed when that takes too long."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End the node and delete its data."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def log_tail(self) -> str:
        """The end of the node's log."""
        log = self._home / "kafka.log"
        return log.read_bytes()[-TAIL_BYTES:].decode(errors="replace") if log.is_file() else ""

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _command(self, main: str, *options: str) -> list[str]:
        logging = [
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            # Three hundred lines of settings for each start would hide what happened.
            "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
        ]
        return [self._java, *options, "-XX:+UseSerialGC", *logging, "-cp", self._classpath, main]


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on now."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def _properties(port: int, controller_port: int, data: Path) -> str:
    """One small node that answers at once and replicates nothing."""
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": f"BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"BROKER://127.0.0.1:{port}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        # A mistyped topic name must fail, not appear.
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A killed node may only come back when its registration has expired (9 s by default).
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,
        # Tests of a killed worker do not want to wait the usual six seconds.
        "group.min.session.timeout.ms": 500,
        # Test events carry old times; retention by time would delete them under the test.
        "log.retention.ms": -1,
        # 128 MiB by default, a quarter of this heap.
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())
