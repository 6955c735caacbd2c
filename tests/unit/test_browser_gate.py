"""Without a browser the tests of pages are passed over with a reason; on a CI machine they fail."""

from __future__ import annotations

import pytest

from tests.sdk.browsing import require_browser


@pytest.fixture
def no_chromium(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_chromium")
def test_without_chromium_they_are_skipped_and_say_how_to_get_it(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no chromium on the PATH; on Debian: apt-get install"):
        require_browser()


@pytest.mark.usefixtures("no_chromium")
def test_on_a_ci_machine_they_fail(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI is true, but there is no chromium"):
        require_browser()
