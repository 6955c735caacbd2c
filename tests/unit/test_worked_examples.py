"""The worked examples of the docs come out as they are printed there."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "least"), [("EXPERIMENTS.md", 25), ("ATTRIBUTION.md", 8)])
def test_examples_of_the_page(page, least):
    found = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8")
    assert found.attempted >= least
    assert found.failed == 0
