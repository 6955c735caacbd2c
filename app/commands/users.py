"""``wua users``: who signs in to the dashboard (add, list, grant, set-password, remove)."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from app import settings
from app.adapters.clickhouse.accounts import REMEMBERED_S, Accounts, UserRow
from app.adapters.clickhouse.changes import opened
from app.adapters.passwords import hashed
from app.commands.keys import site
from app.core.accounts import Role, name_of, password_fault
from app.core.api_keys import ALL_SITES
from app.errors import AccountError

T = TypeVar("T")

ID_BYTES = 6
NO_ROLE = "none"


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "users",
        description="Says who signs in to the dashboard, by a password or by the OpenID provider, and in "
        "which role at which sites.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    adding = actions.add_parser(
        "add",
        help="somebody signs in from now on",
        description="Asks for the password, or reads it from the first line of standard input.",
    )
    _named(adding)
    adding.add_argument("--role", choices=[*Role], default=Role.VIEWER, help="default: viewer")
    _at_sites(adding)
    adding.add_argument(
        "--oidc", action="store_true", help="without a password: signs in by the OpenID provider alone"
    )
    adding.set_defaults(run=run)
    actions.add_parser(
        "list",
        help="who signs in, and as what",
        description="Lists who signs in, by what, and the role at each site.",
    ).set_defaults(run=show)
    granting = actions.add_parser(
        "grant",
        help="give another role, or none, at sites",
        description="Gives a role in place of the one before, at the sites that are named or at all of them.",
    )
    _named(granting)
    granting.add_argument("--role", choices=[*Role, NO_ROLE], required=True)
    _at_sites(granting)
    granting.set_defaults(run=grant)
    setting = actions.add_parser(
        "set-password",
        help="a new password; every session of the person ends",
        description="Asks for the password, or reads it from the first line of standard input.",
    )
    _named(setting)
    setting.set_defaults(run=set_password)
    removing = actions.add_parser(
        "remove",
        help=f"signs in no more, within {REMEMBERED_S:.0f} s",
        description="Ends every session of the person, who signs in no more.",
    )
    _named(removing)
    removing.set_defaults(run=remove)


def run(arguments: argparse.Namespace) -> int:
    """Add somebody; 1 where the name is taken."""
    name = _name(arguments.name)
    row = UserRow(
        id=secrets.token_hex(ID_BYTES),
        changed_at=datetime.now(UTC),
        name=name,
        password_hash="" if arguments.oidc else hashed(_password(name)),
        subject="",
        roles={one: Role(arguments.role) for one in arguments.site or [ALL_SITES]},
    )
    with_accounts(lambda accounts: accounts.make(row))
    print(f"added: {name}, {_told(row)}")
    return 0


def show(_: argparse.Namespace) -> int:
    """Print everybody who signs in."""
    table = Table("name", "roles", "signs in by", "added")
    for one in with_accounts(lambda accounts: accounts.users()):
        row = one.latest
        way = "password" if row.password_hash else "OpenID provider"
        table.add_row(row.name, _told(row), way, f"{one.made_at:%Y-%m-%d %H:%M}Z")
    Console(markup=False, highlight=False).print(table)
    return 0


def grant(arguments: argparse.Namespace) -> int:
    """Give roles, or take them."""

    async def granted(accounts: Accounts) -> UserRow:
        row = await accounts.must_find(_name(arguments.name))
        roles = dict(row.roles)
        for one in arguments.site or [ALL_SITES]:
            roles.pop(one, None)
            if arguments.role != NO_ROLE:
                roles[one] = Role(arguments.role)
        return await accounts.change(row, at=datetime.now(UTC), roles=roles)

    row = with_accounts(granted)
    print(f"{row.name}: {_told(row)}; web servers know within {REMEMBERED_S:.0f} s")
    return 0


def set_password(arguments: argparse.Namespace) -> int:
    """Set a password."""

    async def changed(accounts: Accounts) -> UserRow:
        row = await accounts.must_find(_name(arguments.name))
        return await accounts.change(row, at=datetime.now(UTC), password_hash=hashed(_password(row.name)))

    row = with_accounts(changed)
    print(f"{row.name}: the password is set; every session ends within {REMEMBERED_S:.0f} s")
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Remove somebody."""

    async def removed(accounts: Accounts) -> UserRow:
        row = await accounts.must_find(_name(arguments.name))
        await accounts.remove(row, at=datetime.now(UTC))
        return row

    row = with_accounts(removed)
    print(f"removed: {row.name}; every session ends within {REMEMBERED_S:.0f} s")
    return 0


def with_accounts(work: Callable[[Accounts], Awaitable[T]]) -> T:
    """What ``work`` finds of, or does to, the accounts of the settings."""

    async def done() -> T:
        async with opened(settings.load().clickhouse) as store:
            return await work(Accounts(store))

    return asyncio.run(done())


def ask_password(prompt: str) -> str:
    """A password from the terminal, asked for twice, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    given = getpass.getpass(f"{prompt}: ")
    if getpass.getpass("Once more: ") != given:
        raise AccountError("the two passwords differ; nothing was changed")
    return given


def _password(name: str) -> str:
    given = ask_password(f"Password of {name}")
    if fault := password_fault(given, name=name):
        raise AccountError(f"{fault}; nothing was changed")
    return given


def _name(text: str) -> str:
    name = name_of(text)
    if name is None:
        raise AccountError(
            f"no name {text[:128]!r}: expected a word or a mail address, of letters, digits and . _ % + @ -"
        )
    return name


def _told(row: UserRow) -> str:
    return ", ".join(f"{role} of {one}" for one, role in sorted(row.roles.items())) or "no role"


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="what the person signs in with, such as a mail address")


def _at_sites(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--site", action="append", type=site, help="at this site alone; may be given again. Default: all"
    )
