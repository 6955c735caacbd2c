"""``wua migrate``: what it prints the first time and the second."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import main
from migrations import comments


def test_the_schema_is_explained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WUA_CLICKHOUSE__URL", f"chdb://{tmp_path / 'engine'}")
    assert main(["migrate", "--dry-run"]) == 0
    assert "comments" not in capsys.readouterr().out
    assert main(["migrate"]) == 0
    (told,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("comments set: ")]
    assert set(told.removeprefix("comments set: ").split(", ")) == set(comments.load().tables)
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == "nothing to do: the schema is up to date\n"
