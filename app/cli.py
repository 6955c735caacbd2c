"""The command line root: ``wua COMMAND``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from app.errors import WuaError

#: Command -> the module of app.commands that has it.
COMMANDS = {
    "demo": "demo",
    "replay": "replay",
    "import": "imports",
    "dead-letters": "dead_letters",
    "state": "state",
    "erase": "persons",
    "export-person": "persons",
    "enrich": "enrich",
    "simulate": "simulate",
    "sql": "sql",
    "migrate": "migrate",
    "reconcile": "reconcile",
    "reclassify": "reclassify",
    "check-metrics": "check_metrics",
    "import-search-console": "import_search_console",
    "definitions": "definitions",
    "keys": "keys",
    "users": "users",
    "share": "share",
    "doctor": "doctor",
    "topology": "topology",
    "clickhouse": "front",
}


def parser(wanted: str = "") -> argparse.ArgumentParser:
    """The command line's grammar; of one command alone where it is known which, for imports take seconds."""
    root = argparse.ArgumentParser(prog="wua", description="Web User Analytics")
    subparsers = root.add_subparsers(required=True, metavar="COMMAND")
    # A module may have more than one of them.
    for module in [COMMANDS[wanted]] if wanted in COMMANDS else dict.fromkeys(COMMANDS.values()):
        import_module(f"app.commands.{module}").add(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 1 on an error that its message explains, 2 on wrong usage."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser(argv[0] if argv else "").parse_args(argv)
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
