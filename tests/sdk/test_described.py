"""What docs/SDK.md and the types say of the script is what its source does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.events.vocabulary import EventType, ReservedName

ROOT = Path(__file__).parents[2]
SDK = ROOT / "web" / "sdk"
DOCS = (ROOT / "docs" / "SDK.md").read_text(encoding="utf-8")
TYPES = (SDK / "wua.d.ts").read_text(encoding="utf-8")
SOURCE = "".join(
    path.read_text(encoding="utf-8") for path in sorted(SDK.glob("*.js")) if path.name != "build.js"
)


def attribute(name: str) -> str:
    """``ignoreGpc`` -> ``data-ignore-gpc``, as the DOM does it."""
    return "data-" + re.sub("[A-Z]", lambda letter: "-" + letter[0].lower(), name)


def test_every_setting_of_the_tag_is_explained_and_none_is_invented():
    used = {
        first or second for first, second in re.findall(r"settings\.(?!js')(\w+)|'(\w+)' in settings", SOURCE)
    }
    assert {attribute(name) for name in used} == set(re.findall(r"^\| `(data-[\w-]+)` \|", DOCS, re.M))


def test_every_event_that_the_script_sends_by_itself_is_explained():
    sent = set(
        re.findall(
            r"'((?:video|page|form)_\w+|click|scroll|download|outbound|\$page_leave|\$web_vitals)'", SOURCE
        )
    )
    assert len(sent) >= 10
    assert {name for name in sent if f"`{name}`" not in DOCS} == set()
    assert {name for name in EventType if name not in sent} == {EventType.CUSTOM_EVENT}


@pytest.mark.parametrize(
    "name",
    [
        ReservedName.IDENTIFY,
        ReservedName.GOAL,
        ReservedName.PURCHASE,
        ReservedName.EXPOSURE,
        "$consent",
    ],
)
def test_what_a_page_may_tell_has_an_example_and_a_type(name):
    assert f"wua('{name}', " in DOCS
    assert f"(name: '{name}', " in TYPES


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#:]+)\)", DOCS):
        assert (ROOT / "docs" / target).exists(), target
