"""A headless Firefox, told what to do by WebDriver BiDi; Playwright drives its own builds of it only."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.sdk.browsing import PATIENCE_S, Site, serving
from tests.sdk.needs import pass_over

PROGRAM = "firefox-esr"
#: Nothing at the start that goes to the network by itself, and no pages about itself.
PREFERENCES = """
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.dns.localDomains", "one.test");
user_pref("toolkit.telemetry.enabled", false);
"""
_LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


def require_firefox() -> None:
    """Skip the test where there is no Firefox; on a CI machine that is a failure."""
    if shutil.which(PROGRAM) is None:
        pass_over(f"there is no {PROGRAM} on the PATH; on Debian: apt-get install {PROGRAM}")


class Tab:
    """A tab of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._context = ""

    async def begin(self) -> None:
        """A session, and the tab that the browser began with."""
        await self._tell("session.new", capabilities={})
        tree = await self._tell("browsingContext.getTree")
        self._context = tree["contexts"][0]["context"]

    async def goto(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        await self._tell("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def click(self, css: str) -> None:
        """Click what a person would see there."""
        locator = {"type": "css", "value": css}
        found = await self._tell("browsingContext.locateNodes", context=self._context, locator=locator)
        (node,) = found["nodes"]
        origin = {"type": "element", "element": {"sharedId": node["sharedId"]}}
        acts = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": acts}
        await self._tell("input.performActions", context=self._context, actions=[mouse])

    async def run(self, script: str) -> Any:
        """What a script of the page comes to."""
        answer = await self._tell(
            "script.evaluate", expression=script, target={"context": self._context}, awaitPromise=True
        )
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    async def _tell(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        async with asyncio.timeout(PATIENCE_S):
            await self._socket.send_json({"id": number, "method": method, "params": params})
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") == number:
                    assert answer["type"] == "success", answer
                    result: dict[str, Any] = answer["result"]
                    return result


@asynccontextmanager
async def firefox() -> AsyncIterator[tuple[Site, Tab]]:
    """A site with its collector, and a Firefox that has never been there."""
    with tempfile.TemporaryDirectory() as profile:
        (Path(profile) / "user.js").write_text(PREFERENCES)
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            address = await _address(process)
            async with (
                serving() as (url, producer),
                aiohttp.ClientSession() as client,
                client.ws_connect(f"{address}/session") as socket,
            ):
                tab = Tab(socket)
                await tab.begin()
                yield Site(url, None, producer), tab
        finally:
            process.terminate()
            await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where the browser listens, which it tells at its start."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_S * 2):
        async for line in process.stderr:
            if found := _LISTENING.search(line):
                return found[1].decode()
    raise AssertionError(f"{PROGRAM} ended with {process.returncode} before it listened")
