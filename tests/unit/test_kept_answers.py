"""What is kept for a while: in the process by size and age, and in a store that speaks RESP, or does not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.adapters.kept_answers import REST_S, TIMEOUT_S, InProcess, Shared, open_store
from app.errors import SettingsError
from app.web_settings import CacheSettings

pytestmark = pytest.mark.asyncio


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_what_is_kept_is_there_until_its_time_is_over() -> None:
    time = Time()
    store = InProcess(max_bytes=100, elapsed_s=time)
    await store.put("a", b"1", ttl_s=10)
    time.now_s += 9.9
    assert await store.get("a") == b"1"
    time.now_s += 0.1
    assert await store.get("a") is None
    assert (await store.get("b"), store.bytes_held) == (None, 0)


async def test_the_least_recently_used_make_room_for_new_ones() -> None:
    store = InProcess(max_bytes=30)
    for key in "abc":
        await store.put(key, b"123456789", ttl_s=10)
    assert await store.get("a") is not None
    await store.put("d", b"123456789", ttl_s=10)
    assert [await store.get(key) is not None for key in "abcd"] == [True, False, True, True]
    assert store.bytes_held == 30


async def test_what_is_larger_than_all_the_room_is_not_kept() -> None:
    store = InProcess(max_bytes=10)
    await store.put("a", b"1", ttl_s=10)
    await store.put("a", b"x" * 10, ttl_s=10)
    assert (await store.get("a"), store.bytes_held) == (None, 0)


async def test_a_key_that_is_put_again_counts_once() -> None:
    store = InProcess(max_bytes=100)
    for value in (b"1", b"22"):
        await store.put("a", value, ttl_s=10)
    assert (await store.get("a"), store.bytes_held) == (b"22", 3)


class Resp:
    """As much of a Redis as is asked: GET and SET with PX; anything else is fine with it."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.lifetimes_ms: dict[bytes, int] = {}
        self.is_silent = False
        self.is_broken = False
        self._nothing = b"$-1\r\n"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readline():
                words = [await self._word(reader) for _ in range(int(head[1:]))]
                if not self.is_silent:
                    writer.write(b"-ERR broken\r\n" if self.is_broken else self._answer(words))
                    await writer.drain()
        finally:
            writer.close()

    async def _word(self, reader: asyncio.StreamReader) -> bytes:
        length = int((await reader.readline())[1:])
        return (await reader.readexactly(length + 2))[:-2]

    def _answer(self, words: list[bytes]) -> bytes:
        match [words[0].upper(), *words[1:]]:
            case [b"GET", key]:
                value = self.kept.get(key)
                return self._nothing if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
            case [b"SET", key, value, b"PX", lifetime_ms]:
                self.kept[key] = value
                self.lifetimes_ms[key] = int(lifetime_ms)
                return b"+OK\r\n"
            case [b"HELLO", b"3", *_]:
                self._nothing = b"_\r\n"
                return b"%1\r\n$5\r\nproto\r\n:3\r\n"
            case _:
                return b"+OK\r\n"


@asynccontextmanager
async def resp_server() -> AsyncIterator[tuple[Resp, str]]:
    resp = Resp()
    async with await asyncio.start_server(resp.talk, "127.0.0.1", 0) as server:
        yield resp, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


def opened(url: str, time: Time) -> Shared:
    pytest.importorskip("redis", reason="the client of cache.url is an extra: pip install redis")
    store = open_store(CacheSettings(url=url), elapsed_s=time)
    assert isinstance(store, Shared)
    return store


async def test_servers_share_what_is_kept_in_a_store() -> None:
    async with resp_server() as (resp, url):
        one, other = (opened(url, Time()) for _ in range(2))
        assert await other.get("a") is None
        await one.put("a", b"\x00\r\n\xff", ttl_s=2.5)
        assert await other.get("a") == b"\x00\r\n\xff"
        assert resp.lifetimes_ms == {b"a": 2500}
        for store in (one, other):
            await store.close()


@pytest.mark.parametrize("fault", ["is_silent", "is_broken"])
async def test_a_store_that_fails_has_nothing_and_is_left_alone_for_a_while(fault: str) -> None:
    time = Time()
    async with resp_server() as (resp, url):
        store = opened(url, time)
        await store.put("a", b"1", ttl_s=60)
        setattr(resp, fault, True)
        async with asyncio.timeout(TIMEOUT_S * 100):
            assert await store.get("a") is None
        setattr(resp, fault, False)
        assert await store.get("a") is None
        await store.put("b", b"2", ttl_s=60)
        assert b"b" not in resp.kept
        time.now_s += REST_S
        assert await store.get("a") == b"1"
        await store.close()


async def test_a_store_that_is_not_there_has_nothing() -> None:
    store = opened("redis://127.0.0.1:1/0", Time())
    await store.put("a", b"1", ttl_s=60)
    assert await store.get("a") is None
    await store.close()


async def test_without_the_extra_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(SettingsError, match=r"cache\.url is set.*install web-user-analytics\[cache\]"):
        open_store(CacheSettings(url="redis://127.0.0.1:1/0"))


async def test_the_process_keeps_them_where_no_url_is_set() -> None:
    assert isinstance(open_store(CacheSettings()), InProcess)
