"""Every Prometheus series of the product; docs/METRICS.md lists them.

Children of labelled series are kept by their users: ``.labels()`` costs more than ``.inc()``.
"""

from __future__ import annotations

import math
from collections import Counter as Buckets
from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from app.events.vocabulary import BotReason, RejectReason, Step

STAGES = ("examine", "fold", "sink", "state")
WINDOW_S = 300.0
THROUGHPUT_S = 10.0
LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class RepairOutcome(StrEnum):
    """What came of looking after a block that the engine's end may have torn."""

    FILLED = "filled"
    UNSETTLED = "unsettled"
    FAILED = "failed"


class WorkerMetrics:
    """Series of one worker, in a registry of their own so that several may live in one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        at = self.registry
        self.received = Counter("wua_events_received", "Events read from web_events.", registry=at)
        self.accepted = Counter("wua_events_accepted", "Events that became rows.", registry=at)
        self.duplicates = Counter("wua_events_duplicate", "Events seen before.", registry=at)
        self.rejected = Counter("wua_events_rejected", "Events refused.", ["reason", "step"], registry=at)
        self.bots = Counter("wua_events_bot", "Accepted events flagged as bot traffic.", registry=at)
        self.bot_reasons = Counter(
            "wua_events_bot_reason",
            "The same by reason; an event counts under each that holds.",
            ["reason"],
            registry=at,
        )
        self.unopened = Counter(
            "wua_addresses_unopened",
            "Events whose network address was sealed under another key; they have no place by address.",
            registry=at,
        )
        self.erasures = Counter("wua_erasures", "Messages that asked to forget a visitor.", registry=at)
        self.blocks = Counter("wua_blocks", "Blocks handled to the end.", ["partition"], registry=at)
        self.sessions = Counter("wua_session_rows", "Session rows written.", ["sign"], registry=at)
        self.lag = Gauge("wua_consumer_lag", "Events not yet committed.", ["partition"], registry=at)
        self.state_keys = Gauge("wua_state_keys", "Visitors in the state store.", ["partition"], registry=at)
        self.event_latency = Histogram(
            "wua_event_latency_seconds",
            "From received by the collector to visible in ClickHouse.",
            buckets=LATENCY_BUCKETS_S,
            registry=at,
        )
        self.event_latency_quantile = Gauge(
            "wua_event_latency_quantile_seconds",
            "The same over the last 5 minutes, at 0.5, 0.95 and 0.99.",
            ["quantile"],
            registry=at,
        )
        self.throughput = Gauge("wua_events_per_second", "Events handled in the last 10 s.", registry=at)
        self.bot_share = Gauge("wua_bot_share", "Bots among the accepted of the last 5 minutes.", registry=at)
        self.repairs = Counter(
            "wua_block_repairs",
            "Tables that lacked a block after the engine's unclean end: filled; unsettled and failed ask for "
            "`wua reconcile`.",
            ["table", "outcome"],
            registry=at,
        )
        seconds = Counter("wua_block_seconds", "Time spent in a stage of blocks.", ["stage"], registry=at)
        self.stages = {stage: seconds.labels(stage) for stage in STAGES}
        self._latencies = QuantileWindow()
        self._recent: deque[tuple[float, int, int, int]] = deque()

    def count_block(
        self,
        *,
        partition: int,
        accepted: int,
        duplicates: int,
        rejected: Mapping[tuple[RejectReason, Step], int],
        bots: Mapping[BotReason, int],
        signs: Sequence[int],
        latencies_ms: Sequence[int],
        now_s: float,
    ) -> None:
        """Add what a block came to.

        ``bots`` are by the reasons that hold together; ``latencies_ms`` are those of live events.
        """
        refused = sum(rejected.values())
        self.received.inc(accepted + duplicates + refused)
        self.accepted.inc(accepted)
        self.duplicates.inc(duplicates)
        flagged = sum(bots.values())
        self.bots.inc(flagged)
        for reasons, count in bots.items():
            for label in reasons.labels:
                self.bot_reasons.labels(label).inc(count)
        self.blocks.labels(partition).inc()
        for (reason, step), count in rejected.items():
            self.rejected.labels(reason, step).inc(count)
        for sign in (-1, 1):
            self.sessions.labels(sign).inc(signs.count(sign))
        for latency_ms in latencies_ms:
            self.event_latency.observe(latency_ms / 1000)
        self._latencies.observe(latencies_ms, now_s=now_s)
        self._recent.append((now_s, accepted + duplicates + refused, accepted, flagged))

    def refresh(self, *, now_s: float) -> None:
        """Set the gauges that look back over the last minutes."""
        quantiles = (0.5, 0.95, 0.99)
        values = self._latencies.quantiles(quantiles, now_s=now_s)
        for quantile, value_ms in zip(quantiles, values, strict=True):
            self.event_latency_quantile.labels(quantile).set(value_ms / 1000)
        while self._recent and self._recent[0][0] < now_s - WINDOW_S:
            self._recent.popleft()
        lately = [block for block in self._recent if block[0] >= now_s - THROUGHPUT_S]
        self.throughput.set(sum(received for _, received, _, _ in lately) / THROUGHPUT_S)
        accepted = sum(block[2] for block in self._recent)
        self.bot_share.set(sum(block[3] for block in self._recent) / accepted if accepted else 0.0)


class WebMetrics:
    """Series of one web process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        at = self.registry
        self.requests = Counter(
            "wua_http_requests", "Requests answered.", ["method", "route", "status"], registry=at
        )
        self.request_seconds = Histogram(
            "wua_http_request_seconds",
            "Time to answer.",
            ["route"],
            buckets=LATENCY_BUCKETS_S,
            registry=at,
        )
        self.collected = Counter(
            "wua_collector_events", "Events posted, by what became of them.", ["outcome"], registry=at
        )
        self.collector_rejected = Counter(
            "wua_collector_rejected", "Posted events refused.", ["reason"], registry=at
        )


class QuantileWindow:
    """Quantiles of what was observed in the last five minutes, within 5 %; logarithmic buckets by 10 s."""

    SLICE_S = 10
    SLICES = 30
    STEP = math.log(1.1)

    def __init__(self) -> None:
        self._slices: deque[tuple[int, Buckets[int]]] = deque(maxlen=self.SLICES)

    def observe(self, values: Sequence[float], *, now_s: float) -> None:
        """Add values, each at least 0."""
        if not values:
            return
        slot = int(now_s) // self.SLICE_S
        if not self._slices or self._slices[-1][0] != slot:
            self._slices.append((slot, Buckets()))
        self._slices[-1][1].update(int(math.log(max(value, 1.0)) / self.STEP) for value in values)

    def quantiles(self, shares: Sequence[float], *, now_s: float) -> list[float]:
        """The value below which each share of the observations lies; 0 where nothing was observed."""
        oldest = int(now_s) // self.SLICE_S - self.SLICES
        total: Buckets[int] = Buckets()
        for slot, buckets in self._slices:
            if slot > oldest:
                total.update(buckets)
        return [self._at(total, share) for share in shares]

    def _at(self, buckets: Buckets[int], share: float) -> float:
        wanted = share * buckets.total()
        reached = 0
        for bucket in sorted(buckets):
            reached += buckets[bucket]
            if reached >= wanted:
                return math.exp((bucket + 0.5) * self.STEP)
        return 0.0
