"""The dashboard of a running demo in a headless Chromium, and what holds of every page whatever it shows."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.sdk.browsing import FLAGS

PATIENCE_S = 60.0
START_S = 240.0
#: Faults that axe-core calls so keep somebody from using a page.
GRAVE = ("serious", "critical")


@contextmanager
def demo(folder: Path, *, events: int) -> Iterator[str]:
    """`wua demo` as anybody starts it; its address once all events are in the tables."""
    told = folder / "demo.log"
    command = [sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main())"]
    with told.open("w") as log:
        process = subprocess.Popen(
            [*command, "demo", "--data", str(folder / "data"), "--events", str(events), "--port", "0"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "200", "WUA_APP__WEB_PORT": str(free_port())},
        )
    try:
        yield _address(process, told)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _address(process: subprocess.Popen[bytes], told: Path) -> str:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        text = told.read_text()
        if "Serving until Ctrl-C" in text:
            return next(
                line.split()[1] for line in text.splitlines() if line.strip().startswith("Dashboard ")
            )
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise AssertionError(f"the demo is not there: {told.read_text()[-2000:]}")


#: What a page is looked at in besides test_every_page, which tries all widths: the ends, a theme each.
NARROW_AND_WIDE = [(390, "dark"), (1440, "light")]


class Looking:
    """A browser before the dashboard at ``address``; collects what went wrong on any page."""

    def __init__(self, browser: Any, address: str) -> None:
        self._browser = browser
        self.address = address
        self.wrong: list[str] = []
        self._contexts: list[Any] = []

    def open(self, path: str, *, width: int = 1440, theme: str = "light") -> Any:
        """The page at ``path``, once every panel of it has its answer."""
        context = self._browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.goto(self.address + path)
        self.settled(page)
        return page

    def settled(self, page: Any) -> None:
        """Return once no panel waits for an answer."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if page.query_selector(".panel") and not page.query_selector("[aria-busy=true]"):
                return
            if self.wrong and not page.query_selector(".panel"):
                raise AssertionError(f"{page.url} shows nothing: {self.wrong}")
            page.wait_for_timeout(50)
        waiting = [one.get_attribute("aria-label") for one in page.query_selector_all("[aria-busy=true]")]
        raise AssertionError(f"{page.url} still waits for {waiting}")

    def assert_sound(self, page: Any) -> None:
        """Nothing failed, nothing was asked of another host, nothing sticks out, and anybody can use it."""
        assert not self.wrong, self.wrong
        troubles = [one.text_content() for one in page.query_selector_all(".trouble:not([hidden])")]
        assert not troubles, troubles
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"
        faults = self.faults(page)
        assert not faults, faults

    def faults(self, page: Any) -> list[str]:
        """What axe-core finds that is serious or critical."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(page).response["violations"]
        return [
            f"{one['id']}: {one['help']} ({', '.join(node['html'][:100] for node in one['nodes'][:3])})"
            for one in found
            if one["impact"] in GRAVE
        ]

    def api(self, path: str, body: object = None) -> Any:
        """What the REST API answers."""
        request = urllib.request.Request(
            self.address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def close(self) -> None:
        """Close every page."""
        for context in self._contexts:
            context.close()

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.address).netloc and not request.url.startswith(
            "data:"
        ):
            self.wrong.append(f"asked of another host: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> dict[str, Any]:
    """How Playwright starts Debian's Chromium."""
    return {"executable_path": shutil.which("chromium"), "args": FLAGS}
