"""What every page of the product names in its head."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import web

WEB = Path(str(web.__file__)).parent
PAGES = {
    str(file.relative_to(WEB / "templates")): file.read_text(encoding="utf-8")
    for file in sorted((WEB / "templates").rglob("*.html"))
}
HEADS = {name: text for name, text in PAGES.items() if "<head>" in text}


def test_there_are_pages() -> None:
    assert {"dashboard/page.html", "sign_in/shell.html", "inspect/base.html", "api_docs.html"} <= HEADS.keys()


@pytest.mark.parametrize("name", HEADS)
def test_it_names_its_icon_or_else_a_browser_asks_for_one_that_is_not_there(name: str) -> None:
    (icon,) = re.findall(r'<link rel="icon" href="/static/([^"]+)" type="image/svg\+xml">', HEADS[name])
    assert (WEB / "static" / icon).is_file()
