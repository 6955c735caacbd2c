"""The worked examples of the docs come out as they are printed there, and every choice is explained."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from app.core.attribution.models import Model
from app.core.experiments.contracts import Design, WarningReason

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "least"), [("EXPERIMENTS.md", 25), ("ATTRIBUTION.md", 8)])
def test_examples_of_the_page(page, least):
    found = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8")
    assert found.attempted >= least
    assert found.failed == 0


@pytest.mark.parametrize(
    ("page", "words"), [("EXPERIMENTS.md", [*WarningReason, *Design]), ("ATTRIBUTION.md", [*Model])]
)
def test_every_choice_is_explained(page, words):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [word for word in words if f"`{word}`" not in text] == []
