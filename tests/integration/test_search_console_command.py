"""`wua import-search-console` over a data directory: what it says, and what is there after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import main
from migrations.runner import migrate
from tests.integration.test_reconcile_command import opened

CSV = "Top pages,Clicks,Impressions,CTR,Position\nhttps://shop.test/a,1,20,5%,3\n"
MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "Pages.csv"
    made.write_text(CSV, encoding="utf-8")
    return made


def test_a_file_is_imported_and_twice_changes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path) as store:
        migrate(store.client, database="wua")
    for _ in range(2):
        asked = ["import-search-console", str(file), "--site", "shop", *MARCH, "--data", str(tmp_path)]
        assert main(asked) == 0
        assert "imported 1 rows by page of shop" in capsys.readouterr().out
        with opened(tmp_path) as store:
            (row,) = store.ask(
                "SELECT site_id, page, path, toString(first_day), clicks FROM {db}.search_console FINAL"
            )
        assert row == ("shop", "https://shop.test/a", "/a", "2026-03-01", 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--site", "shop"], "line 1: no column of dates: say which days the export is of"),
        (["--site", "shop", "--from", "2026-03-01"], "--from 2026-03-01 --to None: expected both, in order"),
        (["--site", "shop", "--from", "2026-03-02", "--to", "2026-03-01"], "expected both, in order"),
        (["--site", "a/b", *MARCH], "--site 'a/b': expected a site id"),
    ],
)
def test_what_is_lacking_is_said_before_anything_is_written(
    file: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import-search-console", str(file), *arguments]) == 1
    assert told in capsys.readouterr().err


def test_a_bad_line_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CSV + "https://shop.test/b,2,1,0%,1\n", encoding="utf-8")
    assert main(["import-search-console", str(file), "--site", "shop", *MARCH]) == 1
    assert "line 3: 2 clicks of 1 impressions" in capsys.readouterr().err
