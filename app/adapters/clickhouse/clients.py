"""clickhouse.url -> a client of clickhouse-connect, and a pool that gives each piece of work one of its own.

A client does one thing at a time and blocks, so work runs in the pool's threads; both the HTTP client and the
chDB engine release the GIL while they wait. TRICKY: an engine does not survive ``fork()``: a child's first
query hangs. Start processes with ``spawn`` or ``exec``.
"""

from __future__ import annotations

import asyncio
import fcntl
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import LifoQueue
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    DataError,
    InternalError,
    NotSupportedError,
    ProgrammingError,
)
from clickhouse_connect.driver.httpclient import HttpClient

from app.adapters.clickhouse.codes import brief
from app.errors import EmbeddedError
from app.settings import ClickHouseSettings

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5
MAX_RESULT_ROWS = 1_000_000
MAX_QUERY_MEMORY_BYTES = 4 * 1024**3
#: Hosts to which packing bytes costs more than sending them.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: What makes answers quick that take 10 to 300 ms and are asked again and again; each is the other way round
#: by default. Nothing is compiled for an expression that was met three times (20 to 200 ms), no statistics of
#: parts are read anew for each question (1 ms), the columns of a filter are read in one step and not in one
#: for each condition, and small reads are kept unpacked, if there is room for it (``clickhouse.cache_mb``).
QUICK = {
    "compile_expressions": 0,
    "compile_aggregate_expressions": 0,
    "compile_sort_description": 0,
    "use_statistics": 0,
    "enable_multiple_prewhere_read_steps": 0,
    "use_uncompressed_cache": 1,
}
#: Mistakes of the caller: these do not mean that ClickHouse is away.
_OURS = (ProgrammingError, DataError, InternalError, NotSupportedError)


def open_client(settings: ClickHouseSettings, *, readonly: bool) -> Client:
    """A connected client; with ``readonly`` it can only read, within limits of time, rows and memory.

    Raises EmbeddedError when a chDB directory cannot be opened, and clickhouse-connect's own errors when a
    server cannot be reached.
    """
    client = _open_chdb(settings) if is_embedded(settings) else _open_http(settings, readonly=readonly)
    try:
        if readonly:
            _restrict(client, timeout_s=settings.query_timeout_s)
    except BaseException:
        client.close()
        raise
    return client


def is_embedded(settings: ClickHouseSettings) -> bool:
    """Whether the URL names a chDB directory of this process."""
    return settings.url.startswith("chdb://")


def place(settings: ClickHouseSettings) -> str:
    """Where ClickHouse is, for messages: never the user or the password."""
    if is_embedded(settings):
        return settings.url
    url = urlsplit(settings.url)
    return f"{url.scheme}://{url.hostname}:{_port(settings)}"


def insert_compression(settings: ClickHouseSettings) -> str | None:
    """How insert bodies are packed on their way: not at all within one machine."""
    return None if is_embedded(settings) or urlsplit(settings.url).hostname in LOOPBACK else "lz4"


def is_unreachable(error: ClickHouseError) -> bool:
    """Whether no ClickHouse answered: the network, a proxy, or a server that is starting or stopping."""
    return getattr(error, "code", None) is None and not isinstance(error, _OURS)


def engine_error(directory: Path, error: Exception) -> EmbeddedError:
    """Why chDB would not open ``directory``, and what to do about it."""
    text = brief(str(error))
    if "already initialized with path" in text:
        return EmbeddedError(
            f"{directory}: this process already runs a chDB engine on another directory, and a process can "
            f"have one only; use that one, or start another process. Engine: {text}"
        )
    if _is_locked(directory):
        return EmbeddedError(
            f"{directory}: another process{_owner(directory)} uses this chDB directory. Stop that process, "
            "or set clickhouse.url to the http:// address that it serves."
        )
    return EmbeddedError(
        f"{directory}: chDB cannot open this directory; check that it is a writable directory with free "
        f"space, written by this or an older version of chdb. Engine: {text}"
    )


