"""A tab of the machine's Chromium before pages of ours, which must not complain."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.sdk.browsing import FLAGS, require_browser


@asynccontextmanager
async def browser(**context: Any) -> AsyncIterator[Any]:
    """A tab in a context of its own; nothing may fail in it or be written to its console."""
    require_browser()
    from playwright.async_api import async_playwright

    faults: list[str] = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            tab = await chromium.new_page(**context)
            tab.on("console", lambda told: faults.append(told.text))
            tab.on("pageerror", lambda error: faults.append(str(error)))
            tab.on("requestfailed", lambda request: faults.append(request.url))
            yield tab
        finally:
            await chromium.close()
    assert faults == []
