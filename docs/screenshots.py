"""The demo in Chromium -> docs/screenshots/*.png, for docs/DASHBOARD.md. Run by `make screenshots`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from web.dashboard.pages import PAGES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "screenshots"
SCRIPTS = ROOT / "web" / "static" / "dashboard" / "pages"
EVENTS = 50_000
START_S = 900.0
PATIENCE_S = 60.0
SIZE = (1440, 900)
#: What is below is left out: a picture is to be read beside its text.
MOST_HIGH = 1800
#: A page has few colours; so many are enough, and a third of the bytes.
COLOURS = 128
#: Of all pictures together.
MOST_BYTES = 2_000_000
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
#: What a page is asked for beside the site, where that shows more. ``{person}``: one who came often.
ASKED = {
    "overview": "&period=7d&compare=previous_period",
    "heatmap": "&page=/products/commuter-7",
    "users": "&person={person}",
}


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """A picture: its file, of which page, how wide, in which colours."""

    name: str
    path: str
    width: int = SIZE[0]
    theme: str = "light"


def shots() -> list[Shot]:
    """One of each page that has its script, and the overview on a phone and in the dark."""
    there = [page for page in PAGES if (SCRIPTS / f"{page.script}.js").is_file()]
    every = [
        Shot(name=page.script, path=f"{page.path}?site=shop{ASKED.get(page.script, '')}") for page in there
    ]
    overview = next(shot for shot in every if shot.name == "overview")
    return [
        *every,
        msgspec.structs.replace(overview, name="overview-phone", width=390),
        msgspec.structs.replace(overview, name="overview-dark", theme="dark"),
    ]


def main() -> int:
    """Write every picture; 1 where they are too large together."""
    parser = argparse.ArgumentParser(prog="docs/screenshots.py", description=__doc__)
    parser.add_argument("--address", help="of a dashboard that is running; default: a demo of its own")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("There is no chromium on the PATH; on Debian: apt-get install chromium\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    wanted = shots()
    with (
        nullcontext(options.address) if options.address else demo() as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        person = frequent(address)
        sizes = [taken(browser, address + shot.path.format(person=person), shot) for shot in wanted]
        browser.close()
    for old in {*FOLDER.glob("*.png")} - {FOLDER / f"{shot.name}.png" for shot in wanted}:
        old.unlink()
    sys.stdout.write(f"{len(wanted)} pictures, {sum(sizes):,} bytes, in {FOLDER}\n")
    if sum(sizes) > MOST_BYTES:
        sys.stderr.write(f"at most {MOST_BYTES:,} bytes together are wanted: lower MOST_HIGH or COLOURS\n")
        return 1
    return 0


@contextmanager
def demo() -> Iterator[str]:
    """The address of a demo of our own, once everything is in the tables."""
    with tempfile.TemporaryDirectory(prefix="wua-screenshots-") as data, started(Path(data)) as address:
        yield address


@contextmanager
def started(data: Path) -> Iterator[str]:
    """`wua demo` over a folder."""
    told = data / "demo.log"
    start = [sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main())", "demo"]
    with told.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*start, "--data", str(data / "data"), "--events", str(EVENTS), "--port", "0"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "200", "WUA_APP__WEB_PORT": str(free_port())},
        )
    try:
        yield served(process, told)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(process: subprocess.Popen[bytes], told: Path) -> str:
    """Where the demo serves, once it does; SystemExit with its last words where it never will."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        text = told.read_text(encoding="utf-8")
        if "Serving until Ctrl-C" in text:
            return next(line.split()[1] for line in text.splitlines() if line.startswith("Dashboard "))
        time.sleep(0.5)
    raise SystemExit(f"the demo did not start: {told.read_text(encoding='utf-8')[-2000:]}")


def frequent(address: str) -> str:
    """The user id that the most of the latest sessions have."""
    asked = Request(  # noqa: S310 - our own URL
        f"{address}/api/v1/sessions/query",
        data=msgspec.json.encode({"site": "shop", "limit": 1000}),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
        sessions = msgspec.json.decode(answer.read())["sessions"]
    users = Counter(session["user_id"] for session in sessions if session["user_id"])
    return str(users.most_common(1)[0][0])


def taken(browser: Browser, url: str, shot: Shot) -> int:
    """Take one picture; how many bytes it has."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": SIZE[1]},
        color_scheme="dark" if shot.theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    settle(page)
    high = min(MOST_HIGH, page.evaluate("document.documentElement.scrollHeight"))
    # A window as high as the picture: what sticks to the window's height reaches down to its end.
    page.set_viewport_size({"width": shot.width, "height": max(high, SIZE[1])})
    settle(page)
    packed = few_colours(page.screenshot())
    context.close()
    (FOLDER / f"{shot.name}.png").write_bytes(packed)
    sys.stdout.write(f"{shot.name}: {len(packed):,} bytes\n")
    return len(packed)


def settle(page: Any) -> None:
    """Return once no panel waits for an answer; SystemExit where one waits for ever or has failed."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if page.query_selector(".trouble"):
            raise SystemExit(f"{page.url}: {page.text_content('.trouble')}")
        if page.query_selector(".panel") and not page.query_selector("[aria-busy=true]"):
            page.wait_for_timeout(300)
            return
        page.wait_for_timeout(100)
    raise SystemExit(f"{page.url} still waits for an answer after {PATIENCE_S:.0f} s")


def few_colours(png: bytes) -> bytes:
    """The same picture with a palette of its own."""
    image = Image.open(BytesIO(png)).convert("RGB")
    packed = BytesIO()
    # The colours that are farthest apart: those of a few words count as much as those of a map.
    few = image.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(packed, "PNG", optimize=True)
    return packed.getvalue()


if __name__ == "__main__":
    sys.exit(main())
