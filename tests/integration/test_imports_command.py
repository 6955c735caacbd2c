"""``wua import`` as people run it, and what is kept of Plausible's days."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.adapters.clickhouse import open_client
from app.settings import ClickHouseSettings
from tests.exports import VISITORS, plausible_csv, plausible_files, umami_csv, umami_row, zipped
from tests.integration.test_replay_command import asking, wua

OF_PLAUSIBLE = ("--from", "plausible", "--site", "shop")


def days(data: Path) -> dict[str, int]:
    """Day -> visitors in all, as the view gives them."""
    with asking(data) as ask:
        rows = ask(
            "SELECT * FROM imported_days(site = 'shop', since = '2024-01-01', until = '2025-01-01', "
            "dimension = 'total')"
        )
    return {str(row["local_date"]): row["visitors"] for row in rows}


def test_plausibles_days_are_kept_apart_listed_replaced_and_removed(tmp_path):
    data, file = tmp_path / "data", zipped(tmp_path / "export.zip", plausible_files())
    first = wua("import", file, *OF_PLAUSIBLE, "--data", data)
    assert first.returncode == 0, first.stderr
    assert "12 lines, 12 taken, days 2024-03-01 to 2024-03-02" in first.stdout
    assert "export.zip: 100 %, 12 lines" in first.stderr
    assert days(data) == {"2024-03-01": 10, "2024-03-02": 7}
    with asking(data) as ask:
        rows = ask("SELECT count() AS n FROM imported_daily")
        assert ask("SELECT count() AS n FROM daily_user_metrics") == [{"n": 0}]
    again = wua("import", file, *OF_PLAUSIBLE, "--data", data)
    assert "is imported already" in again.stdout
    with asking(data) as ask:
        assert ask("SELECT count() AS n FROM imported_daily") == rows

    rows_of_it = ("2024-03-02", 8, 1, 1, 1, 1), ("", 1, 1, 1, 1, 1)
    newer = {"imported_visitors.csv": plausible_csv(VISITORS, *rows_of_it)}
    later = wua("import", zipped(tmp_path / "later.zip", newer), *OF_PLAUSIBLE, "--data", data, "--json")
    report = json.loads(later.stdout)
    assert (report["taken"], report["bad_by_reason"]) == (1, {"invalid_value": 1})
    assert report["first_bad"][0].startswith("imported_visitors.csv, line 3: invalid_value: date = ''")
    # Of a day that two imports have, the later one holds; with it gone, the earlier.
    assert days(data) == {"2024-03-01": 10, "2024-03-02": 8}
    listed = json.loads(wua("import", "--list", "--site", "shop", "--json", "--data", data).stdout)["imports"]
    assert [(one["file"], one["taken"], one["bad"]) for one in listed] == [
        ("later.zip", 1, 1),
        ("export.zip", 12, 0),
    ]
    removed = wua("import", "--remove", report["import_id"], "--data", data)
    assert removed.returncode == 0, removed.stderr
    assert days(data) == {"2024-03-01": 10, "2024-03-02": 7}
    assert "no import" in wua("import", "--remove", report["import_id"], "--data", data).stderr
    # What was removed can be imported again.
    assert wua("import", tmp_path / "later.zip", *OF_PLAUSIBLE, "--data", data).returncode == 0
    assert days(data)["2024-03-02"] == 8
    assert "later.zip" in wua("import", "--list", "--data", data).stdout


def test_days_of_an_import_that_was_cut_off_are_not_seen(tmp_path):
    data, file = tmp_path / "data", zipped(tmp_path / "export.zip", plausible_files())
    assert wua("import", file, *OF_PLAUSIBLE, "--data", data).returncode == 0
    with asking(data) as ask:
        assert ask("SELECT count() AS n FROM imports") == [{"n": 1}]
    url = f"chdb://{data / 'clickhouse'}"
    assert days(data)
    unfinished(url)
    assert days(data) == {}
    done = wua("import", file, *OF_PLAUSIBLE, "--data", data)
    assert "12 taken" in done.stdout
    assert days(data) == {"2024-03-01": 10, "2024-03-02": 7}


def unfinished(url: str) -> None:
    """As a run leaves it that was cut off before its last insert."""
    client = open_client(ClickHouseSettings(url=url), readonly=False)
    client.command("TRUNCATE TABLE wua.imports")
    client.close()


def test_events_cannot_be_taken_out_again(tmp_path):
    data, file = tmp_path / "data", tmp_path / "export.csv"
    file.write_bytes(umami_csv([umami_row()]))
    done = wua("import", file, "--from", "umami", "--site", "shop", "--data", data, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["taken"]) == (0, 1)
    refused = wua("import", "--remove", report["import_id"], "--data", data)
    assert refused.returncode == 1
    assert "is of events" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.csv", "--from", "umami", "--site", "shop"], "no such file: nowhere.csv"),
        (["x.csv"], "--from and --site missing"),
    ],
)
def test_what_is_missing_is_told(arguments, told):
    done = wua("import", *arguments)
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["--list", "--remove", "x"], ["x", "--from", "matomo"], ["x", "--timezone", "Mars/One"]]
)
def test_wrong_usage_is_told(arguments):
    assert wua("import", *arguments).returncode == 2


def test_a_file_of_bad_lines_alone_is_an_error(tmp_path):
    file = zipped(
        tmp_path / "bad.zip", {"imported_visitors.csv": plausible_csv(VISITORS, ("", 1, 1, 1, 1, 1))}
    )
    done = wua("import", file, *OF_PLAUSIBLE, "--data", tmp_path / "data")
    assert done.returncode == 1
    assert "1 bad: invalid_value 1" in done.stdout
