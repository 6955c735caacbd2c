"""chDB -> an HTTP port in ClickHouse's dialect, so that several processes share one engine.

clickhouse-connect's ordinary HTTP client works against it: workers and the web server talk to it as they talk
to a server in production. It has no users, so it binds to this machine only and refuses browsers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from app import log
from app.embedded.engine import ChdbEngine
from app.embedded.front_app import Front
from app.embedded.front_wire import is_loopback
from app.embedded.loop_server import bind, serve_in_loop
from app.errors import EmbeddedError

MAX_URL_BYTES = 1024 * 1024
#: Longer than our clients' pauses between blocks, so that they seldom meet a closed connection.
KEEP_ALIVE_S = 75


@contextlib.asynccontextmanager
async def serve_front(engine: ChdbEngine, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a started engine in this event loop; yields the URL for ``clickhouse.url``. Port 0 = any free."""
    if not is_loopback(host):
        raise EmbeddedError(
            f"{host}:{port}: the embedded ClickHouse has no users and listens on this machine only; use "
            "127.0.0.1, or run clickhouse-server for other machines"
        )
    listener = bind(host, port)
    threads = ThreadPoolExecutor(2 * (os.cpu_count() or 1) + 2, thread_name_prefix="front")
    serving = serve_in_loop(
        Front(engine, threads=threads).app(),
        listener,
        http="h11",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        h11_max_incomplete_event_size=MAX_URL_BYTES,
    )
    try:
        async with serving as url:
            yield url
    finally:
        await asyncio.to_thread(threads.shutdown)


async def run_front(engine: ChdbEngine, *, host: str = "127.0.0.1", port: int = 8123) -> None:
    """Own an engine's directory and serve it until SIGTERM or SIGINT: the whole of a front's process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with engine:
        async with serve_front(engine, host=host, port=port) as url:
            log.get("front").info("front.ready", url=url, data_dir=str(engine.data_dir))
            await stop.wait()
