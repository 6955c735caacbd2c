"""``wua replay`` as people run it: files in, a summary out, the same numbers in every layer."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from app.adapters.clickhouse import open_client
from app.settings import ClickHouseSettings
from tests.factories import MINUTE, T0, wire
from tests.real_log import REAL_LOG, with_real_log

ROOT = Path(__file__).parents[2]
WUA = Path(sys.executable).parent / "wua"


def wua(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(WUA), *map(str, arguments)],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def replay(*arguments: str | Path) -> dict[str, Any]:
    done = wua("replay", *arguments, "--drain")
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    assert summary["received"] == (
        summary["accepted"] + summary["duplicates"] + sum(summary["rejected_by_reason"].values())
    )
    return summary


@contextlib.contextmanager
def asking(data: Path) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Ask the data directory's engine in this process, once nobody else has it."""
    clickhouse = ClickHouseSettings(url=f"chdb://{data / 'clickhouse'}")
    client = open_client(clickhouse, readonly=True)
    client.database = clickhouse.database
    try:
        yield lambda sql: list(client.query(sql).named_results())
    finally:
        client.close()


def test_json_lines_are_accounted_for_line_by_line(tmp_path):
    file = tmp_path / "events.jsonl"
    lines = [json.dumps(wire(at=T0 + step * MINUTE)) for step in range(3)]
    lines[2:2] = ["", "{broken", json.dumps(wire(event_type="nope")), lines[0]]
    file.write_text("\n".join(lines) + "\n")
    summary = replay(file, "--format", "jsonl", "--site", "shop", "--data", tmp_path / "data")
    assert summary["rejected_by_reason"] == {
        "empty_body": 1,
        "malformed_json": 1,
        "unknown_event_type": 1,
    }
    figures = ("received", "accepted", "duplicates", "sessions", "page_views", "visitors")
    assert [summary[name] for name in figures] == [7, 3, 1, 1, 3, 1]


def test_a_broken_log_line_is_counted_with_its_number(tmp_path):
    file = tmp_path / "access.log"
    good = '192.0.2.1 - - [02/Mar/2026:10:00:0{} +0000] "GET /p{} HTTP/1.1" 200 12 "-" "Mozilla/5.0"'
    file.write_text("\n".join([good.format(1, 1), "what is this", good.format(2, 2)]) + "\n")
    done = wua(
        "replay",
        file,
        "--format",
        "combined",
        "--site",
        "shop.example",
        "--data",
        tmp_path / "data",
        "--drain",
    )
    summary = json.loads(done.stdout)
    assert (summary["received"], summary["accepted"]) == (3, 2)
    assert summary["rejected_by_reason"] == {"not_a_log_line": 1}
    assert "line 2: not_a_log_line" in done.stderr


def test_a_file_that_is_not_there_is_named():
    done = wua("replay", "nowhere.log", "--format", "combined", "--site", "s")
    assert (done.returncode, done.stderr) == (1, "wua: no such file: nowhere.log\n")


@with_real_log
def test_a_real_log_has_the_sessions_that_webalizer_counts_also_when_fed_twice(tmp_path):
    data = tmp_path / "data"
    options = ("--format", "combined", "--site", "semicomplete", "--visitor", "ip", "--pages", "all")
    first = replay(REAL_LOG, *options, "--data", data)
    assert (first["received"], first["accepted"], first["sessions"]) == (10_000, 10_000, 3_052)
    with asking(data) as ask:
        gold = everything(ask)
        assert gold[0] == recount(ask) == {"visitors": 1753, "sessions": 3052, "page_views": 10_000}

    again = replay(REAL_LOG, *options, "--data", data)
    assert (again["accepted"], again["duplicates"]) == (0, 10_000)
    with asking(data) as ask:
        assert everything(ask) == gold


def everything(ask: Callable[[str], list[dict[str, Any]]]) -> list[Any]:
    """The headline figures, and each gold's rows summed up."""
    headline = ask(
        "SELECT toInt32(uniqCombined64Merge(16)(visitors)) AS visitors, "
        "(SELECT toInt32(sum(sessions)) FROM session_analytics) AS sessions, "
        "toInt32(sum(page_views)) AS page_views FROM daily_user_metrics",
    )
    sums = [
        ask(f"SELECT sum(rows) AS rows FROM {gold}")
        for gold in (
            "page_performance_metrics",
            "events_per_minute",
            "events_per_quarter_hour",
            "events_per_hour",
            "events_per_day",
            "session_analytics",
            "traffic_sources_daily",
            "device_breakdown_daily",
        )
    ]
    return [*headline, sums]


def recount(ask: Callable[[str], list[dict[str, Any]]]) -> dict[str, int]:
    """From the payloads in bronze alone: visitors, sessions by a pause of over 30 minutes, page views."""
    rows = ask(
        "SELECT JSONExtractString(payload, 'visitor_id') AS visitor, "
        "toInt64(JSONExtractUInt(payload, 'occurred_at')) AS at FROM page_views_bronze",
    )
    times: dict[str, list[int]] = {}
    for row in rows:
        times.setdefault(row["visitor"], []).append(int(row["at"]))
    sessions = 0
    for visits in times.values():
        visits.sort()
        pauses = [later - earlier for earlier, later in pairwise(visits)]
        sessions += 1 + sum(pause > 30 * MINUTE for pause in pauses)
    return {"visitors": len(times), "sessions": sessions, "page_views": len(rows)}


def test_enrich_says_what_the_pipeline_decides_and_touches_no_store(tmp_path):
    lines = [json.dumps(wire(user_agent="curl/8.0", referrer="https://www.google.com/")), "{"]
    done = wua("enrich", stdin="\n".join(lines))
    accepted, rejected = map(json.loads, done.stdout.splitlines())
    assert (accepted["outcome"], accepted["is_bot"]) == ("accepted", True)
    assert accepted["traffic"]["channel"] == "Organic Search"
    assert (rejected["outcome"], rejected["step"], rejected["reason"]) == (
        "rejected",
        "decode",
        "malformed_json",
    )


def test_simulated_traffic_is_the_wire_contract_and_repeatable(tmp_path):
    options = ("simulate", "--events", "50", "--seed", "7", "--end-ms", str(T0))
    first, second = wua(*options), wua(*options)
    assert first.stdout == second.stdout
    file = tmp_path / "simulated.jsonl"
    file.write_text(first.stdout)
    enriched = wua("enrich", stdin=first.stdout)
    assert {json.loads(line)["outcome"] for line in enriched.stdout.splitlines()} == {"accepted"}
