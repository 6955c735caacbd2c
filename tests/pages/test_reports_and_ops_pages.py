"""Reports and Ops: a report is made, watched, taken and removed; the figures of the product are the API's."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.adapters.clickhouse import open_client
from app.embedded.place import clickhouse_url
from tests.integration.engines import settings_for
from tests.pages.looking import NARROW_AND_WIDE, Looking

REPORTS = "section[aria-label=Reports]"
SCHEDULES = "section[aria-label=Schedules]"


@pytest.fixture(scope="module", autouse=True)
def scheduled(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A schedule of the shop; the demo itself can send nothing, and takes none."""
    (data,) = tmp_path_factory.getbasetemp().glob("demo[0-9]*/data")
    client = open_client(settings_for(clickhouse_url(data), "wua"), readonly=False)
    made = {
        "schedule_id": str(uuid.uuid4()),
        "created_at": datetime.now(UTC),
        "site_id": "shop",
        "template": "content",
        "format": "pdf",
        "bots": "exclude",
        "cadence": "weekly",
        "time_of_day": "07:30",
        "mail_to": ["team@shop.example"],
        "webhook": "",
    }
    client.insert("wua.report_schedules", [list(made.values())], column_names=list(made))
    yield
    client.close()


def number(text: str) -> int:
    return int("".join(filter(str.isdigit, text)))


def test_a_report_is_made_watched_downloaded_and_removed(looking: Looking, tmp_path: Path) -> None:
    page = looking.open("/reports?site=shop&period=7d")
    page.select_option("select[name=template]", "content")
    page.select_option("select[name=format]", "csv")
    page.click("button:text-is('Make the report')")
    page.wait_for_selector(f"{REPORTS} tbody tr:first-child [data-state=done]", timeout=60_000)
    row = page.locator(f"{REPORTS} tbody tr").first
    (report, *_) = looking.api("/api/v1/reports?site=shop")["reports"]
    assert (report["template"], report["format"], report["state"]) == ("content", "csv", "done")
    assert "Content" in row.text_content()
    with page.expect_download() as download:
        row.get_by_text("Download").click()
    download.value.save_as(tmp_path / "report.csv")
    saved = list(csv.reader((tmp_path / "report.csv").read_text().splitlines()))
    assert len(saved) > 1
    assert (tmp_path / "report.csv").stat().st_size == report["bytes"]
    looking.assert_sound(page)
    row.get_by_role("button", name="Remove").click()
    page.click("dialog button:text-is('Remove')")
    page.wait_for_selector(".told:has-text('removed')")
    looking.settled(page)
    told = looking.api("/api/v1/reports?site=shop")["reports"]
    assert report["id"] not in {one["id"] for one in told if one["state"] != "removed"}


def test_a_schedule_that_cannot_be_sent_says_why_in_place(looking: Looking) -> None:
    page = looking.open("/reports?site=shop")
    page.click("button:text('New schedule')")
    page.fill("dialog input[name=mail_to]", "team@shop.example")
    page.click("dialog button:text('Make the schedule')")
    page.wait_for_selector("dialog .trouble:not([hidden])")
    assert "reports.smtp_host" in page.text_content("dialog .trouble")
    assert looking.faults(page) == []


def test_schedules_are_listed_and_deleted(looking: Looking) -> None:
    (made,) = looking.api("/api/v1/reports/schedules?site=shop")["schedules"]
    page = looking.open("/reports?site=shop")
    row = page.locator(f"{SCHEDULES} tbody tr")
    assert made["mail_to"][0] in row.text_content()
    assert "Weekly at 07:30" in row.text_content()
    row.get_by_role("button", name="Delete").click()
    page.click("dialog button:text-is('Delete')")
    page.wait_for_selector(".told:has-text('deleted')")
    assert looking.api("/api/v1/reports/schedules?site=shop")["schedules"] == []
    looking.settled(page)
    assert "No schedule yet" in page.text_content(SCHEDULES)


def test_the_product_is_shown_as_the_api_tells_it(looking: Looking) -> None:
    page = looking.open("/ops")
    told = looking.api("/api/v1/ops")
    facts = dict(
        zip(
            page.locator(".facts dt").all_text_contents(),
            page.locator(".facts dd").all_text_contents(),
            strict=True,
        )
    )
    assert number(facts["Received since its start"]) == told["worker"]["received"] > 0
    assert number(facts["Duplicates"]) == told["worker"]["duplicates"]
    assert (facts["ClickHouse"], facts["Broker"], facts["Worker"]) == ("Answers", "Answers", "Answers")
    rows = page.locator("section[aria-label=Tables] tbody tr").all()
    shown = {
        row.locator("td").nth(0).text_content(): number(row.locator("td").nth(1).text_content())
        for row in rows
    }
    silver = {one["name"]: one["rows"] for one in told["tables"]}["user_behavior_silver"]
    assert shown["user_behavior_silver"] == silver


def test_a_worker_that_is_away_is_said_to_be_and_the_rest_is_shown(looking: Looking) -> None:
    told = looking.api("/api/v1/ops")
    alert = {"severity": "warning", "what": "the worker is not reachable", "to_do": "start one"}
    changed: dict[str, Any] = {
        **told,
        "worker": None,
        "worker_problem": "no worker answers",
        "alerts": [alert],
    }
    page = looking.open("/ops")
    page.route("**/api/v1/ops", lambda route: route.fulfill(status=200, json=changed))
    page.reload()
    looking.settled(page)
    assert "Not reachable" in page.text_content("section[aria-label=Parts]")
    assert "no worker answers" in page.text_content("section[aria-label=Parts]")
    assert "The worker is not reachable" in page.text_content("section[aria-label='Events on their way']")
    assert "start one" in page.text_content("section[aria-label='What needs attention']")
    assert len(page.query_selector_all("section[aria-label=Tables] tbody tr")) == len(told["tables"])
    looking.assert_sound(page)


def test_the_lines_grow_while_the_page_is_open(looking: Looking) -> None:
    page = looking.open("/ops")
    assert page.query_selector("section[aria-label='Events on their way'] .spark") is None
    page.wait_for_selector("section[aria-label='Events on their way'] .spark", timeout=30_000)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_they_are_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(
    looking: Looking, width: int, theme: str
) -> None:
    for path in ("/reports?site=shop", "/ops?site=shop"):
        looking.assert_sound(looking.open(path, width=width, theme=theme))
