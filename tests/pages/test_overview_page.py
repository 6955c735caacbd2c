"""The overview: its figures are the API's, and every click of it leads where it says."""

from __future__ import annotations

import pytest

from tests.pages.looking import NARROW_AND_WIDE, Looking

METRICS = ["visitors", "sessions", "page_views", "bounce_rate", "conversion_rate"]


def shown(page, metric):
    """The figure of a tile, as a number."""
    text = page.text_content(f"[data-metric={metric}] .value")
    return float(text.rstrip("%").replace(",", ""))


def totals(looking: Looking, **asked):
    """The same figures, as the API answers them."""
    found = looking.api("/api/v1/query", {"site": "shop", "metrics": METRICS, **asked})["totals"]["metrics"]
    return {name: round(100 * value, 1) if name.endswith("_rate") else value for name, value in found.items()}


def test_the_tiles_say_what_the_api_says(looking):
    page = looking.open("/?site=shop")
    assert {metric: shown(page, metric) for metric in METRICS} == totals(looking)
    assert totals(looking)["visitors"] > 0
    looking.assert_sound(page)


def test_a_choice_of_a_channel_filters_every_figure_and_stands_in_the_address(looking):
    page = looking.open("/?site=shop")
    page.click("section[aria-label=Sources] tr[data-key='Organic Search'] button")
    looking.settled(page)
    chosen = {"op": "is", "field": "channel", "value": "Organic Search"}
    assert {metric: shown(page, metric) for metric in METRICS} == totals(looking, filter=chosen)
    assert "f=channel" in page.url
    again = looking.open(page.url.removeprefix(looking.address))
    assert again.text_content(".chip").startswith("Channel is Organic Search")
    assert shown(again, "sessions") == shown(page, "sessions")
    again.click(".chip button")
    looking.settled(again)
    assert {metric: shown(again, metric) for metric in METRICS} == totals(looking)
    looking.assert_sound(page)


def test_a_comparison_shows_the_change_and_the_line_before(looking):
    page = looking.open("/?site=shop&period=7d")
    page.select_option("select[aria-label=Comparison]", "previous_period")
    looking.settled(page)
    assert page.query_selector(".mark.before")
    assert len(page.query_selector_all(".tile .change")) == 7
    page.go_back()
    looking.settled(page)
    assert page.query_selector(".mark.before") is None


def test_the_chart_is_there_as_a_table(looking):
    page = looking.open("/?site=shop&period=7d")
    page.click("section[aria-label='Headline figures'] button:text('Table')")
    assert len(page.query_selector_all("section[aria-label='Headline figures'] tbody tr")) == 7
    looking.assert_sound(page)


def test_a_filter_is_made_by_keyboard_alone(looking):
    page = looking.open("/?site=shop")
    page.focus("text=+ Filter")
    page.keyboard.press("Enter")
    page.select_option("dialog select[name=field]", "country")
    page.fill("dialog input[name=value]", "DE")
    page.keyboard.press("Enter")
    looking.settled(page)
    assert page.text_content(".chip").startswith("Country is Germany")
    assert page.query_selector("dialog") is None


def test_a_period_without_anything_says_so(looking):
    page = looking.open("/?site=shop&from=2020-01-01&to=2020-01-05")
    assert "Nobody came in this period" in page.text_content("section[aria-label='Headline figures']")
    looking.assert_sound(page)


def test_an_error_says_what_the_server_said_and_can_be_tried_again(looking):
    page = looking.open("/?site=shop&f=path~matches~(")
    assert "Try again" in page.text_content(".trouble")
    assert "no regular expression" in page.text_content(".trouble")


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking, width, theme):
    looking.assert_sound(looking.open("/?site=shop&compare=previous_period", width=width, theme=theme))


def test_the_theme_that_is_chosen_stays(looking):
    page = looking.open("/?site=shop")
    page.select_option("select[aria-label=Colours]", "dark")
    page.reload()
    looking.settled(page)
    assert page.get_attribute("html", "data-theme") == "dark"
    looking.assert_sound(page)
