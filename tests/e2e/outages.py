"""ClickHouse away, full, refusing or wrongly made while events flow, and well again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping

from tests.e2e.crew import Crew
from tests.e2e.deployment import Deployment
from tests.e2e.strikes import pause

AWAY_S = 60
#: How fast something else fills the disk: ClickHouse's writes under way end before the last byte is gone.
BALLAST_BYTES_PER_S = 40e6
#: What ClickHouse answers when it will take the same insert later.
FOR_NOW = {
    164: ("READONLY", "Cannot execute query in readonly mode"),
    242: ("TABLE_IS_READ_ONLY", "Table is in readonly mode since it was lost in ZooKeeper"),
    252: ("TOO_MANY_PARTS", "Too many parts (3000 with average size of 1.00 KiB) in table"),
}
GOLD = "session_analytics"


def clickhouse_away(crew: Crew, rng: random.Random) -> None:
    """The front is away for a minute; the worker waits for it."""
    pause(crew, rng)
    crew.struck += 1
    crew.deployment.front.end(signal.SIGTERM)
    time.sleep(AWAY_S)
    assert crew.deployment.lag() > 0
    crew.deployment.start_front()


def disk_full(crew: Crew, rng: random.Random) -> None:
    """Something else fills ClickHouse's disk, and is deleted again.

    Where the machine lets us have no small disk, the answer of a full one is given by the test.
    """
    deployment = crew.deployment
    if not deployment.disk_mb:
        _refuse(crew, rng, {243: ("NOT_ENOUGH_SPACE", "Cannot reserve 1.00 MiB, not enough space")})
        return
    pause(crew, rng)
    with (deployment.clickhouse_dir / "ballast").open("wb", buffering=0) as ballast:
        try:
            while written := ballast.write(bytes(256 * 1024)):
                time.sleep(written / BALLAST_BYTES_PER_S)
        except OSError:
            crew.struck += 1
    _wait_for_line(deployment, "ClickHouse error 243 NOT_ENOUGH_SPACE")
    assert deployment.lag() > 0
    (deployment.clickhouse_dir / "ballast").unlink()


def refused_for_now(crew: Crew, rng: random.Random) -> None:
    """ClickHouse answers that it is read-only, or overloaded, one after the other."""
    _refuse(crew, rng, FOR_NOW)


def throwing_view(crew: Crew, rng: random.Random) -> None:
    """A gold's view throws; the worker ends, however often it is started, until the view is mended."""
    deployment = crew.deployment
    ((view,),) = deployment.ask(
        "SELECT replaceOne(create_table_query, 'CREATE', 'CREATE OR REPLACE') FROM system.tables "
        f"WHERE database = '{{db}}' AND name = '{GOLD}_mv'"
    )
    broken = view.replace("sum(s.sign) AS rows", "throwIf(count() > 0) + sum(s.sign) AS rows")
    pause(crew, rng)
    deployment.ask(broken)
    _end_twice(crew)
    deployment.ask(view)
    crew.restart(crew.first)


def missing_gold(crew: Crew, rng: random.Random) -> None:
    """The same with a gold that is not there."""
    deployment = crew.deployment
    pause(crew, rng)
    deployment.ask(f"RENAME TABLE {{db}}.{GOLD} TO {{db}}.elsewhere")
    _end_twice(crew)
    deployment.ask(f"RENAME TABLE {{db}}.elsewhere TO {{db}}.{GOLD}")
    crew.restart(crew.first)


def _refuse(crew: Crew, rng: random.Random, answers: Mapping[int, tuple[str, str]]) -> None:
    deployment, proxy = crew.deployment, crew.deployment.proxy()
    pause(crew, rng)
    crew.start(clickhouse_url=proxy.url)
    crew.end(crew.first, signal.SIGTERM)
    for code, (name, says) in answers.items():
        proxy.refuse(code, name, says=says)
        _wait_for_line(deployment, f"ClickHouse error {code} {name}")
        crew.struck += 1
        recoveries = deployment.worker_logs().count("sink.recovered")
        proxy.accept()
        deployment.wait_for(
            lambda seen=recoveries: deployment.worker_logs().count("sink.recovered") > seen,
            what="the worker goes on",
            process=crew.first,
        )


def _end_twice(crew: Crew) -> None:
    """The worker ends for it, and again when it is started again."""
    for is_last in (False, True):
        worker = crew.first
        crew.deployment.wait_for(lambda worker=worker: not worker.is_running(), what="the worker ends")
        assert worker.end() == os.EX_SOFTWARE
        crew.struck += 1
        if not is_last:
            crew.restart(worker)


def _wait_for_line(deployment: Deployment, text: str) -> None:
    deployment.wait_for(lambda: text in deployment.worker_logs(), what=f"the worker says {text!r}")
