"""``wua dead-letters list|show|replay``: what was refused, why, and the way back."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.adapters.clickhouse import QueryPool
from app.adapters.clock import now_ms
from app.adapters.rules import rules_of
from app.commands.feeding import feeding, settings_over
from app.commands.letters_shown import print_fates, print_letter, print_list
from app.commands.progress import shown
from app.errors import BrokerUnavailableError, WuaError
from app.events.dead_letter import Fate, KeptLetter
from app.events.vocabulary import RejectReason
from app.settings import Settings
from app.traffic.persons import Sends
from app.traffic.returns import Returns
from views.answers import DeadLetterDetail, DeadLetterList
from views.letters import LetterFilter
from views.params import parse_moment
from views.queries import Queries
from web.api.dead_letters import ReplayAnswer, answer

LISTED = 20
MOST = 1_000_000_000

T = TypeVar("T")


def add(subparsers: Any) -> None:
    """Declare the command and what it can do."""
    parser = subparsers.add_parser(
        "dead-letters",
        description="Lists events that were refused, with the reason, shows one whole, and sends them "
        "back to the events topic.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="the latest, and how many there are by reason",
        description="Lists the latest that pass the filters, and counts those there are by reason.",
    )
    listing.add_argument("--limit", type=_count, default=LISTED, metavar="N", help=f"default {LISTED}")
    listing.set_defaults(run=run_list)
    showing = actions.add_parser(
        "show",
        help="one whole, with its payload and the refusals before",
        description="Shows one with its payload, why it was refused, and when it was refused before.",
    )
    showing.add_argument("id", metavar="ID", help="epoch-partition-offset, as the list has it")
    showing.set_defaults(run=run_show)
    replaying = actions.add_parser(
        "replay",
        help="send them back to the events topic",
        description="Sends payloads back as they are, the same event under the same key, once what refused "
        "them is cured. An event counts once, however often it is sent. What cannot go back is told, with "
        "what to do; the others go. 0 when nothing is left to do, 1 when something is.",
    )
    replaying.add_argument(
        "ids", nargs="*", metavar="ID", help="these alone; default: all that the filters let through"
    )
    replaying.add_argument("--limit", type=_count, metavar="N", help="at most the latest N")
    replaying.add_argument("--dry-run", action="store_true", help="only say what would become of each")
    replaying.add_argument("--force", action="store_true", help="also what would be refused again")
    replaying.add_argument("--drain", action="store_true", help="wait until the workers have handled them")
    replaying.set_defaults(run=run_replay)
    for action in (listing, replaying):
        action.add_argument("--reason", choices=[*RejectReason], metavar="REASON")
        action.add_argument("--since", metavar="T", help="refused since: 2026-03-31T10:00Z, or 12h ago")
        action.add_argument("--site", metavar="ID", help="as far as it could be read")
    for action in (listing, showing, replaying):
        action.add_argument("--json", action="store_true")
        action.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")


def run_list(arguments: argparse.Namespace) -> int:
    """Print the latest letters and the reasons."""
    which = _which(arguments)

    async def ask(queries: Queries) -> DeadLetterList:
        return await queries.dead_letters(which, limit=arguments.limit)

    _tell(arguments, asyncio.run(_asked(settings_over(arguments.data), ask)), print_list)
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print one letter whole."""

    async def ask(queries: Queries) -> DeadLetterDetail:
        return await queries.dead_letter(arguments.id)

    _tell(arguments, asyncio.run(_asked(settings_over(arguments.data), ask)), print_letter)
    return 0


def run_replay(arguments: argparse.Namespace) -> int:
    """Send the letters back and print what became of each; 1 where somebody has to do something."""
    which = _which(arguments)
    if arguments.ids and (which != LetterFilter() or arguments.limit):
        raise WuaError("IDs name the letters by themselves: leave out --reason, --since, --site and --limit")
    done = asyncio.run(_replay(arguments, which))
    _tell(arguments, done, print_fates)
    return 1 if any(getattr(done, fate) for fate in Fate if fate.is_open) else 0


def _tell(arguments: argparse.Namespace, found: T, in_words: Callable[[T], None]) -> None:
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        in_words(found)


async def _asked(loaded: Settings, ask: Callable[[Queries], Awaitable[T]]) -> T:
    async with _queries(loaded) as queries:
        return await ask(queries)


async def _replay(arguments: argparse.Namespace, which: LetterFilter) -> ReplayAnswer:
    async with _sending(arguments) as (loaded, feeder), _queries(loaded) as queries:
        returns = Returns(
            rules=rules_of(loaded),
            accepted=queries.accepted_events,
            send=feeder.send if feeder else None,
            force=arguments.force,
        )
        try:
            with shown(as_json=arguments.json) as progress:
                progress.begin("dead letters", rows=len(arguments.ids) or arguments.limit, unit="letters")
                async for page in _pages(queries, arguments, which):
                    await returns.take(page)
                    progress.advance(len(page))
        except BrokerUnavailableError:
            print(f"{returns.fates[Fate.SENT]} were sent before; to run again is safe", file=sys.stderr)
            raise
        if feeder and (arguments.drain or arguments.data):
            await feeder.drain()
        return answer(returns, is_dry_run=arguments.dry_run)


async def _pages(
    queries: Queries, arguments: argparse.Namespace, which: LetterFilter
) -> AsyncIterator[list[KeptLetter]]:
    if arguments.ids:
        yield await queries.letters_named(arguments.ids)
        return
    async for page in queries.letter_pages(which, limit=arguments.limit):
        yield page


@contextlib.asynccontextmanager
async def _sending(arguments: argparse.Namespace) -> AsyncIterator[tuple[Settings, Sends | None]]:
    """The settings, and what sends to the events topic: of Kafka, or of the embedded stack over --data."""
    loaded = settings_over(arguments.data)
    if arguments.dry_run:
        yield loaded, None
    else:
        async with feeding(loaded, data=arguments.data, instead="/api/v1/dead-letters/replay") as fed:
            yield fed.settings, fed.feeder


@contextlib.asynccontextmanager
async def _queries(loaded: Settings) -> AsyncIterator[Queries]:
    pool = QueryPool(loaded.clickhouse)
    try:
        yield Queries(pool, settings=loaded)
    finally:
        await pool.close()


def _which(arguments: argparse.Namespace) -> LetterFilter:
    since = arguments.since
    return LetterFilter(
        reason=RejectReason(arguments.reason) if arguments.reason else None,
        site_id=arguments.site,
        since=None if since is None else parse_moment("--since", since, now_ms=now_ms()),
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 to {MOST}")
    return int(text)
