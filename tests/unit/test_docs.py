"""What the docs say is what there is."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from app import errors
from app.events.dead_letter import Fate
from app.events.vocabulary import BotReason, RejectReason
from app.settings import Settings
from app.topics import catalogue
from app.traffic.lines import LineFault
from web.problems import ProblemKind

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def make():
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("file", "made"), [("METRICS.md", "metrics"), ("API.md", "api")])
def test_what_is_made_from_the_code_is_up_to_date(file, made):
    """Mend it with `make docs`."""
    assert getattr(make(), made)() == text(f"docs/{file}")


@pytest.mark.parametrize("reason", [*RejectReason, *LineFault])
def test_every_reason_is_explained(reason):
    assert f"`{reason}`" in text("docs/TROUBLESHOOTING.md")


def test_every_error_has_its_entry():
    tree = [errors.WuaError]
    for kind in tree:
        tree += kind.__subclasses__()
    names = {kind.__name__ for kind in tree if kind.__module__ == "app.errors"} - {"WuaError"}
    assert names
    assert {name for name in names if f"| `{name}` |" not in text("docs/TROUBLESHOOTING.md")} == set()


@pytest.mark.parametrize("reason", BotReason)
def test_every_bot_reason_is_explained(reason):
    assert f"| `{reason.name.lower()}` | {reason.value} |" in text("docs/OPERATING.md")


@pytest.mark.parametrize("fate", Fate)
def test_every_fate_of_a_dead_letter_is_explained(fate):
    assert f"| `{fate}` |" in text("docs/OPERATING.md")


def test_every_setting_stands_in_the_settings_file_with_an_explanation():
    values = yaml.safe_load(text("faust.yml"))
    lines = text("faust.yml").splitlines()
    for section, model in Settings().model_dump().items():
        assert section in values
        for key in model if section not in {"sites", "funnels"} else ():
            (line,) = [line for line in lines if re.match(rf"  {key}: ", line) and key in values[section]][:1]
            assert key in values[section]
            assert line


def test_every_topic_stands_in_the_design_and_the_settings():
    topics = catalogue(Settings().broker)
    for topic in (topics.events, topics.dead_letters, topics.sessions):
        assert topic in text("faust.yml")
        assert topic in text("docs/DESIGN.md")


def test_every_kind_of_problem_is_in_the_api_docs():
    assert {kind for kind in ProblemKind if f"`{kind}`" not in text("docs/API.md")} == set()


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "docs/API_MANNERS.md",
        "docs/COLLECTING.md",
        "docs/DESIGN.md",
        "docs/ENRICHMENT.md",
        "docs/IMPORTING.md",
        "docs/INSPECTING.md",
        "docs/FUNNELS.md",
        "docs/GOALS.md",
        "docs/OPERATING.md",
        "docs/JOURNEYS.md",
        "docs/RETENTION.md",
        "docs/PRIVACY.md",
        "docs/SIGN_IN.md",
        "docs/SQL.md",
        "docs/REPORTS.md",
        "docs/TROUBLESHOOTING.md",
        "deploy/README.md",
    ],
)
def test_links_lead_to_files(file):
    for target in re.findall(r"\]\(([^)#:]+)\)", text(file)):
        assert (ROOT / file).parent.joinpath(target).exists(), target


def test_the_files_of_the_hops_exist():
    for path in re.findall(
        r"`((?:app|web|agents|tables|views|migrations|tests)/[\w/.]+)`", text("README.md")
    ):
        assert (ROOT / path).exists(), path
