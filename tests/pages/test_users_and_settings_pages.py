"""Users and Settings: a person is found, handed out, erased; keys are made and revoked; no secret shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pages.looking import NARROW_AND_WIDE, Looking

HELD = "section[aria-label='What is held of this person']"
KEYS = "section[aria-label='Keys of the API']"


def number(text: str) -> int:
    return int("".join(filter(str.isdigit, text)))


def somebody(looking: Looking) -> dict[str, Any]:
    """The latest session of the blog whose visitor is no user."""
    sessions = looking.api("/api/v1/sessions/query", {"site": "blog", "limit": 50})["sessions"]
    return next(one for one in sessions if not one["user_id"])


def test_a_person_is_found_with_figures_sessions_events_and_pages(looking: Looking) -> None:
    sessions = looking.api("/api/v1/sessions/query", {"site": "shop", "limit": 50, "order": "longest"})[
        "sessions"
    ]
    user = next(one["user_id"] for one in sessions if one["user_id"])
    page = looking.open("/users?site=shop")
    page.fill("input[name=person]", user)
    page.press("input[name=person]", "Enter")
    looking.settled(page)
    told = looking.api(f"/api/v1/users/{user}/behavior?site=shop&bots=exclude")
    tiles = {
        tile.locator(".name").text_content(): tile.locator(".value").text_content()
        for tile in page.locator(".tile").all()
    }
    assert (number(tiles["Sessions"]), number(tiles["Page views"])) == (
        told["session_count"],
        told["page_views"],
    )
    assert (number(tiles["Events"]), number(tiles["Conversions"])) == (told["events"], told["conversions"])
    assert len(page.query_selector_all(".happenings li")) == min(40, len(told["timeline"]))
    paths = [one["path"] for one in told["pages"]][:20]
    assert (
        page.eval_on_selector_all("table.bars tr[data-key]", "all => all.map(one => one.dataset.key)")
        == paths
    )
    looking.assert_sound(page)
    page.click("section[aria-label='Sessions of this person'] tbody tr:first-child a")
    looking.settled(page)
    assert f"/sessions?site=shop&session={told['sessions'][0]['session_id']}" in page.url
    assert page.text_content("section[aria-label='One session'] dd a") == user


def test_nobody_is_said_to_be_nobody(looking: Looking) -> None:
    page = looking.open("/users?site=shop&person=nobody-at-all")
    assert "Nobody by this id" in page.text_content("section[aria-label='In this period']")


def test_a_person_is_handed_out_and_erased_after_typing_the_id(looking: Looking, tmp_path: Path) -> None:
    visitor = somebody(looking)["visitor_id"]
    page = looking.open(f"/users?site=blog&person={visitor}")
    page.select_option(f"{HELD} select", "visitor")
    with page.expect_download() as download:
        page.click(f"{HELD} button:text('Export')")
    download.value.save_as(tmp_path / "person.json")
    assert json.loads((tmp_path / "person.json").read_text())["visitor_ids"] == [visitor]
    page.click(f"{HELD} button:text('Erase')")
    page.fill("dialog input[name=typed]", "somebody else")
    page.click("dialog button:text('Erase for good')")
    page.wait_for_selector("dialog .trouble:not([hidden])")
    assert looking.faults(page) == []
    assert looking.api(f"/api/v1/users/{visitor}/behavior?site=blog")["events"] > 0
    page.fill("dialog input[name=typed]", visitor)
    page.click("dialog button:text('Erase for good')")
    page.wait_for_selector(".told:has-text('Erased: nothing is left')", timeout=120_000)
    looking.settled(page)
    assert "Nobody by this id" in page.text_content("section[aria-label='In this period']")


def test_a_site_is_shown_with_a_snippet_to_copy(looking: Looking) -> None:
    page = looking.open("/settings?site=shop")
    told = {one["id"]: one for one in looking.api("/api/v1/settings")["sites"]}
    sites = page.text_content("section[aria-label=Sites]")
    assert told["shop"]["timezone"] in sites
    assert all(name in sites for name in told["shop"]["conversion_events"])
    snippet = f'<script async src="{looking.address}/wua.js" data-site="shop"></script>'
    assert page.text_content("section[aria-label=Sites] pre") == snippet
    page.click("section[aria-label=Sites] button:text-is('blog')")
    looking.settled(page)
    assert "site=blog" in page.url
    assert 'data-site="blog"' in page.text_content("section[aria-label=Sites] pre")
    looking.assert_sound(page)


def test_rules_and_settings_are_those_in_effect(looking: Looking) -> None:
    told = looking.api("/api/v1/settings")
    page = looking.open("/settings?site=shop")
    rules = page.text_content("section[aria-label=Rules]")
    assert told["rules"] in rules
    assert all(one["rules"] in rules for one in told["sites"])
    shown = page.locator("section[aria-label=Settings] tbody tr")
    cells = [tuple(row.locator("td").all_text_contents()) for row in shown.all()]
    assert dict(cells) == told["settings"]


def test_a_key_is_made_shown_once_and_revoked(looking: Looking) -> None:
    page = looking.open("/settings?site=shop")
    page.click("button:text('New key')")
    page.fill("dialog input[name=label]", "for the test")
    page.check("dialog input[name=sites][value=shop]")
    assert looking.faults(page) == []
    page.click("dialog button:text('Make the key')")
    page.wait_for_selector("dialog pre")
    secret = page.text_content("dialog pre")
    assert secret.startswith("wua_")
    page.click("dialog button:text('I have it')")
    looking.settled(page)
    assert secret not in page.content()
    (made,) = [one for one in looking.api("/api/v1/keys")["keys"] if one["label"] == "for the test"]
    assert (made["scopes"], made["sites"], made["is_revoked"]) == (["read"], ["shop"], False)
    row = page.locator(f"{KEYS} tbody tr", has_text=made["id"])
    row.get_by_role("button", name="Revoke").click()
    page.fill("dialog input[name=typed]", made["id"])
    page.click("dialog button:text-is('Revoke')")
    page.wait_for_selector(".told:has-text('revoked')")
    looking.settled(page)
    assert "Revoked" in page.locator(f"{KEYS} tbody tr", has_text=made["id"]).text_content()
    (gone,) = [one for one in looking.api("/api/v1/keys")["keys"] if one["id"] == made["id"]]
    assert gone["is_revoked"]


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_they_are_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(
    looking: Looking, width: int, theme: str
) -> None:
    (one,) = looking.api("/api/v1/sessions/query", {"site": "shop", "limit": 1})["sessions"]
    for path in (f"/users?site=shop&person={one['visitor_id']}", "/settings?site=shop"):
        looking.assert_sound(looking.open(path, width=width, theme=theme))
