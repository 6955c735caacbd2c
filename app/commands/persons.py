"""``wua erase`` and ``wua export-person``: what is held of a person, removed with a proof, or handed out."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.adapters.clock import now_ms
from app.adapters.worker_state import default_worker
from app.commands.feeding import Fed, feeding, settings_over
from app.commands.letters_shown import plain, print_table
from app.embedded.stack import EmbeddedStack
from app.events.persons import ErasureReport, HeldRows, KeptTopic, Person, StateAnswer
from app.settings import Settings
from app.traffic.persons import Asked, AskState, Persons, worker_at
from web.inspect.visitor_state import describe

DAY_MS = 86_400_000
ERASE_PATH = "/api/v1/sites/SITE/persons/erase"


def add(subparsers: Any) -> None:
    """Declare both commands."""
    erasing = subparsers.add_parser(
        "erase",
        description="Lets the workers forget the person, then clears the tables; what is counted stays "
        "counted. 0 when nothing is left, 1 when something is, or when it was not confirmed. To run again is "
        "safe.",
    )
    exporting = subparsers.add_parser(
        "export-person",
        description="0 when the export is whole, 1 when something could not be asked or nothing is held.",
    )
    for parser in (erasing, exporting):
        parser.add_argument("--site", required=True, type=_id, metavar="ID")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--visitor", type=_id, metavar="ID")
        who.add_argument("--user", type=_id, metavar="ID", help="all visitors that were the user")
        parser.add_argument(
            "--worker", metavar="URL", help="web server of any worker; default: app.worker_url"
        )
        parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the embedded stack")
    erasing.add_argument("--yes", action="store_true", help="do not ask")
    erasing.add_argument("--json", action="store_true")
    erasing.set_defaults(run=run_erase)
    exporting.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")
    exporting.set_defaults(run=run_export)


def run_erase(arguments: argparse.Namespace) -> int:
    """Print what was removed and the proof; 1 where something is left."""
    loaded = settings_over(arguments.data)
    if not arguments.yes and not _confirmed(*asyncio.run(_held(arguments, loaded))):
        print("nothing was removed; --yes does it without asking", file=sys.stderr)
        return 1
    report = asyncio.run(_erase(arguments, loaded))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show(report)
    return 0 if report.is_complete else 1


def run_export(arguments: argparse.Namespace) -> int:
    """Write the export; 1 where something could not be asked."""
    loaded = settings_over(arguments.data)
    state = worker_at(_worker(arguments, loaded), loaded)
    export = asyncio.run(Persons(loaded, _asked(arguments), state=state).export(now_ms=now_ms()))
    text = msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(export)) + b"\n"
    if arguments.out:
        arguments.out.write_bytes(text)
    else:
        sys.stdout.buffer.write(text)
    for missing in export.missing:
        print(f"not in it: {missing}", file=sys.stderr)
    return 1 if export.missing else 0


def show(report: ErasureReport) -> None:
    """The report for people: what was removed, the queries that prove it, what goes on being held."""
    if not report.was_known:
        print("nothing was held of this person in any table")
    print(_ids(report.site_id, visitors=report.visitor_ids, users=report.user_ids))
    print_table(
        ("table", "removed", "left"),
        [(one.table, str(one.removed), str(one.left)) for one in report.tables],
    )
    print("Proof, each answered with the number under `left`:")
    for one in report.tables:
        print(f"  {one.query}")
    for state in report.states:
        print(f"State store, visitor {state.visitor_id}: {_said(state.answer)} {state.detail}".rstrip())
    print_table(
        ("topic", "goes on holding", "clean-up", "for"),
        [(one.topic, one.holds, one.cleanup or "?", _duration(one)) for one in report.topics],
        title="Kafka keeps messages until their time is over",
    )
    print("nothing is left" if report.is_complete else "SOMETHING IS LEFT: see above, then run it again")


async def _held(arguments: argparse.Namespace, loaded: Settings) -> tuple[Person, list[HeldRows]]:
    state = worker_at(_worker(arguments, loaded), loaded)
    return await Persons(loaded, _asked(arguments), state=state).held()


async def _erase(arguments: argparse.Namespace, loaded: Settings) -> ErasureReport:
    async with feeding(loaded, data=arguments.data, instead=ERASE_PATH) as fed:
        persons = Persons(fed.settings, _asked(arguments), state=_state(arguments, fed))
        return await persons.erase(fed.feeder)


def _state(arguments: argparse.Namespace, fed: Fed) -> AskState:
    return _own_state(fed.stack) if fed.stack else worker_at(_worker(arguments, fed.settings), fed.settings)


def _own_state(stack: EmbeddedStack) -> AskState:
    """Asks the state store of the stack in this process."""

    async def look(site: str, visitor: str) -> bytes | None:
        key = f"{site}:{visitor}".encode()
        for partition in range(stack.settings.broker.partitions):
            if state := stack.topology.windows.load(partition, [key]).get(key):
                view = describe(state, site=site, visitor=visitor, worker="embedded", partition=partition)
                return msgspec.json.encode(view)
        return None

    return look


def _confirmed(person: Person, held: Sequence[HeldRows]) -> bool:
    print_table(("table", "rows"), [(one.table, str(one.rows)) for one in held], title="Held of this person")
    print(_ids(person.site_id, visitors=person.visitors, users=person.users))
    if not sys.stdin.isatty():
        return False
    return input("Remove all of it, for good? [yes/no] ").strip().lower() == "yes"


def _ids(site_id: str, *, visitors: Sequence[str], users: Sequence[str]) -> str:
    of_users = f"; users: {', '.join(users)}" if users else ""
    return plain(f"Visitors of {site_id}: {', '.join(visitors) or 'none'}{of_users}").plain


def _said(answer: StateAnswer) -> str:
    return {
        StateAnswer.GONE: "gone, a worker says.",
        StateAnswer.PRESENT: "THERE IS ONE:",
        StateAnswer.NOT_ASKED: "the message was committed, but no worker was asked whether it is gone:",
    }[answer]


def _duration(topic: KeptTopic) -> str:
    if topic.retention_ms is None:
        return "? (retention.ms of the topic)"
    return "ever" if topic.retention_ms < 0 else f"{topic.retention_ms / DAY_MS:g} days"


def _asked(arguments: argparse.Namespace) -> Asked:
    return Asked(site_id=arguments.site, visitor=arguments.visitor or "", user=arguments.user or "")


def _worker(arguments: argparse.Namespace, loaded: Settings) -> str:
    return (arguments.worker or default_worker(loaded.app)).rstrip("/")


def _id(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("expected an id; the empty one is everybody's who has none")
    return text
