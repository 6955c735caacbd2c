"""``wua clickhouse``: serve a data directory's chDB engine over ClickHouse's HTTP interface, on loopback."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from app import log, settings
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import run_front


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "clickhouse",
        description="For development without a ClickHouse server: several workers and the web server share "
        "one engine, each with clickhouse.url set to this front's address.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="data directory")
    parser.add_argument("--port", type=int, default=8123)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    loaded = settings.load()
    log.configure(loaded.log)
    asyncio.run(run_front(ChdbEngine.of(loaded.clickhouse, arguments.data), port=arguments.port))
    return 0
