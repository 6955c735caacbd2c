"""The command line root: ``wua COMMAND``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from app.errors import WuaError


class Command(NamedTuple):
    """A command: the module of app.commands that has it, and what it does, for the list of all."""

    module: str
    help: str


COMMANDS = {
    "demo": Command("demo", "the whole product in one process, with invented visitors"),
    "replay": Command("replay", "feed files of events or access logs"),
    "import": Command("imports", "take over the history of another analytics tool"),
    "dead-letters": Command("dead_letters", "list, show and send back what was refused"),
    "state": Command("state", "show the open windows of a visitor"),
    "erase": Command("persons", "remove a person from every table and from the state store, with a proof"),
    "export-person": Command("persons", "everything that is held of a person, as JSON"),
    "enrich": Command("enrich", "say what the pipeline decides about events"),
    "simulate": Command("simulate", "invent realistic traffic"),
    "sql": Command("sql", "run a read-only query, or say what can be asked"),
    "migrate": Command("migrate", "bring the ClickHouse schema up to date"),
    "reconcile": Command("reconcile", "compare bronze, silver and every gold; rebuild what differs"),
    "reclassify": Command("reclassify", "judge stored events by the rules and tables of today"),
    "check-metrics": Command("check_metrics", "check that figures agree with each other"),
    "import-search-console": Command(
        "import_search_console", "import an export of Google's Search Console (CSV)"
    ),
    "definitions": Command("definitions", "funnels and goals of a site: list, show, put, delete"),
    "keys": Command("keys", "make, list and revoke keys"),
    "users": Command("users", "who signs in to the dashboard"),
    "share": Command("share", "links to a site's dashboard, for reading alone"),
    "doctor": Command("doctor", "say what is reachable and what to do"),
    "topology": Command("topology", "draw the processing graph as Mermaid"),
    "clickhouse": Command("front", "serve an embedded ClickHouse to other processes of this machine"),
}


def parser(wanted: str = "") -> argparse.ArgumentParser:
    """The command line's grammar: of the command ``wanted``, else the names of all; imports take seconds."""
    root = argparse.ArgumentParser(prog="wua", description="Web User Analytics")
    subparsers = root.add_subparsers(required=True, metavar="COMMAND")
    if wanted in COMMANDS:
        import_module(f"app.commands.{COMMANDS[wanted].module}").add(subparsers)
        return root
    for name, command in COMMANDS.items():
        subparsers.add_parser(name, help=command.help)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 1 on an error that its message explains, 2 on wrong usage."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser(next((one for one in argv if one != "--"), "")).parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        return status
    except WuaError as error:
        print(f"wua: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        sys.stderr.close()
        return 0
