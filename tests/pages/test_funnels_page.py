"""Funnels and the builder of them: the figures are the API's, and a draft is a link like any other view."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.pages.looking import NARROW_AND_WIDE, Looking

DRAFT = {
    "title": "Orders",
    "steps": [
        {"title": "Product", "page": "/products/*"},
        {"title": "Cart", "page": "/cart"},
        {"title": "Order", "event": "$purchase"},
    ],
    "window": "2h",
}
FIRST_STEP = "form[aria-label=Funnel] .ordered > li:nth-child(1)"


def drafted(definition: object = DRAFT) -> str:
    return f"/funnels?site=shop&draft={quote(json.dumps(definition))}"


def counts(page):
    """The visitors of each step, as they stand beside the bars."""
    found = page.query_selector_all("ol.funnel li[data-step] .count strong")
    return [int(one.text_content().replace(",", "")) for one in found]


def visitors(answer):
    return [step["visitors"] for step in answer["steps"]]


def dropped(answer):
    lost = [step["drop_off"] for step in answer["steps"][1:]]
    return [f"{one:,} visitor{'' if one == 1 else 's'} dropped off" for one in lost]


def test_the_steps_are_those_of_the_api_with_what_was_lost_between(looking: Looking):
    page = looking.open("/funnels?site=shop&funnel=checkout")
    answer = looking.api("/api/v1/funnels/checkout/conversion?site=shop")
    assert counts(page) == visitors(answer)
    assert counts(page)[-1] > 0
    between = page.query_selector_all("ol.funnel .between")
    assert [
        lost for lost, one in zip(dropped(answer), between, strict=True) if lost in one.text_content()
    ] == (dropped(answer))
    looking.assert_sound(page)


def test_a_value_of_the_breakdown_filters_the_steps(looking: Looking):
    page = looking.open("/funnels?site=shop&funnel=checkout")
    page.click("section[aria-label='Who converts'] tr[data-key=Email] button")
    looking.settled(page)
    chosen = quote(json.dumps({"op": "is", "field": "channel", "value": "Email"}))
    answer = looking.api(f"/api/v1/funnels/checkout/conversion?site=shop&filter={chosen}")
    assert counts(page) == visitors(answer)
    looking.assert_sound(page)


def test_the_chart_over_time_is_there_as_a_table(looking: Looking):
    page = looking.open("/funnels?site=shop&funnel=checkout&period=7d")
    page.click("section[aria-label='Over time'] button:text('Table')")
    assert len(page.query_selector_all("section[aria-label='Over time'] tbody tr")) == 7


def test_a_draft_is_seen_without_being_stored(looking: Looking):
    page = looking.open("/funnels?site=shop")
    page.click("text=+ New funnel")
    looking.settled(page)
    assert "Say of each step" in page.text_content("section[aria-label=Steps]")
    page.fill("[aria-label='Page or event: step 1']", "/products/*")
    page.select_option("[aria-label='Kind: step 2']", "event")
    page.fill("[aria-label='Page or event: step 2']", "$purchase")
    page.fill("form[aria-label=Funnel] [name=window]", "3")
    page.click("form[aria-label=Funnel] button:text('Show')")
    looking.settled(page)
    steps = [{"title": "P", "page": "/products/*"}, {"title": "B", "event": "$purchase"}]
    answer = looking.api("/api/v1/funnels/preview?site=shop", {"title": "x", "steps": steps, "window": "3d"})
    assert counts(page) == visitors(answer)
    again = looking.open(page.url.removeprefix(looking.address))
    assert counts(again) == counts(page)
    assert again.input_value("[aria-label='Page or event: step 1']") == "/products/*"
    looking.assert_sound(again)


def test_steps_are_added_moved_and_taken_away(looking: Looking):
    page = looking.open(drafted())
    page.click(f"{FIRST_STEP} [aria-label='Move down: step 1']")
    assert page.input_value(f"{FIRST_STEP} [placeholder^=Name]") == "Cart"
    page.click("form[aria-label=Funnel] button:text('+ Step')")
    assert len(page.query_selector_all("form[aria-label=Funnel] .ordered > li")) == 4
    page.click("[aria-label='Remove: step 4']")
    page.click("[aria-label='Add a condition: step 1']")
    page.fill("[aria-label='Field: step 1']", "host")
    page.fill("[aria-label='Value: step 1']", "nowhere.example")
    page.click("form[aria-label=Funnel] button:text('Show')")
    looking.settled(page)
    assert counts(page)[-1] == 0
    looking.assert_sound(page)


def test_a_draft_is_stored_changed_and_deleted(looking: Looking):
    page = looking.open(drafted())
    page.click("text=Store …")
    page.fill("dialog [name=title]", "Orders of the test")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".choose button:text('Orders of the test')")
    looking.settled(page)
    made = page.get_attribute(".choose button[aria-pressed=true]", "data-funnel")
    kept = looking.api(f"/api/v1/funnels/{made}?site=shop")["definition"]
    assert [step["title"] for step in kept["steps"]] == ["Product", "Cart", "Order"]
    page.click("button:text-is('Change')")
    page.fill("form[aria-label=Funnel] [name=window]", "5")
    page.click("text=Store …")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=within 5 hours of the first step")
    assert looking.api(f"/api/v1/funnels/{made}?site=shop")["definition"]["window"] == "5h"
    page.click("button:text-is('Delete')")
    page.click("dialog button.danger")
    page.wait_for_selector(f"[data-funnel='{made}']", state="detached")
    looking.settled(page)
    assert page.get_attribute(".choose button[aria-pressed=true]", "data-funnel") == "checkout"
    looking.assert_sound(page)


def test_what_the_server_refuses_is_said_in_place(looking: Looking):
    steps = [{"title": "A", "page_matches": "("}, {"title": "B", "page": "/cart"}]
    page = looking.open(drafted({**DRAFT, "steps": steps}))
    assert "regular expression" in page.text_content("section[aria-label=Steps] .trouble")
    page.click("text=Store …")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog .trouble:not([hidden])")
    assert "regular expression" in page.text_content("dialog .trouble")


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking: Looking, width: int, theme: str):
    full = {
        **DRAFT,
        "exclusions": [{"page": "/help*"}],
        "filter": {"op": "is", "field": "country", "value": "DE"},
    }
    looking.assert_sound(looking.open(drafted(full), width=width, theme=theme))
