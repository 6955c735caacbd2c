"""Bytes that are kept for a while: in this process, or in a Valkey or Redis that several share.

What is kept is only ever a copy: a store that fails says that it has nothing, and the question is asked anew.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from app import log
from app.errors import SettingsError
from app.web_settings import CacheSettings

#: A store that does not answer in this time is passed by ...
TIMEOUT_S = 0.25
#: ... and not asked again for so long.
REST_S = 5.0

_LOG = log.get("cache")


class Store(Protocol):
    """Where they are kept. Nothing here raises because the store is away."""

    async def get(self, key: str) -> bytes | None:
        """What was put there and is not too old; None where nothing is."""

    async def put(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep it for so long, if there is room."""

    async def close(self) -> None:
        """Let go of connections."""


class InProcess:
    """At most ``max_bytes`` of keys and values; the least recently used go first."""

    def __init__(self, *, max_bytes: int, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._elapsed_s = elapsed_s
        #: For each key: the value, and until when it counts.
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self.bytes_held = 0

    async def get(self, key: str) -> bytes | None:
        """What was put there and is not too old."""
        value, until_s = self._kept.get(key, (None, 0.0))
        if value is None:
            return None
        if until_s <= self._elapsed_s():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep it; what is larger than all the room is not kept."""
        if key in self._kept:
            self._drop(key)
        if len(key) + len(value) > self._max_bytes:
            return
        self._kept[key] = (value, self._elapsed_s() + ttl_s)
        self.bytes_held += len(key) + len(value)
        while self.bytes_held > self._max_bytes:
            self._drop(next(iter(self._kept)))

    async def close(self) -> None:
        """Nothing is held open."""

    def _drop(self, key: str) -> None:
        value, _ = self._kept.pop(key)
        self.bytes_held -= len(key) + len(value)


class Shared:
    """A Valkey or Redis; ``client`` is one of redis.asyncio, ``failures`` what it raises."""

    def __init__(
        self, client: Any, *, failures: tuple[type[Exception], ...], elapsed_s: Callable[[], float]
    ) -> None:
        self._client = client
        self._failures = failures
        self._elapsed_s = elapsed_s
        self._rests_until_s = 0.0

    async def get(self, key: str) -> bytes | None:
        """What was put there; None also while the store is away."""
        if self._rests():
            return None
        try:
            value = await self._client.get(key)
        except self._failures as error:
            self._failed(error)
            return None
        return value if isinstance(value, bytes) else None

    async def put(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep it, unless the store is away."""
        if self._rests():
            return
        try:
            await self._client.set(key, value, px=max(1, int(ttl_s * 1000)))
        except self._failures as error:
            self._failed(error)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _rests(self) -> bool:
        return self._elapsed_s() < self._rests_until_s

    def _failed(self, error: Exception) -> None:
        self._rests_until_s = self._elapsed_s() + REST_S
        # Not its text: it may name the password.
        _LOG.warning("cache.away", error=type(error).__name__, rest_s=REST_S, to_do="check cache.url")


def open_store(settings: CacheSettings, *, elapsed_s: Callable[[], float] = time.monotonic) -> Store:
    """The store of the settings; SettingsError where ``cache.url`` needs a package that is not there."""
    if not settings.url:
        return InProcess(max_bytes=settings.max_mb * 1024 * 1024, elapsed_s=elapsed_s)
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra, needed by this setting alone
        from redis.exceptions import RedisError  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            "cache.url is set, and the package redis is not there: install web-user-analytics[cache]"
        ) from error
    client = Redis.from_url(settings.url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    return Shared(client, failures=(RedisError, OSError, TimeoutError), elapsed_s=elapsed_s)
