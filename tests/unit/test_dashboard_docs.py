"""docs/DASHBOARD.md tells of every page that there is, in the order of the navigation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from web.dashboard.pages import PAGES, Group

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SCRIPTS = ROOT / "web" / "static" / "dashboard" / "pages"
TEXT = (DOCS / "DASHBOARD.md").read_text(encoding="utf-8")


def test_pages_stand_under_their_headings_in_the_order_of_the_navigation():
    wanted = [
        name
        for group in Group
        for name in (group.value, *(page.title for page in PAGES if page.group is group))
    ]
    told = re.findall(r"^#{2,3} (.+)$", TEXT, re.MULTILINE)
    assert [name for name in told if name in wanted] == wanted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.script)
def test_a_page_has_a_sentence_and_its_picture(page):
    picture = r"!\[(?P<alt>.+?)\]\((?P<file>.+?)\)"
    said = re.search(rf"^### {re.escape(page.title)}\n(?P<said>.+?)\n\n{picture}", TEXT, re.MULTILINE)
    assert said is not None
    assert said["said"].endswith(".")
    assert (said["alt"], said["file"]) == (page.title, f"screenshots/{page.script}.png")


def test_every_page_that_can_be_shown_has_its_picture_and_all_are_small_together():
    """Mend it with `make screenshots`."""
    there = {file.name: file.stat().st_size for file in (DOCS / "screenshots").glob("*.png")}
    shown = {f"{page.script}.png" for page in PAGES if (SCRIPTS / f"{page.script}.js").is_file()}
    assert set(there) == shown | {"overview-phone.png", "overview-dark.png"}
    assert sum(there.values()) < 2_000_000
    assert all((DOCS / "screenshots" / name).read_bytes().startswith(b"\x89PNG") for name in there)


def test_every_click_leads_to_a_panel_of_its_page():
    clicks = re.findall(r"([A-Z]\w+(?: \w+)*) →\s`([^`]+)`", TEXT)
    scripts = {page.title: SCRIPTS / f"{page.script}.js" for page in PAGES}
    assert len(clicks) >= 10
    for title, panel in clicks:
        assert f"'{panel}'" in scripts[title].read_text(encoding="utf-8"), f"{title} has no panel {panel}"
    assert TEXT.count("?** ") == 5
