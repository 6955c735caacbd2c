"""SEO and AI: the lists of the API, what AI takes for what it gives, and what to do where all is empty."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.pages.looking import NARROW_AND_WIDE
from views.seo import LandingPage, MissingPage, MovedPage, SearchExport, SearchFigures, SearchQuery


def panel(title):
    return f"section[aria-label='{title}']"


def lines(page, title):
    """The rows of a panel, as texts of their cells."""
    rows = page.query_selector_all(f"{panel(title)} tbody tr")
    return [[cell.text_content() for cell in row.query_selector_all("td")] for row in rows]


def test_the_lists_say_what_the_api_says(looking):
    page = looking.open("/seo?site=shop")
    answer = looking.api("/api/v1/seo?site=shop")
    assert answer["landing_pages"]
    assert answer["ai_pages"]
    assert answer["crawlers"]
    landing = [(row[0], int(row[1])) for row in lines(page, "Landing pages of search")]
    assert landing == [(one["path"], one["sessions"]) for one in answer["landing_pages"][:12]]
    engines = [(row[0], int(row[1])) for row in lines(page, "Search engines")]
    assert engines == [(one["source"], one["sessions"]) for one in answer["engines"][:12]]
    read = lines(page, "Pages that AI reads, and sends people to")
    wanted = [(one["path"], one["crawled"], one["fetched"], one["referred"]) for one in answer["ai_pages"]]
    assert [(row[0], *map(int, row[1:])) for row in read] == wanted[:12]
    programs = lines(page, "AI programs: what they take") + lines(page, "Search crawlers")
    fetches = {(row[0], int(row[2])) for row in programs}
    assert fetches == {(one["name"], one["events"]) for one in answer["crawlers"]}
    looking.assert_sound(page)


def test_it_says_what_ai_takes_for_what_it_gives(looking):
    page = looking.open("/seo?site=shop")
    answer = looking.api("/api/v1/seo?site=shop")
    sent = sum(one["sessions"] for one in answer["ai_assistants"])
    taken = sum(one["events"] for one in answer["crawlers"] if one["kind"] != "search_crawler")
    said = page.text_content(f"{panel('What search and AI bring')} .answer")
    assert f"AI assistants sent {sent}; AI programs fetched {taken} pages" in said
    first = answer["engines"][0]
    assert said.startswith(f"{first['source']} brings the most from search: {first['sessions']} of")


def test_a_landing_page_leads_to_its_visits_in_the_overview(looking):
    page = looking.open("/seo?site=shop")
    path, sessions = lines(page, "Landing pages of search")[0][:2]
    page.click(f"{panel('Landing pages of search')} tbody tr button")
    page.wait_for_selector("[data-metric=sessions]")
    looking.settled(page)
    assert page.text_content("[data-metric=sessions] .value") == sessions
    chips = [chip.text_content() for chip in page.query_selector_all(".chip")]
    assert chips[1].startswith(f"Entry page is {path}")


def test_what_is_imported_moved_and_missing_is_shown(looking):
    page = looking.open("/seo?site=shop")
    figures = SearchFigures(clicks=30, impressions=1200, ctr=0.025, position=4.25)
    export = SearchExport(
        export="page", first_day="2026-11-01", last_day="2026-11-20", imported_at="2026-11-21T08:00:00Z"
    )
    landing = LandingPage(
        path="/cart",
        sessions=30,
        sessions_before=20,
        bounce_rate=0.5,
        conversion_rate=0,
        revenue=0,
        search=figures,
    )
    missing = MissingPage(path="/old", sessions=7, fetches=40, last_at="2026-11-20T10:00:00Z")
    told = {
        "landing_pages": [landing],
        "new_pages": [],
        "lost_pages": [MovedPage(path="/gone", sessions=0, sessions_before=9)],
        "queries": [SearchQuery(query="city bicycle", search=figures)],
        "terms": [],
        "not_found": [missing],
        "page_export": export,
    }
    body = json.dumps({**looking.api("/api/v1/seo?site=shop"), **msgspec.to_builtins(told)})
    page.route("**/api/v1/seo?*", lambda route: route.fulfill(body=body, content_type="application/json"))
    page.select_option("select[aria-label=Period]", "90d")
    looking.settled(page)
    (row,) = lines(page, "Landing pages of search")
    assert row == ["/cart", "30", "20", "+50%", "50%", "0%", "0", "30", "1,200", "2.5%", "4.25"]
    page.click("button[role=tab]:text('Lost')")
    looking.settled(page)
    assert lines(page, "New and lost landing pages") == [["/gone", "9"]]
    assert lines(page, "What was searched for") == [["city bicycle", "30", "1,200", "4.25"]]
    assert lines(page, "Pages that are not there")[0][:3] == ["/old", "7", "40"]
    looking.assert_sound(page)


def test_where_nothing_is_known_it_says_what_to_do(looking):
    page = looking.open("/seo?site=shop&from=2020-01-01&to=2020-01-05")
    for title, hint in [
        ("What was searched for", "import-search-console"),
        ("Pages that are not there", "wua('not_found', {status: 404})"),
        ("Search crawlers", "import access logs"),
    ]:
        assert hint in page.text_content(panel(title))
    assert "Search brought nobody." in page.text_content(panel("What search and AI bring"))
    looking.assert_sound(page)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking, width, theme):
    looking.assert_sound(looking.open("/seo?site=shop", width=width, theme=theme))
