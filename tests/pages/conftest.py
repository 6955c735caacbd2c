"""One demo and one browser for all pages of a process; what went wrong is told by each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.pages.looking import Looking, chromium, demo
from tests.sdk.browsing import require_browser

#: Enough that every page has something to show, whatever the time of day makes of the seed.
EVENTS = 30_000


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the demo serves."""
    require_browser()
    with demo(tmp_path_factory.mktemp("demo"), events=EVENTS) as address:
        yield address


# TRICKY: while it is open, a loop runs in this thread, and no test of another module could run its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    require_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium())
        yield browser
        browser.close()


@pytest.fixture
def looking(address: str, browser: Any) -> Iterator[Looking]:
    """A browser before the demo's dashboard."""
    looking = Looking(browser, address)
    yield looking
    looking.close()
