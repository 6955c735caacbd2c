"""The command line root: it lists the commands without loading them, and loads the one that is wanted."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import ArgumentParser, _SubParsersAction

import pytest

from app.cli import COMMANDS, main, parser

HEAVY = ("faust", "clickhouse_connect", "chdb", "starlette")


def grammars(wanted: str) -> dict[str, ArgumentParser]:
    """The commands that the grammar knows, each with its own."""
    (found,) = (one for one in parser(wanted)._actions if isinstance(one, _SubParsersAction))
    return dict(found.choices)


def named(wanted: str) -> list[str]:
    """The commands that the grammar knows."""
    return [*grammars(wanted)]


def test_every_command_is_declared_by_the_module_that_is_named() -> None:
    for name, command in COMMANDS.items():
        assert named(name) == [other for other, one in COMMANDS.items() if one.module == command.module]
        assert command.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_says_what_it_does(name: str) -> None:
    command = grammars(name)[name]
    actions = [one for one in command._actions if isinstance(one, _SubParsersAction)]
    for grammar in (command, *(action for one in actions for action in one.choices.values())):
        assert grammar.description is not None, grammar.prog
        assert re.fullmatch(r"[A-Z0-9].*\.", grammar.description)


def test_the_list_of_commands_is_there_at_once() -> None:
    """Nothing that takes long to import is imported for it."""
    code = (
        "import sys; from app.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *listed, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert all(any(line.split()[:1] == [name] for line in listed) for name in COMMANDS)


@pytest.mark.parametrize("argv", [[], ["nope"], ["--", "nope"]])
def test_what_is_no_command_is_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
