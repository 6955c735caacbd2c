"""A deployment of real processes for tests: ClickHouse's front and Faust workers, beside a real Kafka."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import clickhouse_connect
import msgspec
from aiokafka import AIOKafkaProducer
from clickhouse_connect.driver.client import Client
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from tests.e2e.proxy import Proxy
from tests.factories import wire
from tests.kafka.broker import Kafka
from tests.kafka.jvm import free_ports
from tests.kafka.ready import admin

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
#: How long something may take that usually takes a few seconds, on a machine that is busy.
PATIENCE_S = 120.0
TAIL_BYTES = 6000
#: The front's directory within a data directory.
CLICKHOUSE = "clickhouse"
#: Blocks that have not as many events as offsets, or share offsets with another.
ODD_BLOCKS_SQL = """
SELECT * FROM (
    SELECT _partition, _batch_start, _batch_end, received, accepted, duplicates, toString(inserted_at),
        lagInFrame(_batch_end, 1, -1) OVER (PARTITION BY _partition ORDER BY _batch_start) AS before
    FROM {db}.block_ledger
) WHERE received != _batch_end - _batch_start + 1 OR before != _batch_start - 1
"""
#: Key and value.
Message = tuple[bytes | None, bytes]


class Process:
    """A program of the product in a process of its own; what it prints goes to a file."""

    def __init__(self, command: Sequence[str], *, env: dict[str, str], log: Path) -> None:
        self.name = log.stem
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait; the exit code."""
        if self.is_running():
            self._process.send_signal(number)
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        return self.log()[-TAIL_BYTES:]


