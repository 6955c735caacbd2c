"""What a ClickHouse error code means for us: wait and try again, or stop and tell the operator.

The tables are closed: a code that is not here is not retriable, and the process that got it ends so that its
supervisor and its operator notice. Codes are ClickHouse's own (``system.errors``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.errors import ReconcileError

_NETWORK = "check that ClickHouse is up and that the network to it and between its nodes is whole"
_KEEPER = "check ClickHouse Keeper or ZooKeeper and the replicas; writes resume when they agree again"
_BUSY = "ClickHouse is overloaded: lower the load, give it more cores, or raise its limits"
_MEMORY = "give ClickHouse more memory, raise max_server_memory_usage, or lower ingest.block_max_events"
_DISK = "free space on ClickHouse's disk, or add a volume; writes resume by themselves"
_MERGES = "merges cannot keep up: look at system.merges and the disk, or raise ingest.block_max_events"
_READ_ONLY = "ClickHouse refuses writes for now: check the replica, the disk, and the user's readonly setting"

_NO_TABLE = (
    "a table is missing: run `wua migrate`; one that was dropped later than it was migrated has to be made "
    "again by its statement in migrations/, and filled"
)
_VIEW = (
    "a view throws: mend the one that the message names, by CREATE OR REPLACE MATERIALIZED VIEW and never by "
    "MODIFY QUERY; the block is handled again at the next start"
)
_DAMAGED = (
    "a part is damaged, as after its disk was filled to the last byte: restart ClickHouse within eight "
    "minutes, while the parts that it was merged from are there; see docs/TROUBLESHOOTING.md"
)


class Code(msgspec.Struct, frozen=True):
    """ClickHouse's name of an error and what an operator does about it."""

    name: str
    advice: str


#: The same insert may succeed later without a change on our side.
RETRIABLE: Mapping[int, Code] = MappingProxyType(
    {
        75: Code("CANNOT_WRITE_TO_FILE_DESCRIPTOR", _DISK),
        95: Code("CANNOT_READ_FROM_SOCKET", _NETWORK),
        96: Code("CANNOT_WRITE_TO_SOCKET", _NETWORK),
        159: Code("TIMEOUT_EXCEEDED", _BUSY),
        160: Code("TOO_SLOW", _BUSY),
        164: Code("READONLY", _READ_ONLY),
        173: Code("CANNOT_ALLOCATE_MEMORY", _MEMORY),
        202: Code("TOO_MANY_SIMULTANEOUS_QUERIES", _BUSY),
        203: Code("NO_FREE_CONNECTION", _BUSY),
        209: Code("SOCKET_TIMEOUT", _NETWORK),
        210: Code("NETWORK_ERROR", _NETWORK),
        225: Code("NO_ZOOKEEPER", _KEEPER),
        236: Code("ABORTED", "ClickHouse is stopping or restarting; nothing to do unless it stays away"),
        241: Code("MEMORY_LIMIT_EXCEEDED", _MEMORY),
        242: Code("TABLE_IS_READ_ONLY", _READ_ONLY),
        243: Code("NOT_ENOUGH_SPACE", _DISK),
        244: Code("UNEXPECTED_ZOOKEEPER_ERROR", _KEEPER),
        252: Code("TOO_MANY_PARTS", _MERGES),
        254: Code("NO_ACTIVE_REPLICAS", _KEEPER),
        279: Code("ALL_CONNECTION_TRIES_FAILED", _NETWORK),
        285: Code("TOO_FEW_LIVE_REPLICAS", _KEEPER),
        286: Code("UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", _KEEPER),
        297: Code("SHARD_HAS_NO_CONNECTIONS", _NETWORK),
        319: Code("UNKNOWN_STATUS_OF_INSERT", _KEEPER),
        373: Code("SESSION_IS_LOCKED", _BUSY),
        394: Code("QUERY_WAS_CANCELLED", "somebody killed the query; it is sent again"),
        425: Code("SYSTEM_ERROR", "look at the operating system's log on the ClickHouse host"),
        439: Code("CANNOT_SCHEDULE_TASK", _BUSY),
        473: Code("DEADLOCK_AVOIDED", _BUSY),
        499: Code("S3_ERROR", "check the object storage behind ClickHouse's disk"),
        574: Code("DISTRIBUTED_TOO_MANY_PENDING_BYTES", _NETWORK),
        692: Code("TOO_MANY_MUTATIONS", _MERGES),
        722: Code("ASYNC_LOAD_WAIT_FAILED", "ClickHouse is still loading its tables"),
        999: Code("KEEPER_EXCEPTION", _KEEPER),
    }
)

