"""Where something is missing a test is skipped, but not on a CI machine."""

from __future__ import annotations

import pytest

from tests.sdk.needs import pass_over


def test_a_missing_part_is_a_skip_that_says_what_is_missing(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="there is no chromium"):
        pass_over("there is no chromium")


def test_on_a_ci_machine_it_is_a_failure(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI is true, but there is no chromium"):
        pass_over("there is no chromium")
