"""The command line root: ``wua COMMAND``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from app.commands import demo, doctor, enrich, front, migrate, replay, simulate, sql, topology
from app.errors import WuaError

COMMANDS = (demo, replay, enrich, simulate, sql, migrate, doctor, topology, front)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    root = argparse.ArgumentParser(prog="wua", description="Web User Analytics")
    subparsers = root.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 1 on an error that its message explains, 2 on wrong usage."""
    arguments = parser().parse_args(argv)
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
