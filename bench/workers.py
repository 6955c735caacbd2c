"""Row (c): the whole worker as operators run it, from broker to gold, beside ClickHouse's front.

An event is done when it counts in a gold of events and in one of sessions. To ask both costs the engine some
milliseconds, which are part of its figure: so they are asked once a second, and every 0.1 s only when nine
tenths of the events are done. The span begins when Faust says that
its worker is ready, or, where the topic is filled then, when its first event is produced.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import httpx
from clickhouse_connect.driver.client import Client
from confluent_kafka import ConsumerGroupState
from prometheus_client.parser import text_string_to_metric_families

from app.adapters.clickhouse import open_client
from app.settings import ClickHouseSettings
from bench.cpu import CpuRecorder
from bench.job import Progress, Span
from bench.rig import PARTITIONS, Keyed, Rig, Row
from tests.e2e.deployment import Deployment, Process, deployed
from tests.kafka.ready import admin

READY = "[^Worker]: Ready"
STAGE_SERIES = "wua_block_seconds"
#: How long workers may take to go on after their group has become stable.
SETTLE_S = 3.0

GOLD_SQL = """
SELECT least(
    (SELECT toInt64(sum(rows)) FROM wua.daily_user_metrics),
    (SELECT toInt64(sum(events)) FROM wua.session_analytics)
)
"""
LEDGER_SQL = "SELECT uniqExact(_batch_id), sum(rejected) FROM wua.block_ledger"


@dataclass(frozen=True, kw_only=True)
class WorkerRun:
    """A row, and what worker and ledger say of it: wall seconds by stage, and the number of blocks."""

    row: Row
    stages_s: Mapping[str, float]
    blocks: int

    @property
    def block_events(self) -> float:
        """Events of an average block."""
        return self.row.span.events / self.blocks


@dataclass(frozen=True, kw_only=True)
class Running:
    """A front with the schema, and its workers by name."""

    deployment: Deployment
    workers: Mapping[str, Process]

    def reader(self) -> Client:
        """A connection to the front that can only read; the caller closes it."""
        return open_client(ClickHouseSettings(url=self.deployment.clickhouse_url), readonly=True)

    def stages_s(self) -> Counter[str]:
        """Wall seconds by stage that the workers' own ``/metrics`` tell, over all blocks and lanes."""
        seconds: Counter[str] = Counter()
        for name in self.workers:
            answer = httpx.get(f"http://127.0.0.1:{self.deployment.web_ports[name]}/metrics")
            for family in text_string_to_metric_families(answer.text):
                if family.name == STAGE_SERIES:
                    totals = [sample for sample in family.samples if sample.name.endswith("_total")]
                    seconds.update({sample.labels["stage"]: sample.value for sample in totals})
        return seconds


def read_topic(rig: Rig, *, name: str) -> WorkerRun:
    """One worker reads the topic that every row reads."""
    with running(rig, topic=rig.topic) as site:
        return measure(rig, site, name=name, total=len(rig.messages))


def share_topic(
    rig: Rig, *, name: str, workers: int, partitions: int, messages: Sequence[Keyed]
) -> WorkerRun:
    """Workers that have shared out the partitions are given the messages as fast as the broker takes them."""
    topic = rig.new_topic(partitions=partitions)
    with running(rig, topic=topic, workers=workers, partitions=partitions) as site:
        return measure(rig, site, name=name, total=len(messages), feed=lambda: rig.produce(topic, messages))


@contextmanager
def running(rig: Rig, *, topic: str, workers: int = 1, partitions: int = PARTITIONS) -> Iterator[Running]:
    """A deployment whose workers are ready and have shared out the partitions of ``topic``."""
    with deployed(rig.kafka, rig.new_directory("deployment"), partitions=partitions) as deployment:
        deployment.topic = topic
        names = [f"worker-{number}" for number in range(workers)]
        site = Running(deployment=deployment, workers={name: deployment.start_worker(name) for name in names})
        for process in site.workers.values():
            deployment.wait_for(partial(has_said, process, READY), what="it is ready", process=process)
        if workers > 1:
            deployment.wait_for(lambda: members(rig, deployment) == workers, what="all have joined")
            time.sleep(SETTLE_S)
        yield site


def has_said(process: Process, text: str) -> bool:
    """Whether the text stands in the log of the process."""
    return text in process.log()


def members(rig: Rig, deployment: Deployment) -> int:
    """Workers among which the partitions are shared out; 0 while they are being shared out anew."""
    group = deployment.env["WUA_APP__ID"]
    client = admin(rig.kafka.bootstrap_servers)
    found = client.describe_consumer_groups([group])[group].result()
    return len(found.members) if found.state == ConsumerGroupState.STABLE else 0


def measure(
    rig: Rig, site: Running, *, name: str, total: int, feed: Callable[[], None] = lambda: None
) -> WorkerRun:
    """Watch gold until it holds so many events."""
    progress = Progress(total)
    groups = {
        "program": [process.pid for process in site.workers.values()],
        "engine": [site.deployment.front.pid],
        "broker": rig.broker_pids,
    }
    client = site.reader()

    def look() -> Span | None:
        ((done,),) = client.query(GOLD_SQL).result_rows
        if done > progress.count:
            progress.add(done - progress.count)
        return progress.span

    with CpuRecorder(groups) as recorder:
        progress.begin()
        feed()
        span = rig.watch(look, total=total, process=next(iter(site.workers.values())), is_cheap=False)
    ((blocks, rejected),) = client.query(LEDGER_SQL).result_rows
    client.close()
    assert not rejected, f"{rejected} events were refused; a benchmark's traffic must be accepted"
    return WorkerRun(
        row=Row(name=name, total=total, span=span, cpu_s=recorder.spent_s(span)),
        stages_s=site.stages_s(),
        blocks=blocks,
    )
