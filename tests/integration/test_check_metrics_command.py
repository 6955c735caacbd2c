"""``wua check-metrics``: what it prints and ends with, of a directory that a real replay filled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.adapters.clickhouse import open_client
from app.cli import main
from app.embedded.engine import ChdbEngine
from tests.integration.engines import settings_for
from tests.integration.test_replay_command import replay
from tests.log_lines import log_line
from tests.real_log import REAL_LOG, with_real_log


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a few visitors, some of whom go on after midnight."""
    place = tmp_path_factory.mktemp("checked")
    lines = [
        log_line(
            client=f"203.0.113.{number % 7}",
            time=f"{17 + number // 40}/May/2015:{(20 + number // 10) % 24:02}:{number % 60:02}:03 +0000",
            request=f"GET /p{number % 5} HTTP/1.1",
            referrer="https://www.google.com/" if number % 3 else "-",
        )
        for number in range(80)
    ]
    file = place / "access.log"
    file.write_bytes(b"".join(lines))
    options = ("--format", "combined", "--site", "blog", "--visitor", "ip", "--pages", "all")
    assert replay(file, *options, "--data", place / "data")["accepted"] == 80
    return place / "data"


def test_everything_holds_of_what_was_replayed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-metrics", "--data", str(data)]) == 0
    told = capsys.readouterr().out
    assert "visitors <= sessions <= events, in all" in told
    assert " no " not in told
    assert told.splitlines()[-1] == "bronze, silver and every gold agree"


@with_real_log
def test_everything_holds_of_a_real_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--format", "combined", "--site", "semicomplete", "--visitor", "ip", "--pages", "all")
    assert replay(REAL_LOG, *options, "--data", tmp_path / "data")["accepted"] == 10_000
    assert main(["check-metrics", "--data", str(tmp_path / "data"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["identities"]) > 15
    assert {one["difference"] for one in found["identities"]} == {""}
    assert found["differences"] == []


def test_what_does_not_hold_is_shown_and_ends_with_one(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChdbEngine(data / "clickhouse") as engine:
        client = open_client(settings_for(engine.url), readonly=False)
        client.command(
            "INSERT INTO wua.traffic_sources_daily SELECT * FROM wua.traffic_sources_daily LIMIT 1"
        )
        client.close()
    assert main(["check-metrics", "--data", str(data), "--site", "blog"]) == 1
    told = capsys.readouterr().out
    assert "gold: traffic_sources_daily = silver: sessions_silver" in told
    assert " no " in told
    assert "`wua reconcile --repair` rebuilds what can be" in told


def test_a_site_without_events_has_nothing_to_check(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-metrics", "--data", str(data), "--site", "nobody"]) == 1
    assert "nothing of it is stored" in capsys.readouterr().err
