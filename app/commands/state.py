"""``wua state --site S --visitor V``: what the workers keep about a visitor, asked of whichever has it."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from app import settings
from app.adapters.worker_state import ask, default_worker, no_worker
from app.commands.letters_shown import print_table
from web.inspect.visitor_state import TouchView, VisitorView, WindowView


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "state",
        description="Asks a worker's web server; a worker that has not the visitor asks the one that has. "
        "Read only.",
    )
    parser.add_argument("--site", required=True, metavar="ID")
    parser.add_argument("--visitor", required=True, metavar="ID")
    parser.add_argument("--worker", metavar="URL", help="web server of any worker; default: app.worker_url")
    parser.add_argument("--json", action="store_true", help="the answer as it is")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the visitor's state; 1 when there is none, or no worker can tell."""
    loaded = settings.load()
    worker = (arguments.worker or default_worker(loaded.app)).rstrip("/")
    key = loaded.web.admin_key.get_secret_value()
    raw = ask(worker, site=arguments.site, visitor=arguments.visitor, key=key)
    try:
        found = msgspec.json.decode(raw, type=VisitorView)
    except msgspec.DecodeError as error:
        raise no_worker(worker, f"its answer is not a visitor's state: {error}") from error
    if arguments.json:
        print(raw.decode())
    else:
        show(found)
    return 0


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
