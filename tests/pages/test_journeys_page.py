"""Journeys: the diagram and the paths are the API's, and every node can be made the middle."""

from __future__ import annotations

import pytest

from tests.pages.looking import NARROW_AND_WIDE, Looking

FLOW = "section[aria-label=Flow]"


def drawn(page):
    """What the diagram shows of pages: (step, name, sessions)."""
    return {
        (int(node.get_attribute("data-step")), node.get_attribute("data-name"), counted(node))
        for node in page.query_selector_all(f"{FLOW} .node.page")
    }


def counted(node):
    return int(node.query_selector(".count").text_content().replace(",", ""))


def answered(looking: Looking, asked: str):
    nodes = looking.api(f"/api/v1/journeys/flow?site=shop&limit=8&{asked}")["nodes"]
    return {(one["step"], one["name"], one["sessions"]) for one in nodes if one["kind"] == "page"}


def test_the_diagram_has_the_nodes_of_the_api(looking: Looking):
    page = looking.open("/journeys?site=shop")
    assert drawn(page) == answered(looking, "depth=3")
    assert drawn(page)
    looking.assert_sound(page)


def test_sessions_that_end_are_drawn_where_they_ended(looking: Looking):
    page = looking.open("/journeys?site=shop")
    flow = looking.api("/api/v1/journeys/flow?site=shop&limit=8&depth=3")
    nodes = flow["nodes"]
    left: dict[int, int] = {}
    for link in flow["links"]:
        source, target = nodes[link["source"]], nodes[link["target"]]
        if target["kind"] == "exit" != source["kind"]:
            left[target["step"]] = left.get(target["step"], 0) + link["sessions"]
    shown = page.query_selector_all(f"{FLOW} .node.exit")
    assert {int(node.get_attribute("data-step")): counted(node) for node in shown} == left


def test_a_node_is_made_the_middle_by_mouse_and_by_keyboard(looking: Looking):
    page = looking.open("/journeys?site=shop")
    page.click(f"{FLOW} .node[data-name='/cart'] text >> nth=0")
    looking.settled(page)
    assert "at=%2Fcart" in page.url
    asked = "depth=3&direction=both&page=/cart"
    assert drawn(page) == answered(looking, asked)
    page.focus(f"{FLOW} .node[data-name='/checkout'][data-step='1']")
    page.keyboard.press("Enter")
    looking.settled(page)
    assert drawn(page) == answered(looking, "depth=3&direction=both&page=/checkout")
    page.go_back()
    looking.settled(page)
    assert drawn(page) == answered(looking, asked)
    looking.assert_sound(page)


def test_depth_and_side_are_chosen_and_stand_in_the_address(looking: Looking):
    page = looking.open("/journeys?site=shop&around=page&at=/cart")
    page.select_option("label:has-text('As far as') select", "2")
    looking.settled(page)
    page.select_option("label:has-text('Show') select", "before")
    looking.settled(page)
    again = looking.open(page.url.removeprefix(looking.address))
    assert drawn(again) == answered(looking, "depth=2&direction=before&page=/cart")
    page.select_option("label:has-text('Around') select", "end")
    looking.settled(page)
    assert drawn(page) == answered(looking, "depth=2&direction=before")


def test_paths_and_the_table_of_the_flow_are_those_of_the_api(looking: Looking):
    page = looking.open("/journeys?site=shop")
    paths = looking.api("/api/v1/journeys?site=shop&depth=3&limit=20")["paths"]
    lines = page.query_selector_all("section[aria-label='Most taken paths'] tbody tr")
    shown = [
        ([step.text_content() for step in line.query_selector_all("button")], line.text_content())
        for line in lines
    ]
    assert [steps for steps, _ in shown] == [[step["name"] for step in path["steps"]] for path in paths]
    assert all(f"{path['sessions']}" in text for path, (_, text) in zip(paths, shown, strict=True))
    page.click(f"{FLOW} button:text('Table')")
    assert "Session ended" in page.text_content(f"{FLOW} tbody")
    looking.assert_sound(page)


def test_a_page_that_nobody_saw_says_so(looking: Looking):
    page = looking.open("/journeys?site=shop&around=page&at=/no-such-page")
    assert "No session of this period had it" in page.text_content(FLOW)
    looking.assert_sound(page)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking: Looking, width: int, theme: str):
    looking.assert_sound(looking.open("/journeys?site=shop&around=page&at=/cart", width=width, theme=theme))
