"""Heatmap: clicks and reach as the API counts them, over an outline or over a picture."""

from __future__ import annotations

import pytest

from tests.pages.looking import NARROW_AND_WIDE

MAIN = "section[aria-label='Where is it clicked, and how far is it read?']"
CLICKED = "section[aria-label='What is clicked']"
PAGE = "/checkout"
HEATMAP = f"/api/v1/heatmap?site=shop&page={PAGE}&limit=500"


def tile(page, title):
    found = next(one for one in page.query_selector_all(f"{MAIN} .tile") if title in one.text_content())
    return int(found.query_selector(".value").text_content().replace(",", ""))


def drawn(page):
    """The clicks of each cell of the grid, by column and row."""
    rects = page.query_selector_all(f"{MAIN} .clicks rect")
    return {
        (int(one.get_attribute("x")), int(one.get_attribute("y"))): int(one.text_content().split(" ")[0])
        for one in rects
    }


def cells(answer):
    return {(one["column"], one["row"]): one["clicks"] for one in answer["cells"]}


def test_clicks_and_reach_are_those_of_the_api(looking):
    page = looking.open(f"/heatmap?site=shop&page={PAGE}")
    answer = looking.api(HEATMAP)
    assert answer["cells"]
    assert drawn(page) == cells(answer)
    assert tile(page, "Views") == answer["page_views"]
    assert tile(page, "Dead clicks") == answer["dead_clicks"]
    bands = [float(one.text_content().rstrip("%")) for one in page.query_selector_all(".reach li")]
    assert bands == pytest.approx([100 * one["share"] for one in answer["scroll_reach"]], abs=0.051)
    half = max(one["depth"] for one in answer["scroll_reach"] if one["share"] >= 0.5)
    assert f"Half of the views get as far as {half}% of the page." in page.text_content(f"{MAIN} .answer")
    looking.assert_sound(page)


def test_page_device_and_grid_are_chosen_and_stand_in_the_address(looking):
    page = looking.open("/heatmap?site=shop")
    most_viewed = looking.api("/api/v1/pages?site=shop&limit=1")["pages"][0]["path"]
    assert page.input_value("select[name=page]") == most_viewed
    for name, value in [("page", PAGE), ("device", "mobile"), ("grid", "10x25")]:
        page.select_option(f"select[name={name}]", value)
        looking.settled(page)
    mobile = looking.api(f"{HEATMAP}&device_class=mobile&columns=10&rows=25")
    assert drawn(page) == cells(mobile)
    again = looking.open(page.url.removeprefix(looking.address))
    assert drawn(again) == cells(mobile)
    assert again.input_value("select[name=page]") == PAGE
    looking.assert_sound(again)


def test_the_grid_is_there_as_a_table(looking):
    page = looking.open(f"/heatmap?site=shop&page={PAGE}")
    page.click(f"{MAIN} button:text('Table')")
    clicks = [int(one.text_content()) for one in page.query_selector_all(f"{MAIN} tbody td:last-child")]
    assert clicks == sorted((one["clicks"] for one in looking.api(HEATMAP)["cells"]), reverse=True)
    looking.assert_sound(page)


@pytest.mark.parametrize(
    ("tab", "count"), [("Most clicked", "clicks"), ("In rage", "rage_clicks"), ("In vain", "dead_clicks")]
)
def test_elements_are_listed_by_clicks_of_each_kind(looking, tab, count):
    page = looking.open(f"/heatmap?site=shop&page={PAGE}")
    page.click(f"{CLICKED} button:text('{tab}')")
    looking.settled(page)
    elements = [one for one in looking.api(HEATMAP)["elements"] if one[count]]
    assert elements
    shown = [one.get_attribute("data-key") for one in page.query_selector_all(f"{CLICKED} tbody tr")]
    elements.sort(key=lambda one: -one[count])
    assert shown == [f"{one['element']} {one['text']}" for one in elements[:15]]


def test_rage_that_nobody_had_is_said(looking):
    page = looking.open("/heatmap?site=shop&page=/nowhere")
    page.click(f"{CLICKED} button:text('In rage')")
    looking.settled(page)
    assert "No click in rage" in page.text_content(CLICKED)
    assert "neither viewed nor clicked" in page.text_content(f"{MAIN} .answer")
    looking.assert_sound(page)


def test_a_picture_lies_under_the_grid_and_is_sent_nowhere(looking):
    page = looking.open(f"/heatmap?site=shop&page={PAGE}", width=1000)
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    picture = {"name": "page.png", "mimeType": "image/png", "buffer": page.screenshot()}
    page.set_input_files("input[name=picture]", picture)
    page.wait_for_selector(".sheet canvas")
    looking.settled(page)
    assert page.get_attribute(".sheet canvas", "width") == "1000"
    assert page.query_selector(".sheet .clicks rect")
    assert set(sent) <= {"GET"}
    looking.assert_sound(page)
    page.select_option("select[name=device]", "mobile")
    looking.settled(page)
    assert page.query_selector(".sheet canvas") is None
    page.select_option("select[name=device]", "all")
    looking.settled(page)
    page.click("button:text('Take the picture away')")
    looking.settled(page)
    assert page.query_selector(".sheet canvas") is None


def test_a_file_that_is_no_picture_is_refused(looking):
    page = looking.open(f"/heatmap?site=shop&page={PAGE}")
    page.set_input_files(
        "input[name=picture]", {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    page.wait_for_selector("text=This is no picture")
    assert page.query_selector(".sheet canvas") is None


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking, width, theme):
    looking.assert_sound(looking.open("/heatmap?site=shop", width=width, theme=theme))
