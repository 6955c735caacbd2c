"""``wua share``: links that show a site's dashboard to whoever has them (new, list, revoke)."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from app import settings
from app.adapters.clickhouse.accounts import REMEMBERED_S
from app.adapters.passwords import hashed
from app.adapters.shares import made
from app.commands.keys import site
from app.commands.users import ask_password, with_accounts
from app.core.accounts import password_fault
from app.core.shares import MAX_LABEL, ancestors_fault, page_fault
from app.errors import AccountError
from views.stats.model import Filter


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "share",
        description="Makes, lists and revokes links that show a site's dashboard, for reading alone, to "
        "whoever has them.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    new = actions.add_parser(
        "new",
        help="a new link",
        description="Whoever has the link sees what the dashboard sums up, and nothing of single people.",
    )
    new.add_argument("--site", required=True, type=site)
    new.add_argument("--label", default="", help="whom it is for")
    new.add_argument("--page", default="/", help="the page of the dashboard that it opens")
    new.add_argument("--filter", default="", help="JSON as in POST /api/v1/query: it shows nothing else")
    new.add_argument("--password", action="store_true", help="ask for a password that it is opened with")
    new.add_argument(
        "--embed", action="append", default=[], metavar="ORIGIN", help="pages of this origin may embed it"
    )
    new.set_defaults(run=run)
    actions.add_parser(
        "list",
        help="the links, without their secrets",
        description="Lists the links with what they show, without their secrets.",
    ).set_defaults(run=show)
    revoking = actions.add_parser(
        "revoke",
        help=f"a link opens nothing any more, within {REMEMBERED_S:.0f} s",
        description="Revokes a link for good.",
    )
    revoking.add_argument("share_id", help="as `wua share list` shows it")
    revoking.set_defaults(run=revoke)


def run(arguments: argparse.Namespace) -> int:
    """Print the path of a new link, which is shown this once."""
    loaded = settings.load()
    _check(arguments)
    password = ask_password("Password of the link") if arguments.password else ""
    if arguments.password and (fault := password_fault(password, name="")):
        raise AccountError(f"{fault}; nothing was changed")
    row, token = made(
        at=datetime.now(UTC),
        site_id=arguments.site,
        label=arguments.label[:MAX_LABEL],
        page=arguments.page,
        filter=arguments.filter,
        password_hash=hashed(password) if password else "",
        frame_ancestors=tuple(arguments.embed),
    )
    with_accounts(lambda accounts: accounts.add_share(row))
    print(f"link:  {row.id}")
    print(f"open:  {loaded.web.public_url}/share/{token}")
    if row.frame_ancestors:
        print(f"embed: {loaded.web.public_url}/embed/{token}")
    return 0


def show(_: argparse.Namespace) -> int:
    """Print every link and how it stands."""
    table = Table("link", "label", "site", "page", "filter", "password", "embedded by", "made", "state")
    for one in with_accounts(lambda accounts: accounts.shares()):
        row = one.latest
        table.add_row(
            row.id,
            row.label,
            row.site_id,
            row.page,
            row.filter,
            "yes" if row.password_hash else "no",
            " ".join(row.frame_ancestors),
            f"{one.made_at:%Y-%m-%d %H:%M}Z",
            "revoked" if one.is_gone else "open",
        )
    Console(markup=False, highlight=False).print(table)
    return 0


def revoke(arguments: argparse.Namespace) -> int:
    """Revoke a link."""
    at = datetime.now(UTC)
    row = with_accounts(lambda accounts: accounts.revoke_share(arguments.share_id, at=at))
    print(f"revoked: {row.id}; web servers refuse it within {REMEMBERED_S:.0f} s")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    fault = page_fault(arguments.page) or ancestors_fault(arguments.embed)
    if arguments.embed and arguments.password:
        fault = "a link with a password cannot be embedded: browsers keep no cookie of a page within a page"
    if arguments.filter:
        try:
            found = msgspec.json.decode(arguments.filter, type=Filter)
            arguments.filter = msgspec.json.encode(found).decode()
        except msgspec.DecodeError as error:
            fault = f"filter = {arguments.filter[:64]!r}: expected JSON as in POST /api/v1/query; {error}"
    if fault:
        raise AccountError(f"{fault}; nothing was made")
