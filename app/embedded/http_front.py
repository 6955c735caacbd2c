"""chDB -> an HTTP port in ClickHouse's dialect, so that several processes share one engine.

clickhouse-connect's ordinary HTTP client works against it: workers and the web server talk to it as they talk
to a server in production. It has no users, so it binds to this machine only and refuses browsers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn

from app import log
from app.embedded.engine import ChdbEngine
from app.embedded.front_app import Front
from app.embedded.front_wire import is_loopback
from app.errors import EmbeddedError

MAX_URL_BYTES = 1024 * 1024
#: Longer than our clients' pauses between blocks, so that they seldom meet a closed connection.
KEEP_ALIVE_S = 75
STOP_TIMEOUT_S = 30


@contextlib.asynccontextmanager
async def serve_front(engine: ChdbEngine, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a started engine in this event loop; yields the URL for ``clickhouse.url``. Port 0 = any free."""
    listener = _bind(host, port)
    address = f"[{host}]" if ":" in host else host
    threads = ThreadPoolExecutor(2 * (os.cpu_count() or 1) + 2, thread_name_prefix="front")
    server = _Server(
        uvicorn.Config(
            Front(engine, threads=threads).app(),
            http="h11",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            h11_max_incomplete_event_size=MAX_URL_BYTES,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="chdb-front")
    try:
        await server.ready.wait()
        yield f"http://{address}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        await asyncio.to_thread(threads.shutdown)


async def run_front(data_dir: Path, *, host: str = "127.0.0.1", port: int = 8123) -> None:
    """Own a data directory and serve it until SIGTERM or SIGINT: the whole of a front's process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with ChdbEngine(data_dir) as engine:
        async with serve_front(engine, host=host, port=port) as url:
            log.get("front").info("front.ready", url=url, data_dir=str(engine.data_dir))
            await stop.wait()


class _Server(uvicorn.Server):
    """uvicorn as a part of somebody's loop: signals belong to the process's root."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so; a failure shows when the serving task is awaited."""
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the process's signal handlers alone."""
        yield


def _bind(host: str, port: int) -> socket.socket:
    if not is_loopback(host):
        raise EmbeddedError(
            f"{host}:{port}: the embedded ClickHouse has no users and listens on this machine only; use "
            "127.0.0.1, or run clickhouse-server for other machines"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # TRICKY: asyncio turns Nagle's algorithm off only where the protocol is named: 40 ms an answer otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise EmbeddedError(f"{host}:{port}: {error.strerror}; free the port or choose another") from error
    return listener
