"""The workers of a deployment, as their supervisor sees them."""

from __future__ import annotations

import itertools
import shutil
import signal

from tests.e2e.deployment import Deployment, Process


class Crew:
    """Starts and ends workers; counts what was killed, stopped or sent away, and zombies."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.workers: list[Process] = []
        self.struck = 0
        self.zombies = 0
        self._numbers = itertools.count(1)

    @property
    def first(self) -> Process:
        """The one who has been there longest."""
        return self.workers[0]

    def start(self, *, clickhouse_url: str = "") -> Process:
        """One more, with an empty directory."""
        return self._start(f"worker-{next(self._numbers)}", clickhouse_url=clickhouse_url)

    def restart(self, worker: Process, *, wiped: bool = False) -> Process:
        """Start one who has ended again, on its directory, or with all of it lost."""
        if worker in self.workers:
            self.workers.remove(worker)
        if wiped:
            shutil.rmtree(self.deployment.directory / worker.name)
        return self._start(worker.name)

    def end(self, worker: Process, number: signal.Signals) -> None:
        """Kill one, or let it leave."""
        self.struck += 1
        self.workers.remove(worker)
        worker.end(number)

    def wait_until_shared(self) -> None:
        """Return once the partitions are shared out among all of them."""
        self.deployment.wait_for(
            lambda: self.deployment.members() == len(self.workers),
            what=f"{len(self.workers)} workers share the partitions",
            process=self.first,
        )

    def check(self) -> None:
        """Each of them still runs."""
        for worker in self.workers:
            assert worker.is_running(), f"{worker.name} has ended\n{worker.tail()}"

    def replace(self) -> None:
        """Send all away; the one who comes then has nothing but what Kafka and ClickHouse hold."""
        while self.workers:
            worker = self.workers.pop()
            assert worker.end(signal.SIGTERM) == 0, f"{worker.name}\n{worker.tail()}"
        self.start()

    def _start(self, name: str, *, clickhouse_url: str = "") -> Process:
        self.workers.append(self.deployment.start_worker(name, clickhouse_url=clickhouse_url))
        return self.workers[-1]
