"""ClickHouse fails in each of its ways: nothing is lost, and the log says what to do. `make crash`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import outages
from tests.e2e.crash import rounds, traffic
from tests.e2e.deployment import deployed, may_have_small_disk
from tests.e2e.strikes import Strike
from tests.e2e.test_crash import EVENTS_A_ROUND
from tests.kafka.broker import Kafka

#: Room for what is written here.
DISK_MB = 256

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.asyncio]


@pytest.mark.parametrize(
    ("outage", "says"),
    [
        (
            outages.clickhouse_away,
            [
                "no answer from ClickHouse",
                "Connection refused",
                "Check clickhouse.url and that the server is up",
                "sink.recovered",
            ],
        ),
        (
            outages.disk_full,
            ["243 NOT_ENOUGH_SPACE", "To do: free space on ClickHouse's disk", "sink.recovered"],
        ),
        (
            outages.refused_for_now,
            ["To do: ClickHouse refuses writes for now: check the replica", "To do: merges cannot keep up"],
        ),
        (outages.throwing_view, ["ClickHouse error 395", "To do: a view throws", "session_analytics_mv"]),
        (outages.missing_gold, ["60 UNKNOWN_TABLE", "To do: a table is missing", "session_analytics"]),
    ],
    ids=lambda value: getattr(value, "__name__", "log"),
)
async def test_nothing_is_lost_and_the_log_says_what_to_do(
    kafka: Kafka,
    tmp_path: Path,
    outage: Strike,
    says: list[str],
    record_property: Callable[[str, object], None],
) -> None:
    disk_mb = DISK_MB if outage is outages.disk_full and may_have_small_disk(tmp_path) else 0
    with deployed(kafka, tmp_path, disk_mb=disk_mb) as deployment:
        outcome = await rounds(deployment, count=1, strike=outage, events=traffic(2 * EVENTS_A_ROUND))
        log = deployment.worker_logs()
    how = " (a real one)" if disk_mb else ""
    record_property("crash", outcome.row(f"{outage.__name__}{how}"))
    assert outcome.is_exact, f"lost {outcome.lost}, doubled {outcome.doubled}"
    assert [text for text in says if text not in log] == []
