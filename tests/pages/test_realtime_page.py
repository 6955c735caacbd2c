"""Realtime: what comes in shows by itself, and a connection that is lost says so and comes back."""

from __future__ import annotations

import time
import uuid

import pytest

from tests.collecting import posted
from tests.pages.looking import NARROW_AND_WIDE, Looking

NOW = "section[aria-label=Now] .tile"


def view(looking: Looking, path: str) -> None:
    """Somebody new looks at a page of the blog, at this moment."""
    at = time.time_ns() // 1_000_000
    event = posted(
        site_id="blog",
        event_id=str(uuid.uuid4()),
        visitor_id=str(uuid.uuid4()),
        url=f"https://blog.example{path}",
        occurred_at=at,
        sent_at=at,
        referrer="",
    )
    assert looking.api("/api/v1/events", [event]) == {"accepted": 1}


def here(page) -> int:
    return int(page.query_selector_all(f"{NOW} .value")[0].text_content().replace(",", ""))


def test_a_visit_shows_without_anybody_asking(looking: Looking):
    # What sends it says that it is no browser.
    page = looking.open("/realtime?site=blog&bots=include")
    before = here(page)
    view(looking, "/seen-just-now")
    page.wait_for_selector("section[aria-label=Pages] tr[data-key='/seen-just-now']", timeout=60_000)
    assert here(page) == before + 1
    answer = looking.api("/api/v1/sites/blog/realtime/stream?bots=include")
    assert answer["here"] == here(page)
    pages = [
        row.get_attribute("data-key")
        for row in page.query_selector_all("section[aria-label=Pages] tr[data-key]")
    ]
    assert set(pages) == {row["path"] for row in answer["pages"]}
    assert page.text_content(".top [role=status]") == "Live"
    page.click("section[aria-label='Last 30 minutes'] button:text('Table')")
    assert len(page.query_selector_all("section[aria-label='Last 30 minutes'] tbody tr")) == 30
    looking.assert_sound(page)
    page.click("section[aria-label=Pages] tr[data-key='/seen-just-now'] button")
    page.wait_for_url("**/?*f=path*")
    assert "period=today" in page.url


def test_a_connection_that_is_lost_is_told_and_comes_back(looking: Looking):
    page = looking.open("/realtime?site=blog")
    page.wait_for_selector("text=Live")
    page.route("**/realtime/stream*", lambda route: route.abort())
    page.select_option("select[aria-label='Whose traffic']", "include")
    page.wait_for_selector("text=Connection lost, trying again …")
    page.wait_for_selector("section[aria-label=Now] .trouble")
    page.unroute("**/realtime/stream*")
    page.wait_for_selector("text=Live")
    looking.settled(page)
    page.wait_for_selector(NOW)


def test_a_site_at_rest_says_what_will_show(looking: Looking):
    page = looking.open("/realtime?site=saas&bots=only")
    assert here(page) == 0
    assert "As soon as somebody comes" in page.text_content("section[aria-label=Pages]")
    looking.assert_sound(page)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking: Looking, width: int, theme: str):
    view(looking, "/seen")
    looking.assert_sound(looking.open("/realtime?site=blog&bots=include", width=width, theme=theme))