def _open_chdb(settings: ClickHouseSettings) -> Client:
    directory = Path(os.path.realpath(urlsplit(settings.url).path))
    try:
        return clickhouse_connect.get_client(interface="chdb", path=str(directory), tz_mode="aware")
    except ProgrammingError as error:
        raise engine_error(directory, error) from error


def _open_http(settings: ClickHouseSettings, *, readonly: bool) -> Client:
    url = urlsplit(settings.url)
    timeout_s = settings.query_timeout_s + CONNECT_TIMEOUT_S if readonly else settings.insert_timeout_s
    client = clickhouse_connect.get_client(
        interface=url.scheme,
        tz_mode="aware",
        host=url.hostname,
        port=_port(settings),
        username=unquote(url.username or "default"),
        password=unquote(url.password or ""),
        connect_timeout=CONNECT_TIMEOUT_S,
        send_receive_timeout=math.ceil(timeout_s),
        compress=url.hostname not in LOOPBACK,
        # Sessions would only make the server lock them; nothing here uses temporary tables.
        autogenerate_session_id=False,
        dedicated_pool=True,
        client_name="web-user-analytics",
    )
    # A connection that cannot be made is tried again by us, who say so, and not by the transport as well.
    if isinstance(client, HttpClient):
        client.http_retries = 0
    return client


def _port(settings: ClickHouseSettings) -> int:
    url = urlsplit(settings.url)
    return url.port or (8443 if url.scheme == "https" else 8123)


def _restrict(client: Client, *, timeout_s: float) -> None:
    """Limits first, ``readonly`` last: after it no setting can be changed.

    A setting that the server pins for this user is left as the server has it, and so is one of QUICK that
    it does not know.
    """
    limits = {
        **{name: value for name, value in QUICK.items() if name in client.server_settings},
        "session_timezone": "UTC",
        "max_execution_time": timeout_s,
        "max_result_rows": MAX_RESULT_ROWS,
        "result_overflow_mode": "throw",
        "max_memory_usage": MAX_QUERY_MEMORY_BYTES,
        "readonly": 1,
    }
    for name, value in limits.items():
        definition = client.server_settings.get(name)
        if definition is None or not definition.readonly:
            client.set_client_setting(name, value)


def _is_locked(directory: Path) -> bool:
    """Whether somebody holds the engine's lock on the directory."""
    try:
        with (directory / "status").open("rb") as status:
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _owner(directory: Path) -> str:
    """`` (pid 123)`` as the engine wrote it beside its lock; empty when it cannot be read."""
    try:
        first = (directory / "status").read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return ""
    return f" (pid {first.removeprefix('PID: ')})" if first.startswith("PID: ") else ""


class ClientPool:
    """Clients and as many threads; the clients are opened when first needed, again if that failed."""

    def __init__(self, settings: ClickHouseSettings, *, readonly: bool) -> None:
        self.settings = settings
        self._readonly = readonly
        # Last in, first out: a quiet process keeps using one client and opens no others.
        self._slots: LifoQueue[Client | None] = LifoQueue()
        for _ in range(settings.pool_size):
            self._slots.put(None)
        self._threads = ThreadPoolExecutor(
            settings.pool_size, thread_name_prefix="clickhouse-read" if readonly else "clickhouse-write"
        )

    async def run(self, work: Callable[[Client], T]) -> T:
        """What ``work`` returns, done in a thread with a client that nobody else uses meanwhile.

        A cancelled caller does not stop the work: ClickHouse may still do it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._with_client, work)

    async def close(self) -> None:
        """Wait for the work under way, then close every client."""
        await asyncio.to_thread(self._threads.shutdown)
        while not self._slots.empty():
            if (client := self._slots.get_nowait()) is not None:
                client.close()

    def _with_client(self, work: Callable[[Client], T]) -> T:
        client = self._slots.get()
        try:
            if client is None:
                client = open_client(self.settings, readonly=self._readonly)
            return work(client)
        finally:
            self._slots.put(client)
