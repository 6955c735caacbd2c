"""``wua state --site S --visitor V``: what the workers keep about a visitor, asked of whichever has it."""

from __future__ import annotations

import argparse
import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

import msgspec
from yarl import URL

from app import settings
from app.commands.letters_shown import print_table
from app.errors import NotFoundError, WorkerUnavailableError
from app.settings import ANY_ADDRESS, AppSettings
from web.inspect.visitor_state import TouchView, VisitorView, WindowView

TIMEOUT_S = 15.0


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "state",
        help="show the open windows of a visitor",
        description="Asks a worker's web server; a worker that has not the visitor asks the one that has. "
        "Read only.",
    )
    parser.add_argument("--site", required=True, metavar="ID")
    parser.add_argument("--visitor", required=True, metavar="ID")
    parser.add_argument("--worker", metavar="URL", help="web server of any worker; default: this machine's")
    parser.add_argument("--json", action="store_true", help="the answer as it is")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the visitor's state; 1 when there is none, or no worker can tell."""
    worker = (arguments.worker or default_worker(settings.load().app)).rstrip("/")
    raw = ask(worker, site=arguments.site, visitor=arguments.visitor)
    try:
        found = msgspec.json.decode(raw, type=VisitorView)
    except msgspec.DecodeError as error:
        raise _no_worker(worker, f"its answer is not a visitor's state: {error}") from error
    if arguments.json:
        print(raw.decode())
    else:
        show(found)
    return 0


def default_worker(app: AppSettings) -> str:
    """The web server of this machine's worker."""
    host = "localhost" if app.web_host in ANY_ADDRESS else app.web_host
    return str(URL.build(scheme="http", host=host, port=app.web_port))


def ask(worker: str, *, site: str, visitor: str) -> bytes:
    """The worker's answer; NotFoundError where the visitor has no state."""
    url = f"{worker}/state/{quote(site, safe='')}/{quote(visitor, safe='')}"
    try:
        # The URL is the operator's own.
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise _refusal(worker, error) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _no_worker(worker, str(error)) from error


def show(found: VisitorView) -> None:
    """The state for people."""
    facts = {
        "worker": f"{found.worker}, partition {found.partition}",
        "last offset": f"{found.last_offset} (epoch {found.epoch})",
        "last receipt": f"{found.last_received_at:%Y-%m-%d %H:%M:%S} UTC",
        "remembered ids": str(found.remembered_ids),
        "first touch": _touch(found.first_touch),
        "last touch": _touch(found.last_touch),
    }
    print_table(("", f"{found.visitor_id} of {found.site_id}"), facts.items())
    print_table(COLUMNS, map(_cells, found.windows), title=f"{len(found.windows)} open windows, UTC")


COLUMNS = (
    "session", "from", "to", "events", "pages", "interactions", "conversions", "entry", "exit", "flags",
)  # fmt: skip


def _cells(window: WindowView) -> tuple[str, ...]:
    flags = [
        *(f"bot:{reason}" for reason in window.bot_reasons),
        *([f"user:{window.user_id}"] if window.user_id else []),
        *([f"merged:{window.merged_ids}"] if window.merged_ids else []),
    ]
    return (
        window.session_id,
        f"{window.start_at:%m-%d %H:%M:%S}",
        f"{window.end_at:%m-%d %H:%M:%S}",
        str(window.events),
        str(window.page_views),
        str(window.interactions),
        str(window.conversions),
        window.entry_path,
        window.exit_path,
        " ".join(flags),
    )


def _touch(touch: TouchView | None) -> str:
    if touch is None:
        return "-"
    parts = (touch.channel, touch.source, touch.campaign, touch.page, touch.country, touch.device_class)
    return ", ".join(part for part in parts if part)


def _refusal(worker: str, error: urllib.error.HTTPError) -> Exception:
    try:
        detail = json.load(error)["detail"]
    except (ValueError, KeyError, TypeError):
        return _no_worker(worker, f"it answers {error.code}, and not as a worker does")
    return NotFoundError(detail) if error.code == 404 else WorkerUnavailableError(detail)


def _no_worker(worker: str, why: str) -> WorkerUnavailableError:
    return WorkerUnavailableError(
        f"no worker answers at {worker}: {why}; start one (faust -A app.worker:worker worker), or name the "
        "web server of one with --worker URL"
    )
