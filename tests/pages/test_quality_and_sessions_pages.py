"""Data quality, refused events and sessions: the figures are the API's, and every detail is a link away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app.adapters.clickhouse import open_client
from app.embedded.place import clickhouse_url
from tests.factories import HOUR, wire
from tests.integration.engines import settings_for
from tests.pages.looking import NARROW_AND_WIDE, Looking
from tests.sql.store import Store, block, rejected

REFUSED = "section[aria-label='Refused events']"
LETTER = "section[aria-label='A refused event']"
#: Two pages of the list, and some.
LATE, TOO_LONG = 25, 7
#: No offset of the demo's own.
FAR = 10_000_000


@pytest.fixture(scope="module", autouse=True)
def refused(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Refused events of the shop, written as the worker does: the collector lets none through."""
    (data,) = tmp_path_factory.getbasetemp().glob("demo[0-9]*/data")
    client = open_client(settings_for(clickhouse_url(data), "wua"), readonly=False)
    now_ms = int(time.time() * 1000)
    within = block(start=FAR, end=FAR + LATE + TOO_LONG, epoch=77)
    reasons = ["late"] * LATE + ["too_long"] * TOO_LONG
    Store(client, "wua").insert(
        [
            rejected(
                within,
                offset=FAR + number,
                received_at=now_ms - 1000,
                reason=reason,
                detail="because of the test",
                payload=late_event(now_ms, title=f"letter {number}"),
            )
            for number, reason in enumerate(reasons)
        ]
    )
    yield
    client.close()


def late_event(now_ms: int, **fields: Any) -> str:
    """A page view that came 40 hours late."""
    sent = {"occurred_at": now_ms - 40 * HOUR, "sent_at": now_ms, "received_at": now_ms}
    return msgspec.json.encode(wire(**sent, **fields)).decode()


def number(text: str) -> int:
    return int("".join(filter(str.isdigit, text)))


def test_what_was_received_is_the_sum_of_what_became_of_it(looking: Looking) -> None:
    page = looking.open("/data-quality?site=shop")
    total = looking.api("/api/v1/sites/shop/quality")["total"]
    fates = ("received", "accepted", "rejected", "duplicates")
    shown = {fate: number(page.text_content(f"[data-fate={fate}]")) for fate in fates}
    assert shown == {fate: total[fate] for fate in fates}
    assert shown["received"] == shown["accepted"] + shown["rejected"] + shown["duplicates"]
    score = page.text_content("[data-metric=score] .value")
    assert score == f"{round(100 * total['score'], 1):g}%"
    page.click("[data-metric=uniqueness]")
    looking.settled(page)
    assert "share=uniqueness" in page.url
    assert page.get_attribute("[data-metric=uniqueness]", "aria-pressed") == "true"


def test_the_bots_that_came_are_seen_by_name_kind_and_reason(looking: Looking) -> None:
    page = looking.open("/data-quality?site=shop")
    told = looking.api("/api/v1/sites/shop/bots")
    assert told["bots"]
    for kind in {one["kind"] for one in told["bots"]}:
        names = {one["name"] for one in told["bots"] if one["kind"] == kind}
        assert set(page.locator(f"[data-kind={kind}] strong").all_text_contents()) - {"Unnamed"} == names - {
            ""
        }
    detail = page.locator("section[aria-label='Bots in detail']")
    detail.get_by_role("tab", name="By reason").click()
    looking.settled(page)
    rows = {row.get_attribute("data-key"): row for row in detail.locator("tbody tr").all()}
    assert rows.keys() == {one["reason"] for one in told["reasons"]}
    one = told["reasons"][0]
    assert number(rows[one["reason"]].locator("td.number").text_content()) == one["events"]


