"""``wua keys``: keys of the API (new, list, revoke), secrets for servers, and write keys for pages."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from app import settings
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.api_keys import REMEMBERED_S, KeyLog, new_key, new_secret
from app.core.api_keys import ALL_SITES, KeyScope
from app.core.keys import digest_of
from app.errors import KeyStoreError
from app.events.wire import SiteId

WRITE_KEY_BYTES = 12
#: In characters; more would not fit a line.
MAX_LABEL = 100


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "keys",
        description="Makes keys of the API, secrets for servers and write keys for pages; lists and "
        "revokes those of the API.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    new = actions.add_parser(
        "new",
        help="a new key",
        description="Without --scope: prints a secret for servers and its digest, for server_keys of the "
        "site. With --scope: a key of the API, which is known to the web servers within seconds. Secrets "
        "are shown this once and kept nowhere.",
    )
    new.add_argument("--write", action="store_true", help="a write key for pages instead; it is no secret")
    new.add_argument(
        "--scope",
        action="append",
        choices=[*KeyScope],
        help="a key of the API, for this; may be given again",
    )
    new.add_argument(
        "--site",
        action="append",
        type=site,
        help="of this site alone; may be given again",
    )
    new.add_argument("--label", default="", help="what people call the key, such as whom it is for")
    new.set_defaults(run=run)
    listing = actions.add_parser(
        "list",
        help="the keys of the API, without their secrets",
        description="Lists the keys of the API with their scopes and sites, without their secrets.",
    )
    listing.set_defaults(run=show)
    revoking = actions.add_parser(
        "revoke",
        help=f"a key opens nothing any more, within {REMEMBERED_S:.0f} s",
        description="Revokes a key of the API for good.",
    )
    revoking.add_argument("key_id", help="as `wua keys list` shows it")
    revoking.set_defaults(run=revoke)


def run(arguments: argparse.Namespace) -> int:
    """Print the key; 2 where the arguments do not go together."""
    if arguments.write and (arguments.scope or arguments.site):
        print("wua: a write key has no scope, and stands at its site in faust.yml", file=sys.stderr)
        return 2
    if arguments.site and not arguments.scope:
        print("wua: --site limits a key of the API: give --scope too", file=sys.stderr)
        return 2
    if arguments.write:
        print(f"write_keys: [{write_key()}]")
    elif arguments.scope:
        _make(arguments)
    else:
        secret = new_secret()
        print(f"secret:      {secret}")
        print(f"server_keys: [{digest_of(secret)}]")
    return 0


def show(_: argparse.Namespace) -> int:
    """Print every key and how it stands."""
    with _log() as keys:
        listed = keys.listed()
    table = Table("key", "label", "scopes", "sites", "made", "state")
    for one in listed:
        key = one.key
        state = "revoked" if one.is_revoked else "open"
        made = f"{one.made_at:%Y-%m-%d %H:%M}Z"
        table.add_row(
            key.key_id, key.label, " ".join(sorted(key.scopes)), " ".join(sorted(key.sites)), made, state
        )
    Console(markup=False, highlight=False).print(table)
    return 0


def revoke(arguments: argparse.Namespace) -> int:
    """Revoke a key."""
    with _log() as keys:
        found = keys.revoke(arguments.key_id, at=datetime.now(UTC))
    print(f"revoked: {found.key.key_id}; web servers refuse it within {REMEMBERED_S:.0f} s")
    return 0


def write_key() -> str:
    """A name that nobody hits upon, for pages to show: it keeps strays out, and no secrets in."""
    return secrets.token_hex(WRITE_KEY_BYTES)


def _make(arguments: argparse.Namespace) -> None:
    key, secret, digest = new_key(
        label=arguments.label[:MAX_LABEL], scopes=arguments.scope, sites=arguments.site or [ALL_SITES]
    )
    with _log() as keys:
        keys.add(key, digest=digest, at=datetime.now(UTC))
    print(f"key:    {key.key_id}")
    print(f"secret: {secret}")


@contextmanager
def _log() -> Iterator[KeyLog]:
    clickhouse = settings.load().clickhouse
    try:
        client = open_client(clickhouse, readonly=False)
    except ClickHouseError as error:
        raise KeyStoreError(f"ClickHouse cannot be reached: {error}; check clickhouse.url") from error
    try:
        yield KeyLog(client, database=clickhouse.database)
    finally:
        client.close()


def site(text: str) -> str:
    """The site id that an argument is."""
    try:
        return msgspec.convert(text, SiteId)
    except msgspec.ValidationError as error:
        raise argparse.ArgumentTypeError(f"no site id: {error}") from error
