"""``wua definitions``: funnels and goals of a site, from and to files."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from app.adapters.clickhouse import QueryPool
from app.adapters.clock import now_ms
from app.commands.letters_shown import print_table
from app.commands.reconcile import patient_settings
from app.errors import NotFoundError, QueryError
from app.events.wire import SiteId
from views.definitions import Definitions, Kind, Stored
from views.funnels.model import FUNNEL
from views.goals import GOAL
from views.queries import Queries

KINDS: dict[str, Kind[Any]] = {kind.name: kind for kind in (FUNNEL, GOAL)}
COLUMNS = ("kind", "id", "version", "title")


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "definitions",
        description="Lists, shows, stores and deletes funnels and goals of a site, as the REST API does.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="what is defined, those of the settings first",
        description="Lists the funnels and goals of a site with their versions, those of the settings first.",
    )
    showing = actions.add_parser("show", help="one of them, as JSON", description="Prints one as JSON.")
    putting = actions.add_parser(
        "put",
        help="define what a file says",
        description="The file is YAML or JSON: `funnels` and `goals`, each by id, with the bodies of "
        "POST /api/v1/funnels and /api/v1/goals. What is defined like this already stays as it is; what the "
        "file does not name, too. A file with a mistake changes nothing.",
    )
    deleting = actions.add_parser(
        "delete",
        help="delete one; its versions stay",
        description="Deletes one that is stored; one of the settings is deleted there.",
    )
    for action, handler in ((listing, _list), (showing, _show), (putting, _put), (deleting, _delete)):
        action.add_argument("--site", required=True, type=_site, metavar="ID")
        action.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
        action.set_defaults(run=_asking(handler))
    for action in (showing, deleting):
        action.add_argument("kind", choices=[*KINDS])
        action.add_argument("id")
    putting.add_argument("file", type=Path)


Handler = Callable[[argparse.Namespace, Definitions], Coroutine[Any, Any, None]]


def _asking(handler: Handler) -> Callable[[argparse.Namespace], int]:
    async def asked(arguments: argparse.Namespace) -> None:
        loaded = patient_settings(arguments.data)
        pool = QueryPool(loaded.clickhouse)
        try:
            await handler(arguments, Queries(pool, settings=loaded).definitions)
        finally:
            await pool.close()

    def run(arguments: argparse.Namespace) -> int:
        asyncio.run(asked(arguments))
        return 0

    return run


async def _list(arguments: argparse.Namespace, definitions: Definitions) -> None:
    rows = [
        (kind.name, one.id, str(one.version), one.definition.title if one.definition else "")
        for kind in KINDS.values()
        for one in await definitions.listed(kind, site_id=arguments.site)
    ]
    print_table(COLUMNS, rows)


async def _show(arguments: argparse.Namespace, definitions: Definitions) -> None:
    kind = KINDS[arguments.kind]
    found = await definitions.get(kind, site_id=arguments.site, definition_id=arguments.id)
    print(msgspec.json.format(msgspec.json.encode(found.definition)).decode())


async def _put(arguments: argparse.Namespace, definitions: Definitions) -> None:
    # All of it is looked at before any of it is written.
    for kind, named, body in [*read(arguments.file)]:
        before = await _latest(definitions, kind, site_id=arguments.site, named=named)
        if before is not None and before.definition == body:
            print(f"{kind.name} {named}: version {before.version} says so already")
            continue
        about = {"site_id": arguments.site, "definition_id": named, "now_ms": now_ms()}
        if before is None:
            made = await definitions.create(kind, body, **about)
        else:
            made = await definitions.replace(kind, body, **about, expected=before.version)
        print(f"{kind.name} {named}: version {made.version}")


async def _delete(arguments: argparse.Namespace, definitions: Definitions) -> None:
    gone = await definitions.delete(
        KINDS[arguments.kind],
        site_id=arguments.site,
        definition_id=arguments.id,
        expected=None,
        now_ms=now_ms(),
    )
    print(f"deleted: {arguments.kind} {gone.id}")


async def _latest(
    definitions: Definitions, kind: Kind[Any], *, site_id: str, named: str
) -> Stored[Any] | None:
    try:
        return await definitions.get(kind, site_id=site_id, definition_id=named)
    except NotFoundError:
        return None


def read(file: Path) -> Iterator[tuple[Kind[Any], str, Any]]:
    """Kind, id and body of each definition of a file; QueryError that says where it is wrong."""
    try:
        told = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise QueryError(f"{file}: {error}") from error
    known = {f"{kind.name}s": kind for kind in KINDS.values()}
    if not isinstance(told, dict) or not told or not told.keys() <= known.keys():
        raise QueryError(f"{file}: expected {' and '.join(f'`{name}`' for name in known)}, each by id")
    for name, bodies in told.items():
        if not isinstance(bodies, dict):
            raise QueryError(f"{file}: {name}: expected definitions by id")
        for named, body in bodies.items():
            try:
                found = msgspec.convert(body, known[name].body)
                known[name].check(found)
            except (msgspec.ValidationError, RecursionError, QueryError) as error:
                raise QueryError(f"{file}: {name}.{named}: {error}") from error
            yield known[name], str(named), found


def _site(text: str) -> str:
    try:
        return msgspec.convert(text, SiteId)
    except msgspec.ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no site id: {error}") from error
