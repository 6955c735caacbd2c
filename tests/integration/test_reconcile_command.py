"""``wua reconcile``: what it prints, what it ends with, and when it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.adapters.clickhouse import open_client
from app.cli import main
from app.commands import reconcile
from app.embedded.engine import ChdbEngine
from app.embedded.place import published
from app.settings import BrokerSettings
from migrations.runner import migrate
from tests.integration.engines import settings_for
from tests.kafka.jvm import free_ports
from tests.sql.holes import delete, event_block
from tests.sql.store import Store

RUN = "from app.cli import main; main()"


@contextmanager
def opened(data: Path) -> Iterator[Store]:
    """The directory's engine; nobody else may have it meanwhile."""
    with ChdbEngine(data / "clickhouse") as engine:
        client = open_client(settings_for(engine.url), readonly=False)
        yield Store(client, "wua")
        client.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with two blocks, of which one gold has lost its rows."""
    with opened(tmp_path) as store:
        migrate(store.client, database="wua")
        for number in (1, 2):
            store.insert(event_block(number))
        delete(store, "daily_user_metrics", where="local_date = '2015-05-18'")
    return tmp_path


def test_it_tells_what_differs_then_mends_it_then_all_agree(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["reconcile", "--data", str(data)]
    assert main(asked) == 1
    told = capsys.readouterr().out
    assert "`wua reconcile --repair` rebuilds what can be" in told
    [row] = [line for line in told.splitlines() if "daily_user_metrics" in line and " rows " in line]
    cells = [cell.strip() for cell in row.strip("│┃ ").split("│")]
    assert cells == [
        "daily_user_metrics",
        "user_behavior_silver",
        "shop",
        "2015-05-18",
        "rows",
        "2",
        "0",
        "-2",
    ]
    assert main([*asked, "--repair"]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-2:] == [
        "rebuilt daily_user_metrics: 1 days, partitions 2015",
        "bronze, silver and every gold agree",
    ]
    assert main(asked) == 0
    assert main([*asked, "--repair"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "bronze, silver and every gold agree"


def test_it_speaks_json(data: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["reconcile", "--data", str(data), "--json", "--site", "shop"]) == 1
    report = json.loads(capsysbinary.readouterr().out)
    assert report["rebuilt"] == []
    [difference] = report["differences"]
    assert (difference["table"], difference["day"], difference["keys"]) == (
        "daily_user_metrics",
        "2015-05-18",
        1,
    )
    assert difference["figures"]["rows"] == {"wanted": 2, "found": 0}


def test_other_sites_and_days_are_left_out(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for scope in (["--site", "other"], ["--to", "2015-05-17"], ["--from", "2015-05-19"]):
        assert main(["reconcile", "--data", str(data), *scope]) == 0
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main(["reconcile", "--from", "yesterday"])
    assert "expected a day such as 2026-03-01" in capsys.readouterr().err


def test_what_cannot_be_rebuilt_is_said_to_be_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(data) as store:
        delete(store, "user_behavior_silver", where="_offset < 20")
    assert main(["reconcile", "--data", str(data), "--repair"]) == 1
    assert "What is left cannot be rebuilt from what ClickHouse keeps" in capsys.readouterr().out


def test_a_running_stack_is_compared_and_not_rebuilt(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", RUN, "clickhouse", "--data", str(data), "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as front, published(url, data):
        try:
            while reconcile.clickhouse_url(data) != url:
                assert front.poll() is None
                time.sleep(0.05)
            assert main(["reconcile", "--data", str(data)]) == 1
            assert main(["reconcile", "--data", str(data), "--repair"]) == 1
        finally:
            front.terminate()
    assert "a stack runs over this directory; stop it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("committed", "status", "said"),
    [
        ({0: 30}, 0, ""),
        ({0: 29}, 1, "partitions not yet committed by web-user-analytics: 0 (block up to 29)"),
        ({}, 1, "let a worker catch up, stop the workers with SIGTERM"),
    ],
)
def test_on_kafka_every_block_must_be_committed(
    data: Path,
    committed: dict[int, int],
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A block that may be sent once more would count twice."""

    async def answer(broker: BrokerSettings, *, group: str) -> dict[int, int]:
        return committed

    monkeypatch.setattr(reconcile, "committed", answer)
    monkeypatch.setenv("WUA_CLICKHOUSE__URL", f"chdb://{data / 'clickhouse'}")
    assert main(["reconcile", "--repair"]) == status
    assert said in capsys.readouterr().err


def test_without_kafka_nothing_is_rebuilt(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WUA_CLICKHOUSE__URL", f"chdb://{data / 'clickhouse'}")
    monkeypatch.setenv("WUA_BROKER__URL", "kafka://127.0.0.1:1")
    assert main(["reconcile", "--repair"]) == 1
    assert "Kafka at 127.0.0.1:1 does not say" in capsys.readouterr().err
    assert main(["reconcile"]) == 1


def test_a_cluster_is_compared_and_not_rebuilt(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WUA_CLICKHOUSE__CLUSTER", "main")
    assert main(["reconcile", "--data", str(data), "--repair"]) == 1
    assert "clickhouse.cluster = 'main'" in capsys.readouterr().err
    assert main(["reconcile", "--data", str(data)]) == 1