class Deployment:
    """One Kafka app id and one ClickHouse database; as many workers as a test starts."""

    def __init__(
        self, kafka: Kafka, directory: Path, *, partitions: int = 4, disk_mb: int = 0, **settings: Any
    ) -> None:
        self.kafka = kafka
        self.directory = directory
        self.partitions = partitions
        self.topic = kafka.unique("events")
        self._app_id = kafka.unique("wua")
        self.disk_mb = disk_mb
        self._settings = settings
        (self._front_port,) = free_ports(1)
        self._processes: list[Process] = []
        #: By name of a worker: where its own web server answers, ``/metrics`` among others.
        self.web_ports: dict[str, int] = {}
        self._proxies: list[Proxy] = []
        self.front: Process

    @property
    def env(self) -> dict[str, str]:
        """The settings of every process, as the environment carries them."""
        values = {
            "APP__ID": self._app_id,
            "BROKER__URL": self.kafka.url,
            "BROKER__EVENTS_TOPIC": self.topic,
            "BROKER__DEAD_LETTER_TOPIC": f"{self.topic}.dead_letter",
            "BROKER__SESSIONS_TOPIC": f"{self.topic}.sessions",
            "BROKER__PARTITIONS": self.partitions,
            "BROKER__SESSION_TIMEOUT_S": 6,
            "BROKER__HEARTBEAT_INTERVAL_S": 1,
            "CLICKHOUSE__URL": self.clickhouse_url,
            "CLICKHOUSE__RETRY_MAX_WAIT_S": 0.5,
            **self._settings,
        }
        return {f"WUA_{name}": str(value) for name, value in values.items()}

    @property
    def clickhouse_dir(self) -> Path:
        """Where ClickHouse keeps its data, as the front sees it."""
        return Path(f"/proc/{self.front.pid}/root{self.directory}") / CLICKHOUSE

    @property
    def clickhouse_url(self) -> str:
        return f"http://127.0.0.1:{self._front_port}"

    def start_front(self) -> None:
        """Start ClickHouse's front on its data, and wait until it answers."""
        command = [str(BIN / "wua"), "clickhouse", "--data", str(self.directory)]
        if self.disk_mb:
            (self.directory / CLICKHOUSE).mkdir()
            command = [*on_small_disk(self.directory / CLICKHOUSE, size_mb=self.disk_mb), *command]
        self.front = self._start([*command, "--port", str(self._front_port)], name="front")
        self.wait_for(self._is_answering, what="the front answers", process=self.front)

    def migrate(self) -> None:
        """Bring the schema up to date by the command that operators use."""
        self.run("wua", "migrate").check_returncode()

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the product to its end, with the deployment's settings."""
        return subprocess.run(
            [str(BIN / program), *arguments],
            cwd=ROOT,
            env={**os.environ, **self.env, "WUA_APP__DATA_DIR": str(self.directory / program)},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def start_worker(self, name: str = "worker", *, clickhouse_url: str = "") -> Process:
        """A worker by Faust's own command line, with a state directory named after it."""
        if name not in self.web_ports:
            (self.web_ports[name],) = free_ports(1)
        env = {
            "WUA_APP__DATA_DIR": str(self.directory / name),
            "WUA_APP__WEB_PORT": str(self.web_ports[name]),
            "WUA_CLICKHOUSE__URL": clickhouse_url or self.clickhouse_url,
        }
        command = [str(BIN / "faust"), "-A", "app.worker:worker", "worker", "-l", "info"]
        return self._start(command, name=name, env=env)

    def web_url(self, worker: str) -> str:
        """The web server of a worker that was started under the name."""
        return f"http://127.0.0.1:{self.web_ports[worker]}"

    def set(self, **settings: Any) -> None:
        """Settings of what is started from now on."""
        self._settings |= settings

    async def produce(self, events: Sequence[dict[str, Any]]) -> None:
        """Produce events of the wire contract, acknowledged, under their keys."""
        messages = [
            (f"{event['site_id']}:{event['visitor_id']}".encode(), msgspec.json.encode(event))
            for event in events
        ]
        await self.produce_raw(messages)

    async def produce_raw(self, messages: Sequence[Message]) -> None:
        """Produce any keys and values, acknowledged."""
        async with self.producing() as send:
            await send(messages)

    @asynccontextmanager
    async def producing(self) -> AsyncIterator[Callable[[Sequence[Message]], Awaitable[None]]]:
        """Yields what sends messages, each once, and returns when they are acknowledged."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap_servers, linger_ms=5, enable_idempotence=True
        ) as producer:

            async def send(messages: Sequence[Message]) -> None:
                sent = [await producer.send(self.topic, value=value, key=key) for key, value in messages]
                await asyncio.gather(*sent)

            yield send

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer of ClickHouse; ``{db}`` is the database."""
        client = self._client()
        try:
            return [tuple(row) for row in client.query(sql.replace("{db}", "wua")).result_rows]
        finally:
            client.close()

    def received(self) -> int:
        """Events that the ledger accounts for."""
        return int(self.ask("SELECT sum(received) FROM {db}.block_ledger")[0][0])

    def odd_blocks(self) -> str:
        """The blocks of the ledger that do not follow one another, a line each."""
        return "\n".join(map(str, self.ask(ODD_BLOCKS_SQL)))

    def handled(self) -> int:
        """Events that the ledger accounts for, once the sessions of those accepted are there, too; else -1.

        A block's session rows follow its event rows.
        """
        ((received, accepted),) = self.ask("SELECT sum(received), sum(accepted) FROM {db}.block_ledger")
        ((in_sessions,),) = self.ask("SELECT sum(events) FROM {db}.session_analytics")
        return int(received) if in_sessions == accepted else -1

    def committed(self) -> dict[int, int]:
        """By partition: the offset up to which the workers are done, as Kafka knows it."""
        group = ConsumerGroupTopicPartitions(self._app_id, self._topic_partitions())
        client = admin(self.kafka.bootstrap_servers)
        answer = client.list_consumer_group_offsets([group])[self._app_id].result()
        return {tp.partition: max(0, tp.offset) for tp in answer.topic_partitions}

    def lag(self) -> int:
        """Events that Kafka has and that are not committed."""
        client = admin(self.kafka.bootstrap_servers)
        ends = client.list_offsets({tp: OffsetSpec.latest() for tp in self._topic_partitions()})
        return sum(end.result().offset for end in ends.values()) - sum(self.committed().values())

    def members(self) -> int:
        """Workers among which the partitions are shared out; 0 while they are being shared out anew."""
        client = admin(self.kafka.bootstrap_servers)
        group = client.describe_consumer_groups([self._app_id])[self._app_id].result()
        return len(group.members) if group.state == ConsumerGroupState.STABLE else 0

    def wait_until_drained(self, process: Process) -> None:
        """Return once everything that was sent is handled and committed."""
        self.wait_for(lambda: self.lag() == 0, what="nothing waits in Kafka", process=process)

    @staticmethod
    def wait_for(condition: Callable[[], bool], *, what: str, process: Process | None = None) -> None:
        """Return once the condition holds; fail with the process's log when it does not, or has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while not _holds(condition):
            log = f"\n{process.tail()}" if process else ""
            assert process is None or process.is_running(), f"waiting until {what}: the process ended{log}"
            assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s until {what}{log}"
            time.sleep(0.1)

    def wait_until_handled(self, count: int, *, process: Process | None = None) -> None:
        """Return once so many events are accounted for."""
        what = f"{count} events are handled"
        self.wait_for(lambda: self.handled() >= count, what=what, process=process)

    def wait_until_topics_exist(self, process: Process) -> None:
        """The worker makes its topics when it starts."""
        client = admin(self.kafka.bootstrap_servers)
        self.wait_for(
            lambda: self.topic in client.list_topics(timeout=5).topics,
            what=f"{self.topic} exists",
            process=process,
        )

    def proxy(self) -> Proxy:
        """One more way to ClickHouse, that a test can hold up."""
        self._proxies.append(Proxy(port=self._front_port))
        return self._proxies[-1]

    def worker_logs(self) -> str:
        """What all workers have logged."""
        return "".join(file.read_text(errors="replace") for file in self.directory.glob("worker*.log"))

    def close(self) -> None:
        """Kill whatever still runs."""
        for process in self._processes:
            process.end(signal.SIGKILL)
        for proxy in self._proxies:
            proxy.close()

    def _topic_partitions(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, number) for number in range(self.partitions)]

    def _start(self, command: Sequence[str], *, name: str, env: dict[str, str] | None = None) -> Process:
        log = self.directory / f"{name}.log"
        process = Process(command, env={**self.env, **(env or {})}, log=log)
        self._processes.append(process)
        return process

    def _client(self) -> Client:
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self._front_port, autogenerate_session_id=False, tz_mode="aware"
        )

    def _is_answering(self) -> bool:
        try:
            self._client().close()
        except Exception:
            return False
        return True


@contextmanager
def deployed(kafka: Kafka, directory: Path, *, partitions: int = 4, disk_mb: int = 0) -> Iterator[Deployment]:
    """A front with the schema, and no worker yet; whatever is left running is ended.

    With ``disk_mb`` ClickHouse's data lie on a disk of that size, of which a third is kept free, and are gone
    when the front ends.
    """
    room = {"CLICKHOUSE__KEEP_FREE_MB": disk_mb // 3} if disk_mb else {}
    deployment = Deployment(kafka, directory, partitions=partitions, disk_mb=disk_mb, **room)
    try:
        deployment.start_front()
        deployment.migrate()
        yield deployment
    finally:
        deployment.close()


def _holds(condition: Callable[[], bool]) -> bool:
    """A broker that has just started may not know a group yet: then it does not hold."""
    try:
        return condition()
    except KafkaException:
        return False


def on_small_disk(directory: Path, *, size_mb: int) -> list[str]:
    """Before a command: it sees a disk of its own at ``directory``, which is gone when it ends."""
    mount = f'mount -t tmpfs -o size={size_mb}m tmpfs "$0" && exec "$@"'
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *as_root, "sh", "-c", mount, str(directory)]


def may_have_small_disk(directory: Path) -> bool:
    """Whether this machine lets us have one."""
    if shutil.which("unshare") is None:
        return False
    trial = [*on_small_disk(directory, size_mb=1), "true"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def visit(visitor: str, *, at: int, pages: int, step_ms: int = 60_000, **fields: Any) -> list[dict[str, Any]]:
    """The page views of one visit; historic times, as a replay."""
    return [
        wire(
            visitor_id=visitor,
            at=at + number * step_ms,
            url=f"https://shop.example/p{number}",
            origin="replay",
            **fields,
        )
        for number in range(pages)
    ]
