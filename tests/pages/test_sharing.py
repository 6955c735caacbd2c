"""A view as a link: made on the page, shown as it was, revoked under Settings."""

from __future__ import annotations

from tests.pages.looking import Looking

CHANNEL = {"op": "is", "field": "channel", "value": "Organic Search"}


def sessions(page) -> float:
    """The figure of the tile."""
    return float(page.text_content("[data-metric=sessions] .value").replace(",", ""))


def shared(looking: Looking, path: str, label: str) -> str:
    """The path of a new link to the view at ``path``."""
    page = looking.open(path)
    page.click("text=Share …")
    page.fill("dialog input[name=label]", label)
    page.click("dialog button[type=submit]")
    text = page.wait_for_selector("dialog .copied pre").text_content()
    looking.assert_sound(page)
    return text.removeprefix(looking.address)


def test_a_link_shows_the_view_with_its_filter_which_cannot_be_taken_away(looking: Looking):
    path = shared(looking, "/?site=shop&f=channel~is~Organic+Search", "partner")
    page = looking.open(path)
    assert "site=shop" in page.url
    expected = looking.api("/api/v1/query", {"site": "shop", "metrics": ["sessions"], "filter": CHANNEL})
    assert sessions(page) == expected["totals"]["metrics"]["sessions"] > 0
    assert page.text_content(".chip.fixed") == "What the link shows"
    assert page.query_selector(".chip.fixed button") is None
    page.click("section[aria-label=Devices] tr[data-key=mobile] button")
    looking.settled(page)
    both = {"op": "and", "filters": [CHANNEL, {"op": "is", "field": "device_class", "value": "mobile"}]}
    expected = looking.api("/api/v1/query", {"site": "shop", "metrics": ["sessions"], "filter": both})
    assert sessions(page) == expected["totals"]["metrics"]["sessions"] > 0
    looking.assert_sound(page)


def test_a_revoked_link_shows_nothing(looking: Looking):
    path = shared(looking, "/?site=blog", "for a day")
    settings = looking.open("/settings?site=blog")
    settings.click("[aria-label='Revoke the link for a day']")
    settings.click("dialog button[type=submit]")
    settings.wait_for_selector("text=The link is revoked.")
    looking.settled(settings)
    looking.assert_sound(settings)
    answer = settings.request.get(looking.address + path, max_redirects=0)
    assert (answer.status, "This link shows nothing" in answer.text()) == (404, True)
