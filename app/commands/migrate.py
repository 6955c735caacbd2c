"""``wua migrate``: bring the ClickHouse schema up to date."""

from __future__ import annotations

import argparse
from typing import Any

from clickhouse_connect.driver.client import Client

from app import settings
from app.adapters.clickhouse import open_client, retention
from app.commands.progress import shown
from migrations import comments, runner


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "migrate",
        description="Applies the migrations that are pending, makes every view anew, and sets comments "
        "and TTLs; to run it again changes nothing.",
    )
    parser.add_argument("--status", action="store_true", help="say what is applied and what is pending")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Apply what is pending; 0 also when nothing was."""
    loaded = settings.load()
    clickhouse = loaded.clickhouse
    client = open_client(clickhouse, readonly=False)
    try:
        if arguments.status:
            for entry in runner.status(client, database=clickhouse.database):
                print(f"{entry.state:<8} {entry.name}")
            return 0
        with shown(as_json=arguments.json) as watch:
            applied = runner.migrate(
                client,
                database=clickhouse.database,
                cluster=clickhouse.cluster,
                replicated=clickhouse.replicated,
                dry_run=arguments.dry_run,
                watch=watch,
            )
        for migration in applied:
            print(("would apply " if arguments.dry_run else "applied ") + migration.name)
        is_changed = False
        for step in () if arguments.dry_run else (_explain, _set_retention):
            is_changed |= step(client, loaded)
        if not applied and not is_changed:
            print("nothing to do: the schema is up to date")
        return 0
    finally:
        client.close()


def _explain(client: Client, loaded: settings.Settings) -> bool:
    """Give tables their comments, and print whose were changed; whether any were."""
    clickhouse = loaded.clickhouse
    changed = comments.apply(client, database=clickhouse.database, cluster=clickhouse.cluster)
    if changed:
        print(f"comments set: {', '.join(changed)}")
    return bool(changed)


def _set_retention(client: Client, loaded: settings.Settings) -> bool:
    """Let sites keep what the settings ask for, and print what that changes; whether it changed anything."""
    changed = retention.apply(client, loaded)
    for site_id, days in sorted(changed.sites.items()):
        lifetime = f"{days} days at most" if days else "for as long as the tables say"
        print(f"rows of {site_id or 'every other site'} are kept {lifetime}")
    if changed.tables:
        print(f"TTL set: {', '.join(changed.tables)}")
    return bool(changed.tables or changed.sites)
