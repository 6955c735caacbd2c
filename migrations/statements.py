"""A .sql file -> its statements, with the three placeholders filled in.

``{db}`` is the database, ``{on_cluster}`` is empty or ``ON CLUSTER '<name>'``, and ``{repl}`` is empty or
``Replicated``: it stands right before the name of an engine of the MergeTree family, so that
``{repl}SummingMergeTree`` becomes ``ReplicatedSummingMergeTree``, whose path in Keeper is the server's
default. ``{name:Type}`` is a parameter of a parameterized view and stays as it is.
"""

from __future__ import annotations

import re

import msgspec

from app.errors import MigrationError

_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_CLUSTER = re.compile(r"[A-Za-z0-9_.-]*")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TOKEN = re.compile(
    r"""
      (?P<literal>'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the schema lives: a database, on one server or on every node of a cluster."""

    database: str
    cluster: str = ""
    replicated: bool = False

    def __post_init__(self) -> None:
        if not _DATABASE.fullmatch(self.database):
            raise MigrationError(
                f"clickhouse.database = {self.database!r}: expected letters, digits and _, at most 64"
            )
        if not _CLUSTER.fullmatch(self.cluster):
            raise MigrationError(f"clickhouse.cluster = {self.cluster!r}: expected letters, digits, _ . -")
        if self.replicated and not self.cluster:
            # Without ON CLUSTER each node gives its table a UUID, hence a path in Keeper, of its own.
            raise MigrationError(
                "clickhouse.replicated is true but clickhouse.cluster is empty: the replicas would not find "
                "each other. Name the cluster, or set clickhouse.replicated to false"
            )

    @property
    def placeholders(self) -> dict[str, str]:
        """What each placeholder stands for."""
        return {
            "db": self.database,
            "on_cluster": f"ON CLUSTER '{self.cluster}'" if self.cluster else "",
            "repl": "Replicated" if self.replicated else "",
        }


def statements(sql: str, *, target: Target, file: str) -> list[str]:
    """The statements of ``sql``, ready to run on ``target``; ``file`` is for messages."""
    values = target.placeholders

    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            known = " ".join(f"{{{name}}}" for name in values)
            raise MigrationError(f"{file}: unknown placeholder {match[0]}; known are {known}")
        return values[match[1]]

    return [_PLACEHOLDER.sub(fill, statement) for statement in split(sql)]


def split(sql: str) -> list[str]:
    """The statements of ``sql`` without comments; a ``;`` in a string, name or comment ends none."""
    found: list[str] = []
    current: list[str] = []
    position = 0
    for match in _TOKEN.finditer(sql):
        current.append(sql[position : match.start()])
        position = match.end()
        if match["literal"] is not None:
            current.append(match[0])
        elif match["comment"] is not None:
            current.append(" ")
        else:
            found.append("".join(current))
            current = []
    found.append("".join([*current, sql[position:]]))
    return [statement.strip() for statement in found if statement.strip()]
