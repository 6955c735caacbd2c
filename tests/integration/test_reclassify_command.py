"""``wua reclassify``: what it prints and writes, and when it refuses."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from app.cli import main
from app.commands.doctor import Finding, judged
from app.commands.reclassify import refuse_reachable
from app.commands.reconcile import patient_settings
from app.errors import ReconcileError
from migrations.runner import migrate
from tests.factories import rules
from tests.integration.test_reconcile_command import opened
from tests.sql.test_reclassify import fill

DAYS = ["--site", "shop", "--from", "2015-05-17", "--to", "2015-05-17"]


@pytest.fixture(autouse=True)
def _quiet_after() -> Iterator[None]:
    """The command sets the log up; what comes after must not write to what is closed by then."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory whose events were judged by other rules."""
    with opened(tmp_path) as store:
        migrate(store.client, database="wua")
        fill(store, is_right=False)
    return tmp_path


def test_it_tells_what_differs_then_writes_it_then_nothing_differs(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["reclassify", "--data", str(data), *DAYS]
    for _ in range(2):
        assert main([*asked, "--dry-run"]) == 0
        told = capsys.readouterr().out
        assert told.startswith("3 events compared, 3 decided otherwise today; 0 without a payload")
        assert "written" not in told
        [row] = [line for line in told.splitlines() if "Email" in line]
        assert [cell.strip() for cell in row.strip("│┃ ").split("│")] == ["channel", "Referral", "Email", "1"]
    assert main(asked) == 0
    assert "written: 3 events, 2 sessions, " in capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["compared"]["changed"], report["done"]["events"], report["done"]["sessions"]) == (0, 0, 0)
    assert main(["reconcile", "--data", str(data)]) == 0


def test_days_that_other_rules_decided_are_named_then_judged_then_there_are_none(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["reclassify", "--data", str(data), "--outdated"]
    assert main([*asked, "--dry-run", "--json"]) == 0
    (day,) = json.loads(capsys.readouterr().out)["outdated"]
    assert (day["site_id"], day["day"], day["events"], day["versions"]) == (
        "shop",
        "2015-05-17",
        3,
        ["unknown"],
    )
    assert main([*asked, "--dry-run"]) == 0
    told = capsys.readouterr()
    assert "1 days that other rules decided" in told.out
    assert "compare: shop 2015-05-17, 1 of 1; 3 rows" in told.err
    assert main(asked) == 0
    told = capsys.readouterr()
    assert "written: 3 events, 2 sessions, " in told.out
    assert "write user_behavior_silver: 201505, 1 of 1" in told.err
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["outdated"], report["compared"]["events"], report["done"]["rebuilt"]) == ([], 0, [])
    assert main([*asked, "--site", "shop"]) == 0
    assert "no day was decided by other rules than today's" in capsys.readouterr().out


def test_the_doctor_tells_of_days_that_other_rules_decided_and_is_content(data: Path) -> None:
    def finding() -> Finding:
        return asyncio.run(judged(patient_settings(data)))

    before = finding()
    assert (before.ok, before.seen[:6]) == (True, "1 days")
    assert "wua reclassify --outdated" in before.to_do
    assert main(["reclassify", "--data", str(data), "--outdated"]) == 0
    after = finding()
    assert (after.ok, after.seen, after.to_do) == (
        True,
        "every stored event was decided by those of today",
        "",
    )


def test_where_the_doctor_cannot_compare_it_says_so(tmp_path: Path) -> None:
    finding = asyncio.run(judged(patient_settings(tmp_path)))
    assert not finding.ok
    assert "no schema" in finding.seen


def test_a_site_and_days_have_to_be_said_but_for_outdated_ones(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for said in ([], DAYS[:2], DAYS[2:]):
        assert main(["reclassify", "--data", str(data), *said]) == 1
        assert "say --site, --from and --to, or --outdated" in capsys.readouterr().err


def test_outdated_days_of_a_site_where_a_campaign_begins_a_session_stay(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WUA_SESSIONS__SPLIT_AT_CAMPAIGN", "true")
    assert main(["reclassify", "--data", str(data), "--outdated"]) == 0
    told = capsys.readouterr()
    assert "shop: sessions.split_at_campaign: stays as it is" in told.err
    assert "written: 0 events" in told.out


def test_sessions_that_may_still_change_are_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refuse_reachable(None, rules=rules(), site_id="shop")
    now = datetime.now(UTC)
    reach = timedelta(milliseconds=rules().reach_ms)
    refuse_reachable(now - reach - timedelta(minutes=1), rules=rules(), site_id="shop")
    with pytest.raises(ReconcileError, match=r"its session may change until .*: end the period earlier"):
        refuse_reachable(now - reach + timedelta(minutes=1), rules=rules(), site_id="shop")


def test_where_a_campaign_begins_a_session_it_only_compares(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WUA_SESSIONS__SPLIT_AT_CAMPAIGN", "true")
    assert main(["reclassify", "--data", str(data), *DAYS]) == 1
    assert "look at the differences with --dry-run" in capsys.readouterr().err
    assert main(["reclassify", "--data", str(data), *DAYS, "--dry-run"]) == 0


def test_a_cluster_is_compared_only(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WUA_CLICKHOUSE__CLUSTER", "main")
    assert main(["reclassify", "--data", str(data), *DAYS]) == 1
    assert "clickhouse.cluster = 'main'" in capsys.readouterr().err
