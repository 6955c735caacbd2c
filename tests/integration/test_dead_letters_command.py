"""``wua dead-letters`` as operators run it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.factories import HOUR
from tests.integration.test_dead_letters_return import late, stack_over
from tests.integration.test_embedded_stack import fed
from tests.integration.test_replay_command import WUA


def wua(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(WUA), *map(str, arguments)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def letters(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return wua("dead-letters", *arguments, **env)


@pytest.mark.asyncio
async def test_the_way_of_a_letter_by_the_command_line(tmp_path):
    async with stack_over(tmp_path, grace_ms=HOUR) as stack:
        await fed(stack, late(), (b"shop:v2", b'{"event_id": "\x1b[31m'))
        running = await asyncio.to_thread(letters, "replay", "--data", tmp_path)
        assert running.returncode == 1
        assert "another process runs the stack" in running.stderr
        assert "late" in (await asyncio.to_thread(letters, "list", "--data", tmp_path)).stdout
    short = {"WUA_SESSIONS__GRACE_MS": str(HOUR)}

    listed = json.loads(letters("list", "--json", "--data", tmp_path).stdout)
    assert {one["reason"]: one["letters"] for one in listed["by_reason"]} == {"late": 1, "malformed_json": 1}
    (broken,) = (one["id"] for one in listed["letters"] if one["reason"] == "malformed_json")
    shown = letters("show", broken, "--data", tmp_path)
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert "\\x1b[31m" in shown.stdout

    forced = letters("replay", "--force", "--reason", "late", "--json", "--data", tmp_path, **short)
    assert (forced.returncode, json.loads(forced.stdout)["sent"]) == (0, 1)
    trial = letters("replay", "--dry-run", "--data", tmp_path, **short)
    assert trial.returncode == 1
    assert "sessions.grace_ms" in trial.stdout

    (second,) = json.loads(letters("list", "--json", "--limit", "1", "--data", tmp_path).stdout)["letters"]
    assert "Refusals before" in letters("show", second["id"], "--data", tmp_path).stdout
    done = letters("replay", second["id"], "--json", "--data", tmp_path)
    assert (done.returncode, json.loads(done.stdout)["sent"]) == (0, 1)
    again = letters("replay", "--json", "--data", tmp_path)
    assert again.returncode == 1
    fates = json.loads(again.stdout)
    assert (fates["sent"], fates["already_accepted"], fates["superseded"], fates["unreadable"]) == (
        0,
        1,
        1,
        1,
    )
    shown = json.loads(letters("show", second["id"], "--json", "--data", tmp_path).stdout)
    assert shown["is_accepted"] is True
    assert len(shown["history"]) == 1


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the schema and nothing in it."""
    directory = tmp_path_factory.mktemp("empty")
    migrated = wua("migrate", WUA_CLICKHOUSE__URL=f"chdb://{directory / 'clickhouse'}")
    assert migrated.returncode == 0, migrated.stderr
    return directory


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["replay", "0-0-1", "--reason", "late"], "IDs name the letters by themselves"),
        (["show", "0-0-1"], "no dead letter 0-0-1"),
        (["show", "x"], "expected epoch-partition-offset"),
        (["list", "--since", "soon"], "--since = 'soon': expected a time"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_told(empty, arguments, told):
    done = letters(*arguments, "--data", empty)
    assert done.returncode == 1
    assert told in done.stderr


def test_where_nothing_was_refused_there_is_nothing_to_do(empty):
    done = letters("replay", "--json", "--data", empty)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"] == 0


@pytest.mark.parametrize("arguments", [["list", "--limit", "0"], ["list", "--reason", "bored"], []])
def test_wrong_usage_is_told(arguments):
    assert letters(*arguments).returncode == 2
