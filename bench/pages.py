"""``python -m bench.pages``: how long until a page of the dashboard shows something (first contentful paint).

Chromium and the demo on this machine, over loopback: each load in a browser context of its own, so that
nothing is kept from the one before. What is measured is the browser's own entry of the performance timeline.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

from bench import machine
from tests.pages.looking import chromium, demo
from web.dashboard.pages import PAGES, Page

#: What docs/DASHBOARD.md promises.
WANTED_MS = 1000
_PAINT = """() => new Promise((told) => new PerformanceObserver((list) => {
  for (const { name, startTime } of list.getEntries()) if (name === 'first-contentful-paint') told(startTime);
}).observe({ type: 'paint', buffered: true }))"""


class Paints(msgspec.Struct, frozen=True, kw_only=True):
    """First contentful paints of a page, in ms."""

    page: Page
    times_ms: list[float]

    def quantile_ms(self, share: float) -> float:
        """So many of the loads were at most as long."""
        return statistics.quantiles(self.times_ms, n=100, method="inclusive")[round(share * 100) - 1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each page; 1 where the 95th percentile of one is not below a second."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--address", help="of a dashboard that is running; default: a demo of its own")
    parser.add_argument("--events", type=int, default=20_000, help="of that demo")
    parser.add_argument("--loads", type=int, default=20, help="of each page, 2 at least")
    options = parser.parse_args(arguments)
    console = Console()
    console.print(machine.describe(), style="dim")
    if options.address:
        found = list(measured(options.address, loads=options.loads))
    else:
        with (
            tempfile.TemporaryDirectory(prefix="wua-bench-") as folder,
            demo(Path(folder), events=options.events) as address,
        ):
            found = list(measured(address, loads=options.loads))
    console.print(table(found))
    return 0 if all(one.quantile_ms(0.95) < WANTED_MS for one in found) else 1


def measured(address: str, *, loads: int) -> Iterator[Paints]:
    """Each page, loaded so often."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium())
        for page in PAGES:
            times = [_paint(browser, f"{address}{page.path}?site=shop") for _ in range(loads)]
            yield Paints(page=page, times_ms=times)
        browser.close()


def table(found: Sequence[Paints]) -> Table:
    """The measures for people."""
    shown = Table("page", "loads", "FCP p50, ms", "FCP p95, ms", title="First contentful paint")
    for one in found:
        p50, p95 = (f"{one.quantile_ms(share):.0f}" for share in (0.5, 0.95))
        shown.add_row(one.page.title, str(len(one.times_ms)), p50, p95)
    return shown


def _paint(browser: Browser, url: str) -> float:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.goto(url)
        return float(page.evaluate(_PAINT))
    finally:
        context.close()


if __name__ == "__main__":
    sys.exit(main())
