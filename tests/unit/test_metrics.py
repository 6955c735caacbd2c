"""What is counted for a block, and what the gauges say of the last minutes."""

from __future__ import annotations

import math
import random

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.events.vocabulary import BotReason, RejectReason, Step
from app.metrics import THROUGHPUT_S, WINDOW_S, QuantileWindow, WebMetrics, WorkerMetrics

AI, SPIDER = BotReason.AI_CRAWLER, BotReason.SPIDER
NOW_S = 1_700_000_000.0


def count(metrics, *, now_s=NOW_S, **changes):
    given = {
        "partition": 0,
        "accepted": 0,
        "duplicates": 0,
        "rejected": {},
        "bots": {},
        "signs": [],
        "latencies_ms": [],
    }
    metrics.count_block(**(given | changes), now_s=now_s)


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


def test_received_is_the_sum_of_what_became_of_the_events():
    metrics = WorkerMetrics()
    rejected = {(RejectReason.LATE, Step.TIME): 2, (RejectReason.MALFORMED_JSON, Step.DECODE): 3}
    count(
        metrics,
        partition=4,
        accepted=10,
        duplicates=5,
        rejected=rejected,
        bots={AI | SPIDER: 1},
        signs=[1, -1, 1],
    )
    count(metrics, partition=4, accepted=1, rejected={(RejectReason.LATE, Step.TIME): 1})
    assert value(metrics, "wua_events_received_total") == 22
    assert value(metrics, "wua_events_accepted_total") == 11
    assert value(metrics, "wua_events_duplicate_total") == 5
    assert value(metrics, "wua_events_rejected_total", reason="late", step="time") == 3
    assert value(metrics, "wua_events_rejected_total", reason="malformed_json", step="decode") == 3
    assert value(metrics, "wua_events_bot_total") == 1
    assert value(metrics, "wua_events_bot_reason_total", reason="ai_crawler") == 1
    assert value(metrics, "wua_events_bot_reason_total", reason="spider") == 1
    assert value(metrics, "wua_blocks_total", partition="4") == 2
    assert value(metrics, "wua_session_rows_total", sign="1") == 2
    assert value(metrics, "wua_session_rows_total", sign="-1") == 1


def test_latencies_are_in_seconds():
    metrics = WorkerMetrics()
    count(metrics, accepted=2, latencies_ms=[20, 700])
    assert value(metrics, "wua_event_latency_seconds_sum") == pytest.approx(0.72)
    assert value(metrics, "wua_event_latency_seconds_bucket", le="0.025") == 1
    assert value(metrics, "wua_event_latency_seconds_bucket", le="1.0") == 2
    metrics.refresh(now_s=NOW_S)
    assert value(metrics, "wua_event_latency_quantile_seconds", quantile="0.99") == pytest.approx(
        0.7, rel=0.05
    )


@pytest.mark.parametrize(
    ("age_s", "per_second", "share"),
    [
        (0, 40 / THROUGHPUT_S, 0.25),
        (THROUGHPUT_S, 40 / THROUGHPUT_S, 0.25),
        (THROUGHPUT_S + 0.1, 0, 0.25),
        (WINDOW_S, 0, 0.25),
        (WINDOW_S + 0.1, 0, 0),
    ],
)
def test_the_gauges_look_back_ten_seconds_for_throughput_and_five_minutes_for_bots(age_s, per_second, share):
    metrics = WorkerMetrics()
    count(metrics, accepted=32, duplicates=8, bots={AI: 5, SPIDER: 3})
    metrics.refresh(now_s=NOW_S + age_s)
    assert value(metrics, "wua_events_per_second") == pytest.approx(per_second)
    assert value(metrics, "wua_bot_share") == share


def test_before_any_event_the_gauges_are_zero():
    metrics = WorkerMetrics()
    metrics.refresh(now_s=NOW_S)
    assert value(metrics, "wua_events_per_second") == 0
    assert value(metrics, "wua_bot_share") == 0
    assert value(metrics, "wua_event_latency_quantile_seconds", quantile="0.5") == 0


def test_several_workers_and_a_web_server_may_be_counted_in_one_process():
    one, other = WorkerMetrics(), WorkerMetrics()
    count(one, accepted=1)
    assert value(other, "wua_events_accepted_total") == 0
    given = CollectorRegistry()
    assert WebMetrics(given).registry is given
    assert b"wua_http_requests" in generate_latest(given)


# Quantiles


def test_quantiles_are_within_five_percent():
    numbers = random.Random(1)
    values = sorted(numbers.lognormvariate(5, 2) + 1 for _ in range(20_000))
    window = QuantileWindow()
    window.observe(values, now_s=NOW_S)
    shares = (0.5, 0.9, 0.95, 0.99)
    for share, found in zip(shares, window.quantiles(shares, now_s=NOW_S), strict=True):
        assert found == pytest.approx(values[math.ceil(share * len(values)) - 1], rel=0.05)


@pytest.mark.parametrize("latency_ms", [1, 2, 9.5, 100, 86_400_000])
def test_a_single_value_is_every_quantile(latency_ms):
    window = QuantileWindow()
    window.observe([latency_ms], now_s=NOW_S)
    assert window.quantiles((0.01, 0.5, 0.99), now_s=NOW_S) == pytest.approx([latency_ms] * 3, rel=0.05)


@pytest.mark.parametrize("latency_ms", [-50, 0, 0.2])
def test_what_is_under_a_millisecond_counts_as_one(latency_ms):
    window = QuantileWindow()
    window.observe([latency_ms], now_s=NOW_S)
    assert window.quantiles((0.5,), now_s=NOW_S) == pytest.approx([1], rel=0.05)


@pytest.mark.parametrize(("later_s", "is_known"), [(0, True), (290, True), (300, False), (10_000, False)])
def test_values_are_forgotten_after_five_minutes(later_s, is_known):
    window = QuantileWindow()
    window.observe([100], now_s=NOW_S)
    assert (window.quantiles((0.5,), now_s=NOW_S + later_s) != [0]) is is_known


def test_old_values_give_way_while_new_ones_arrive():
    window = QuantileWindow()
    for second in range(1000):
        window.observe([10_000 if second < 600 else 10], now_s=NOW_S + second)
    assert window.quantiles((0.99,), now_s=NOW_S + 999) == pytest.approx([10], rel=0.05)


def test_nothing_observed_is_nothing_known():
    window = QuantileWindow()
    window.observe([], now_s=NOW_S)
    assert window.quantiles((0.5, 0.99), now_s=NOW_S) == [0, 0]