#: Not retriable, and we know what the operator should do.
FINAL: Mapping[int, Code] = MappingProxyType(
    {
        16: Code("NO_SUCH_COLUMN_IN_TABLE", "the schema is older than this program: run `wua migrate`"),
        60: Code("UNKNOWN_TABLE", _NO_TABLE),
        81: Code("UNKNOWN_DATABASE", "check clickhouse.database, then run `wua migrate`"),
        115: Code("UNKNOWN_SETTING", "this ClickHouse is too old: upgrade it, see docs/TROUBLESHOOTING.md"),
        117: Code("INCORRECT_DATA", "schema and program disagree: run `wua migrate`"),
        192: Code("UNKNOWN_USER", "check the user in clickhouse.url"),
        193: Code("WRONG_PASSWORD", "check the password in clickhouse.url"),
        228: Code("BAD_SIZE_OF_FILE_IN_DATA_PART", _DAMAGED),
        246: Code("CORRUPTED_DATA", _DAMAGED),
        395: Code("FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", _VIEW),
        497: Code("ACCESS_DENIED", "grant the user of clickhouse.url what the message asks for"),
        516: Code("AUTHENTICATION_FAILED", "check user and password in clickhouse.url"),
    }
)

_NO_ADVICE = "read the message; see docs/TROUBLESHOOTING.md"
#: Half a kilobyte of settings in a URL, before what matters: why nobody answered.
_PARAMETERS = re.compile(r"(?<=/)\?\S+(?= )")
_TRACE = re.compile(r",? ?\(?Stack trace|\n\s*\d+\. ", re.IGNORECASE)


def is_retriable(code: int) -> bool:
    """Whether the same statement may succeed later."""
    return code in RETRIABLE


def describe(code: int) -> str:
    """``252 TOO_MANY_PARTS``, or the bare number where the code is not in our tables."""
    known = RETRIABLE.get(code) or FINAL.get(code)
    return f"{code} {known.name}" if known else str(code)


def advice(code: int) -> str:
    """What the operator does about the code."""
    known = RETRIABLE.get(code) or FINAL.get(code)
    return known.advice if known else _NO_ADVICE


def brief(message: str, *, limit: int = 600) -> str:
    """The message on one line, without the engine's stack trace and the parameters of the request."""
    head = _PARAMETERS.sub("", _TRACE.split(message, maxsplit=1)[0])
    line = " ".join(head.split())
    return line if len(line) <= limit else f"{line[:limit]}…"


def ask(
    client: Client,
    sql: str,
    bound: Mapping[str, Any],
    *,
    at: str,
    refuse: Callable[..., Exception] | None = None,
) -> Sequence[Any]:
    """The rows of the answer; raises what ``refuse`` makes of an error, else a ReconcileError."""
    try:
        rows: Sequence[Any] = client.query(sql, parameters=dict(bound)).result_rows
    except ClickHouseError as error:
        raise (refuse or refused)(error, at=at) from error
    return rows


def refused(error: ClickHouseError, *, at: str) -> ReconcileError:
    """What ClickHouse said, where, and what to do about it."""
    code: int | None = getattr(error, "code", None)
    text = brief(str(error))
    if code is None:
        return ReconcileError(f"{at}: {text}. Check clickhouse.url and that the server is up")
    return ReconcileError(f"{at}: ClickHouse error {describe(code)}: {text}. To do: {advice(code)}")
