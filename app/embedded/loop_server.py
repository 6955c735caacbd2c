"""An ASGI app -> a uvicorn server as a part of somebody's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from typing import Any

import uvicorn

from app.errors import EmbeddedError

STOP_TIMEOUT_S = 30


class _Server(uvicorn.Server):
    """uvicorn without signals: those belong to the process's root."""

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


@contextlib.asynccontextmanager
async def serve_in_loop(app: Any, listener: socket.socket, **config: Any) -> AsyncIterator[str]:
    """Serve ``app`` on a bound listener until the block ends; yields ``http://host:port``."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # web.trusted_proxies decides whom to believe
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            **config,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http-server")
    try:
        await server.ready.wait()
        host, port = listener.getsockname()[:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.should_exit = True
        await serving


def bind(host: str, port: int) -> socket.socket:
    """A bound listener; raises EmbeddedError when the port is taken or not ours to take."""
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
