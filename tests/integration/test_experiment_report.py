"""The report on experiments says what the API says of each, and which could not be compared."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import SHOP, client, get, post
from tests.integration.test_experiments_api import fill

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

REPORT = {**SHOP, "template": "experiment"}


async def test_each_variant_has_the_figures_of_the_api(asked: Asked, client: httpx.AsyncClient) -> None:
    fill(asked, name="buy button")
    found = await post(client, "/api/v1/reports/generate", **REPORT)
    evaluation = (await get(client, "/api/v1/experiments/buy%20button/results", **SHOP))["evaluation"]
    control, green = evaluation["variants"]
    rows = found["experiments"]
    assert [(row["variant"], row["users"], row["verdict"]) for row in rows] == [
        ("control", 3, "control"),
        ("green", 3, green["comparison"]["verdict"]),
    ]
    for row, variant in zip(rows, (control, green), strict=True):
        assert row["conversion_rate"] == variant["value"]
        assert {"low": row["low"], "high": row["high"]} == variant["interval"]
        assert row["is_winner"] is (variant["name"] == evaluation["winner"])
        assert row["warnings"].split(", ") == evaluation["warnings"]
    assert (rows[0]["lift"], rows[0]["p_value"]) == (None, None)
    assert rows[1]["lift"] == green["comparison"]["effect"]["lift"]
    assert rows[1]["p_value"] == green["comparison"]["adjusted_always_valid_p_value"]
    assert rows[1]["conversion_rate"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("variants", [("blue", "green"), ("control", "control")])
async def test_one_that_cannot_be_compared_is_told_without_figures(
    asked: Asked, client: httpx.AsyncClient, variants: tuple[str, str]
) -> None:
    fill(asked, name="colours", variants=variants)
    fill(asked, name="=1+1")
    rows: list[dict[str, Any]] = (await post(client, "/api/v1/reports/generate", **REPORT))["experiments"]
    theirs = [row for row in rows if row["experiment"] == "colours"]
    assert {row["variant"] for row in theirs} == set(variants)
    assert sum(row["users"] for row in theirs) == 6
    for row in theirs:
        assert (row["verdict"], row["conversion_rate"], row["is_winner"]) == ("not_compared", None, False)
    assert {row["verdict"] for row in rows if row["experiment"] == "=1+1"} == {"control", "undecided"}
    answer = await client.post("/api/v1/reports/generate", json={**REPORT, "format": "csv"})
    cells = [cell for row in csv.reader(io.StringIO(answer.text, newline="")) for cell in row]
    assert "'=1+1" in cells
    assert "=1+1" not in cells


async def test_without_an_experiment_the_part_is_empty(client: httpx.AsyncClient) -> None:
    assert (await post(client, "/api/v1/reports/generate", **REPORT))["experiments"] == []
