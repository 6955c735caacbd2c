"""``wua keys new``: a secret for servers with the digest that the settings take, or a write key for pages."""

from __future__ import annotations

import argparse
import secrets
from typing import Any

from app.core.keys import digest_of

SECRET_BYTES = 32
WRITE_KEY_BYTES = 12


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("keys", help="make keys of sites")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    new = actions.add_parser(
        "new",
        help="a new key",
        description="Prints a secret for servers and its digest. The secret is shown this once and kept "
        "nowhere: put it where the server reads it, and the digest into server_keys of the site.",
    )
    new.add_argument("--write", action="store_true", help="a write key for pages instead; it is no secret")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the key."""
    if arguments.write:
        print(f"write_keys: [{write_key()}]")
        return 0
    secret = new_secret()
    print(f"secret:      {secret}")
    print(f"server_keys: [{digest_of(secret)}]")
    return 0


def new_secret() -> str:
    """256 random bits as text."""
    return f"wua_{secrets.token_urlsafe(SECRET_BYTES)}"


def write_key() -> str:
    """A name that nobody hits upon, for pages to show: it keeps strays out, and no secrets in."""
    return secrets.token_hex(WRITE_KEY_BYTES)
