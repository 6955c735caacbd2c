"""How long after it was produced an event counts in gold, with a worker that is half as busy as it can be.

Events are produced one by one at half of the rate of row (c). Each partition is given a site of its own, so
that the count of a site in gold says which events are visible: the k-th event of a partition is, once its
site counts k. A delay runs from the moment before the event is handed to the producer to the moment after
gold has answered, and so includes up to one pause between two questions. The questions take some percent of
a core.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Sequence
from statistics import quantiles

import msgspec

from app.events.wire import WebEvent
from bench.report import Section
from bench.rig import BenchError, Keyed, Rig, refuse_failure
from bench.workers import running

ASK_EVERY_S = 0.2
#: Numbers of partitions. A block is of one: more of them make smaller blocks, and each costs the engine.
SHAPES = (1, 2, 4)
WARM_UP_S = 10.0
MEASURED_S = 30.0
SQL = """
SELECT 'gold of events', site_id, toInt64(sum(rows)) FROM wua.daily_user_metrics GROUP BY site_id
UNION ALL
SELECT 'gold of sessions', site_id, toInt64(sum(events)) FROM wua.session_analytics GROUP BY site_id
"""


def section(rig: Rig, *, full_rate: float) -> Section:
    """Quantiles of the delay at half of ``full_rate`` events a second, by number of partitions."""
    rate = full_rate / 2
    traffic = rig.traffic[: round(rate * (WARM_UP_S + MEASURED_S))]
    return Section(
        title="Freshness",
        columns=("partitions", "visible in", "p50 ms", "p90 ms", "p99 ms", "max ms", "events"),
        rows=[row for count in SHAPES for row in rows(rig, traffic, rate=rate, partitions=count)],
        note=f"At {rate:,.0f} events/s, half of row c, for {len(traffic) / rate - WARM_UP_S:.0f} s after "
        f"{WARM_UP_S:.0f} s of warming up; one worker; gold asked every {ASK_EVERY_S * 1000:.0f} ms.",
    )


def rows(rig: Rig, traffic: Sequence[WebEvent], *, rate: float, partitions: int) -> list[tuple[str, ...]]:
    """A row for each gold that is asked."""
    lanes = spread(traffic, partitions=partitions)
    topic = rig.new_topic(partitions=partitions)
    with running(rig, topic=topic, partitions=partitions) as site:
        feed = Feed(rig, topic, lanes, rate=rate, partitions=partitions)
        client = site.reader()
        visible = {name: Visible(partitions) for name in ("gold of events", "gold of sessions")}
        deadline = time.monotonic() + rig.limit_s + WARM_UP_S + MEASURED_S
        while any(one.count < len(lanes) for one in visible.values()):
            if time.monotonic() > deadline:
                raise BenchError("gold does not keep up with half of the rate that was measured for row c")
            answer, at = client.query(SQL).result_rows, time.monotonic()
            for name, site_id, count in answer:
                visible[name].see(feed.sent, partition=int(site_id), count=count, at=at)
            time.sleep(ASK_EVERY_S)
        client.close()
    return [
        (str(partitions), *row(name, one.delays_s(after=feed.began + WARM_UP_S)))
        for name, one in visible.items()
    ]


def spread(traffic: Sequence[WebEvent], *, partitions: int) -> list[tuple[int, Keyed]]:
    """Partition and message of each event; a visitor keeps to one partition, and its number is the site."""
    encoder = msgspec.json.Encoder()
    lanes = []
    for event in traffic:
        partition = zlib.crc32(event.key) % partitions
        moved = msgspec.structs.replace(event, site_id=str(partition))
        lanes.append((partition, (moved.key, encoder.encode(moved))))
    return lanes


class Feed:
    """Produces at an even rate in a thread of its own; ``sent[p]``: when, for each event of partition p."""

    def __init__(
        self, rig: Rig, topic: str, lanes: Sequence[tuple[int, Keyed]], *, rate: float, partitions: int
    ) -> None:
        self.sent: list[list[float]] = [[] for _ in range(partitions)]
        self.began = time.monotonic()
        self._producer = rig.producer()
        threading.Thread(target=self._run, args=(topic, lanes, rate), daemon=True).start()

    def _run(self, topic: str, lanes: Sequence[tuple[int, Keyed]], rate: float) -> None:
        for number, (partition, (key, value)) in enumerate(lanes):
            ahead_s = self.began + number / rate - time.monotonic()
            if ahead_s > 0:
                time.sleep(ahead_s)
            self.sent[partition].append(time.monotonic())
            self._producer.produce(topic, value, key, partition=partition, on_delivery=refuse_failure)
            self._producer.poll(0)
        self._producer.flush()


class Visible:
    """Which events of each partition one gold has shown, and when it first did."""

    def __init__(self, partitions: int) -> None:
        self._counts = [0] * partitions
        self._seen: list[tuple[float, float]] = []

    @property
    def count(self) -> int:
        """Events seen so far."""
        return sum(self._counts)

    def see(self, sent: Sequence[Sequence[float]], *, partition: int, count: int, at: float) -> None:
        """At this moment gold counted so many events of the partition."""
        before = self._counts[partition]
        self._seen += [(moment, at) for moment in sent[partition][before:count]]
        self._counts[partition] = max(before, count)

    def delays_s(self, *, after: float) -> list[float]:
        """From sent to seen, for what was sent after that moment."""
        return [seen - moment for moment, seen in self._seen if moment > after]


def row(name: str, delays_s: Sequence[float]) -> tuple[str, ...]:
    """The quantiles as text."""
    cuts = quantiles(delays_s, n=100)
    values = (cuts[49], cuts[89], cuts[98], max(delays_s))
    return (name, *(f"{value * 1000:,.0f}" for value in values), f"{len(delays_s):,}")
