"""migrations/NNNN_verb_noun.sql, views/*.sql -> the schema of a database.

A migration is applied once and recorded with its checksum in ``schema_migrations``; once released it is never
edited, the next change is a new file. Its statements can be repeated (IF NOT EXISTS), so a run that failed in
the middle is resumed by running again. Views hold no data: they are created anew by every run.

On a server the files are used as they are; on a cluster (``cluster``) every statement runs ``ON CLUSTER``,
and with ``replicated`` each engine of the MergeTree family becomes its Replicated one (migrations.statements
says how). A cluster without replication records what was applied on the node that was asked: migrate through
the same one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.codes import advice, brief, describe
from app.adapters.clickhouse.watching import UNWATCHED, Watch
from app.errors import MigrationError
from migrations.comments import explained
from migrations.statements import Target, statements

_NAME = re.compile(r"(?P<version>\d{4})_[a-z0-9_]+\.sql")

_CREATE_RECORD = """
CREATE DATABASE IF NOT EXISTS {db} {on_cluster} ENGINE = Atomic;
CREATE TABLE IF NOT EXISTS {db}.schema_migrations {on_cluster}
(
    version UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {repl}ReplacingMergeTree(applied_at)
ORDER BY version
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800
"""


class State(StrEnum):
    """How a migration stands between the files and the database."""

    APPLIED = "applied"
    PENDING = "pending"
    CHANGED = "changed"
    UNKNOWN = "unknown"


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """A migration file. The checksum is of its text before placeholders are filled in."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, the same whatever the line ends of the checkout."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()


class AppliedMigration(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that this run applied, or with ``dry_run`` would have."""

    version: int
    name: str
    checksum: str


class MigrationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that is on disk, in the database, or both."""

    version: int
    name: str
    state: State


def migrate(
    client: Client,
    *,
    database: str,
    cluster: str = "",
    replicated: bool = False,
    dry_run: bool = False,
    watch: Watch = UNWATCHED,
) -> list[AppliedMigration]:
    """Apply what is pending, then every view; returns the migrations applied, oldest first.

    With ``dry_run`` nothing is written, and what would be applied is returned. Raises MigrationError when the
    database holds another history than the files, or a statement fails.
    """
    target = Target(database=database, cluster=cluster, replicated=replicated)
    known = load()
    recorded = _recorded(client, target)
    _refuse_other_history(known, recorded, target=target)
    pending = [migration for migration in known if migration.version not in recorded]
    applied = [
        AppliedMigration(version=migration.version, name=migration.name, checksum=migration.checksum)
        for migration in pending
    ]
    if dry_run:
        return applied
    _run(client, _CREATE_RECORD, target=target, file="schema_migrations")
    watch.begin("migrations", parts=len(pending))
    for migration in pending:
        _run(client, migration.sql, target=target, file=f"migrations/{migration.name}")
        _record(client, migration, target=target)
        log.get("migrations").info("migration.applied", name=migration.name, database=database)
        watch.part(migration.name)
    views = load_views()
    watch.begin("views", parts=len(views))
    for name, sql in views:
        _run(client, explained(sql), target=target, file=f"views/{name}")
        watch.part(name)
    return applied


def status(client: Client, *, database: str) -> list[MigrationStatus]:
    """Each migration on disk or in the database and how it stands, by version; changes nothing."""
    known = {migration.version: migration for migration in load()}
    recorded = _recorded(client, Target(database=database))
    return [
        MigrationStatus(
            version=version,
            name=known[version].name if version in known else recorded[version][0],
            state=_state(known.get(version), recorded.get(version)),
        )
        for version in sorted(known.keys() | recorded.keys())
    ]


def load() -> list[Migration]:
    """The migrations of this installation, by version; raises MigrationError when two share one."""
    found = [
        Migration(version=int(match["version"]), name=entry.name, sql=entry.read_text(encoding="utf-8"))
        for entry in files("migrations").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    found.sort(key=lambda migration: migration.name)
    for first, second in pairwise(found):
        if first.version == second.version:
            raise MigrationError(
                f"migrations/{first.name} and {second.name} have the same number; give one the next free one"
            )
    return found


def load_views() -> list[tuple[str, str]]:
    """Name and text of each views/*.sql, by name."""
    entries = [entry for entry in files("views").iterdir() if entry.name.endswith(".sql")]
    return sorted((entry.name, entry.read_text(encoding="utf-8")) for entry in entries)


def _state(known: Migration | None, recorded: tuple[str, str] | None) -> State:
    if known is None:
        return State.UNKNOWN
    if recorded is None:
        return State.PENDING
    return State.APPLIED if recorded[1] == known.checksum else State.CHANGED


def _refuse_other_history(
    known: Sequence[Migration], recorded: Mapping[int, tuple[str, str]], *, target: Target
) -> None:
    by_version = {migration.version: migration for migration in known}
    for version, (name, checksum) in sorted(recorded.items()):
        match _state(by_version.get(version), (name, checksum)):
            case State.UNKNOWN:
                raise MigrationError(
                    f"database {target.database} has migration {name}, which this version does not know: a "
                    "newer version made it. Run that version or a later one"
                )
            case State.CHANGED:
                raise MigrationError(
                    f"migrations/{by_version[version].name} was changed after database {target.database} had "
                    f"applied it (checksum {by_version[version].checksum[:12]}, applied {checksum[:12]}). "
                    "Restore the file as it was released and put the change into a new migration"
                )


def _recorded(client: Client, target: Target) -> dict[int, tuple[str, str]]:
    """Version -> name and checksum of what the database has; nothing where it has no schema yet."""
    try:
        exists = client.query(
            "SELECT count() FROM system.tables WHERE database = {db:String} AND name = 'schema_migrations'",
            parameters={"db": target.database},
        ).result_rows[0][0]
        if not exists:
            return {}
        rows = client.query(
            "SELECT version, name, checksum FROM {db:Identifier}.schema_migrations FINAL ORDER BY version",
            parameters={"db": target.database},
        ).result_rows
    except ClickHouseError as error:
        raise _failed(error, at=f"{target.database}.schema_migrations cannot be read") from error
    return {version: (name, checksum) for version, name, checksum in rows}


def _record(client: Client, migration: Migration, *, target: Target) -> None:
    try:
        client.insert(
            f"{target.database}.schema_migrations",
            [(migration.version, migration.name, migration.checksum)],
            column_names=["version", "name", "checksum"],
            settings={"async_insert": 0},
        )
    except ClickHouseError as error:
        raise _failed(error, at=f"{migration.name} ran but could not be recorded as applied") from error


def _run(client: Client, sql: str, *, target: Target, file: str) -> None:
    for number, statement in enumerate(statements(sql, target=target, file=file), start=1):
        try:
            client.command(statement)
        except ClickHouseError as error:
            first = statement.partition("\n")[0].strip()
            raise _failed(error, at=f"{file}, statement {number} ({first}) failed") from error


def _failed(error: ClickHouseError, *, at: str) -> MigrationError:
    code: int | None = getattr(error, "code", None)
    text = brief(str(error))
    if code is None:
        return MigrationError(f"{at}: {text}. Check clickhouse.url and that the server is up, then run again")
    return MigrationError(
        f"{at}: ClickHouse error {describe(code)}: {text}. To do: {advice(code)}; then run again, what was "
        "done stays done"
    )
