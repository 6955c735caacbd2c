"""What is done to real processes while events flow; each strike leaves at least one worker running."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from tests.e2e.crew import Crew
from tests.e2e.proxy import Where

#: Where zombies are stopped, one after the other.
HELD: list[tuple[str, Where]] = [
    ("events_in", "request"),
    ("events_in", "answer"),
    ("sessions_in", "request"),
    ("sessions_in", "answer"),
]
Strike = Callable[[Crew, random.Random], None]


def kill_worker(crew: Crew, rng: random.Random) -> None:
    """SIGKILL the worker at a random moment and start it again on its directory."""
    pause(crew, rng)
    worker = crew.first
    crew.end(worker, signal.SIGKILL)
    crew.restart(worker)


def kill_worker_and_wipe(crew: Crew, rng: random.Random) -> None:
    """The same, and its directory is lost."""
    pause(crew, rng)
    worker = crew.first
    crew.end(worker, signal.SIGKILL)
    crew.restart(worker, wiped=True)


def kill_front(crew: Crew, rng: random.Random) -> None:
    """SIGKILL ClickHouse's front at a random moment and start it again; the worker lives on."""
    pause(crew, rng)
    crew.struck += 1
    crew.deployment.front.end(signal.SIGKILL)
    crew.deployment.start_front()


def kill_broker(crew: Crew, rng: random.Random) -> None:
    """SIGKILL the broker at a random moment and start it again."""
    pause(crew, rng)
    crew.struck += 1
    crew.deployment.kafka.kill()
    crew.deployment.kafka.restart()


def hand_over(crew: Crew, rng: random.Random) -> None:
    """A second worker joins at a random moment; then the first leaves, or is killed."""
    pause(crew, rng)
    crew.start()
    time.sleep(rng.uniform(2, 6))
    crew.end(crew.first, rng.choice([signal.SIGTERM, signal.SIGKILL]))


def three_workers(crew: Crew, rng: random.Random) -> None:
    """Two more join at random moments; once all three share the work, one leaves and one is killed."""
    while len(crew.workers) < 3:
        pause(crew, rng)
        crew.start()
    crew.wait_until_shared()
    for number in rng.sample([signal.SIGTERM, signal.SIGKILL], 2):
        pause(crew, rng)
        crew.end(rng.choice(crew.workers), number)


def wake_zombie(crew: Crew, rng: random.Random) -> None:
    """A worker is stopped with an insert on its way; when another has gone on in its place, it wakes.

    The insert arrives after that, or has arrived and only its answer comes then. The zombie may join in
    again, or find that it has no right to go on and end; then it is started again.
    """
    deployment = crew.deployment
    while len(crew.workers) > 1:
        crew.end(crew.first, signal.SIGTERM)  # the zombie of the round before goes on alone
    other, proxy = crew.first, deployment.proxy()
    zombie = crew.start(clickhouse_url=proxy.url)
    table, where = HELD[crew.zombies % len(HELD)]
    crew.zombies += 1
    held = proxy.hold(table, where=where)
    deployment.wait_for(held.reached.is_set, what=f"{held.table} is held", process=zombie)
    zombie.send(signal.SIGSTOP)
    crew.struck += 1
    deployment.wait_for(
        lambda: deployment.committed()[held.block.partition] > held.block.end,
        what="another has handled the block in the zombie's place",
        process=other,
    )
    held.released.set()
    deployment.wait_for(held.answered.is_set, what="ClickHouse has answered the zombie's insert")
    zombie.send(signal.SIGCONT)
    deployment.wait_for(
        lambda: deployment.members() == 2 or not zombie.is_running(), what="the zombie is back, or has ended"
    )
    if not zombie.is_running():
        assert zombie.end() == os.EX_SOFTWARE, zombie.tail()
        crew.restart(zombie)
        # One that is sent away while it starts ends with an error of its own, and has not shown anything.
        crew.wait_until_shared()


def pause(crew: Crew, rng: random.Random) -> None:
    """Until the workers are at it, and then for a random moment more."""
    deployment = crew.deployment
    before = deployment.received()
    deadline = time.monotonic() + 20
    while deployment.received() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(rng.uniform(0, 1.5))