def test_refused_events_are_listed_by_reason_page_by_page_each_with_its_payload(looking: Looking) -> None:
    page = looking.open("/data-quality?site=shop")
    page.click("section[aria-label='Refused, by reason'] tr[data-key=too_long] button")
    looking.settled(page)
    assert len(page.query_selector_all(f"{REFUSED} tbody tr")) == TOO_LONG
    page.click(f"{REFUSED} button:text('All reasons')")
    looking.settled(page)
    assert len(page.query_selector_all(f"{REFUSED} tbody tr")) == 25
    page.click(f"{REFUSED} button:text('Older')")
    looking.settled(page)
    assert len(page.query_selector_all(f"{REFUSED} tbody tr")) == LATE + TOO_LONG - 25
    page.click(f"{REFUSED} tbody tr:last-child button")
    looking.settled(page)
    again = looking.open(page.url.removeprefix(looking.address))
    assert '"title": "letter 0"' in again.text_content(f"{LETTER} pre")
    assert "because of the test" in again.text_content(LETTER)
    looking.assert_sound(again)


def test_what_is_sent_back_is_said_first_and_then_taken(looking: Looking) -> None:
    page = looking.open(f"/data-quality?site=shop&letter=77-0-{FAR + 1}")
    page.click(f"{LETTER} button:text('Send this one back')")
    page.wait_for_selector("dialog[open]")
    assert "0 would be sent; 1 would be refused again" in page.text_content("dialog")
    assert looking.faults(page) == []
    page.check("dialog input[name=force]")
    page.click("dialog button:text-is('Send back')")
    page.wait_for_selector(".told")
    assert page.text_content(".told").startswith("1 sent back")


def test_sessions_are_listed_by_filters_and_in_order(looking: Looking) -> None:
    page = looking.open("/sessions?site=shop&f=channel~is~Direct&f=path~is~/cart&order=longest")
    asked = {
        "site": "shop",
        "limit": 25,
        "order": "longest",
        "filters": [{"field": "channel", "value": "Direct"}],
    }
    told = looking.api("/api/v1/sessions/query", asked)
    views = page.locator("section[aria-label=Sessions] tbody tr td:nth-child(3)").all_text_contents()
    assert [number(text) for text in views] == [one["page_views"] for one in told["sessions"]]
    assert "Page is /cart: this list filters by" in page.text_content("section[aria-label=Sessions]")
    page.click("button:text-is('Next')")
    looking.settled(page)
    following = looking.api("/api/v1/sessions/query", {**asked, "cursor": told["next_cursor"]})
    views = page.locator("section[aria-label=Sessions] tbody tr td:nth-child(3)").all_text_contents()
    assert [number(text) for text in views] == [one["page_views"] for one in following["sessions"]]
    page.click(".chip button")
    looking.settled(page)
    assert "after=" not in page.url
    looking.assert_sound(page)


def test_a_sessions_events_are_told_in_order(looking: Looking) -> None:
    page = looking.open("/sessions?site=shop&order=most_page_views")
    (first,) = looking.api(
        "/api/v1/sessions/query", {"site": "shop", "limit": 1, "order": "most_page_views"}
    )["sessions"]
    page.click("section[aria-label=Sessions] tbody tr:first-child button")
    looking.settled(page)
    assert first["session_id"] in page.url
    told = looking.api(f"/api/v1/sessions/{first['session_id']}?site=shop")
    names = page.eval_on_selector_all(".happenings li", "all => all.map(one => one.dataset.event)")
    assert names == [one["name"] or one["event_type"] for one in told["events"]]
    assert len(names) == first["events"]
    looking.assert_sound(page)


def test_a_persons_sessions_are_found(looking: Looking) -> None:
    (one,) = looking.api("/api/v1/sessions/query", {"site": "shop", "limit": 1})["sessions"]
    page = looking.open("/sessions?site=shop")
    page.fill("input[name=who]", one["visitor_id"])
    page.press("input[name=who]", "Enter")
    looking.settled(page)
    asked = {"site": "shop", "filters": [{"field": "user_id", "value": one["visitor_id"]}]}
    rows = page.query_selector_all("section[aria-label=Sessions] tbody tr")
    assert len(rows) == len(looking.api("/api/v1/sessions/query", asked)["sessions"]) > 0


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_they_are_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(
    looking: Looking, width: int, theme: str
) -> None:
    (one,) = looking.api("/api/v1/sessions/query", {"site": "shop", "limit": 1})["sessions"]
    paths = (f"/data-quality?site=shop&letter=77-0-{FAR}", f"/sessions?site=shop&session={one['session_id']}")
    for path in paths:
        looking.assert_sound(looking.open(path, width=width, theme=theme))
