"""The front against clickhouse-connect's ordinary HTTP client, against bad clients, and as a process."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import clickhouse_connect
import httpx
import pytest
import pytest_asyncio
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from app.embedded.engine import ChdbEngine
from app.embedded.front_wire import pack
from app.embedded.http_front import serve_front
from app.errors import EmbeddedError
from tests.integration.engines import ask, engine

__all__ = ["engine"]
T = TypeVar("T")
ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
from pathlib import Path
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import run_front
asyncio.run(run_front(ChdbEngine(Path(sys.argv[1])), port=int(sys.argv[2])))
"""


WRITER = """
import sys, clickhouse_connect
client = clickhouse_connect.get_client(host="127.0.0.1", port=int(sys.argv[1]))
while True:
    client.insert("default.t", [[n] for n in range(1000)], column_names=["n"])
    print("written", flush=True)
"""


@pytest_asyncio.fixture
async def url(engine: ChdbEngine) -> AsyncIterator[str]:
    ask(engine, "DROP TABLE IF EXISTS default.t")
    ask(
        engine,
        "CREATE TABLE default.t (n UInt32, s LowCardinality(String), l Array(String),"
        " at DateTime64(3, 'UTC'), o Nullable(Int8)) ENGINE = MergeTree ORDER BY n"
        " SETTINGS non_replicated_deduplication_window = 100",
    )
    async with serve_front(engine) as url:
        yield url


async def use(url: str, work: Callable[[Client], T], **options: Any) -> T:
    """What ``work`` makes of a new client, off the event loop that serves it."""

    def with_client() -> T:
        client = client_of(url, **options)
        try:
            return work(client)
        finally:
            client.close()

    return await asyncio.to_thread(with_client)


def client_of(url: str, **options: Any) -> Client:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return clickhouse_connect.get_client(host=host, port=int(port), dedicated_pool=True, **options)


def row(n: int) -> list[Any]:
    at = dt.datetime(2024, 2, 29, 23, 59, 59, 123_000, tzinfo=dt.UTC)
    return [n, f"NUL \x00 é {n % 3}", ["a'", "\n"], at, None if n % 2 else 3]


@pytest.mark.asyncio
@pytest.mark.parametrize("compress", [True, False, "lz4", "zstd", "gzip"])
async def test_rows_go_in_and_come_back_in_the_native_format(url: str, compress: bool | str) -> None:
    def work(client: Client) -> None:
        written = client.insert("default.t", [row(n) for n in range(5000)])
        assert written.written_rows == 5000
        answer = client.query("SELECT * FROM default.t ORDER BY n")
        assert answer.column_names == ("n", "s", "l", "at", "o")
        assert len(answer.result_rows) == 5000
        assert [*answer.result_rows[4999]] == [*row(4999)[:3], row(0)[3].replace(tzinfo=None), None]
        assert answer.summary["read_rows"] == "5000"

    await use(url, work, compress=compress)


@pytest.mark.asyncio
@pytest.mark.parametrize("compression", [None, "lz4", "zstd", "gzip"])
async def test_raw_lines_go_in_once_for_a_token(
    engine: ChdbEngine, url: str, compression: str | None
) -> None:
    block = b"".join(b'{"n":%d,"s":"\\u0000 ; \xc3\xa9"}\n' % n for n in range(50_000))
    packed = pack(block, compression) if compression else block

    def work(client: Client) -> None:
        for _ in range(2):
            client.raw_insert(
                "default.t",
                insert_block=packed,
                fmt="JSONEachRow",
                compression=compression,
                settings={"insert_deduplication_token": "t", "async_insert": 0},
            )

    await use(url, work)
    answer = ask(engine, "SELECT count(), uniqExact(n), any(s) FROM default.t")
    assert answer == "50000\t50000\t\\0 ; é"
    assert ask(engine, "SELECT count() FROM system.parts WHERE active AND table = 't'") == "1"


@pytest.mark.asyncio
async def test_commands_streams_and_databases_work(url: str) -> None:
    def work(client: Client) -> None:
        client.command("CREATE DATABASE IF NOT EXISTS elsewhere")
        client.database = "elsewhere"
        client.command("CREATE TABLE IF NOT EXISTS here (n Int64) ENGINE = MergeTree ORDER BY n")
        client.command("INSERT INTO here VALUES (1), (2)")
        assert client.command("SELECT count() FROM here") == 2
        assert client.command("SELECT n FROM here WHERE n > 9") == ""
        assert client.query("SELECT n FROM here WHERE n > 9 LIMIT 0").column_names == ("n",)
        with client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
            assert sum(len(block) for block in blocks) == 300_000
        client.command("DROP DATABASE elsewhere")

    await use(url, work)


@pytest.mark.asyncio
async def test_settings_of_one_request_do_not_reach_the_next(url: str) -> None:
    def work(client: Client) -> None:
        with pytest.raises(DatabaseError, match="READONLY") as caught:
            client.command("INSERT INTO default.t (n) VALUES (1)", settings={"readonly": 1})
        assert caught.value.code == 164
        with pytest.raises(DatabaseError, match="READONLY"):
            client.query("SELECT file('/etc/passwd')", settings={"readonly": 1})
        with pytest.raises(DatabaseError) as caught:
            client.query("SELECT number FROM numbers(100)", settings={"max_result_rows": 10})
        assert caught.value.code == 396
        client.command("INSERT INTO default.t (n) VALUES (1)")
        assert len(client.query("SELECT number FROM numbers(100)").result_rows) == 100

    await use(url, work)


@pytest.mark.asyncio
async def test_errors_carry_clickhouses_code_status_and_text(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        for sql, code, status in (
            ("SELECT nope", 47, 404),
            ("SELECT FROM WHERE", 62, 400),
            ("SELECT throwIf(1)", 395, 500),
        ):
            answer = await http.post("/", content=sql)
            assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
            assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
        unknown = await http.post("/", params={"no_such_setting": "1"}, content="SELECT 1")
        assert unknown.headers["X-ClickHouse-Exception-Code"] == "115"
        broken = await http.post("/", content=b"nonsense", headers={"Content-Encoding": "gzip"})
        assert broken.headers["X-ClickHouse-Exception-Code"] == "271"


@pytest.mark.asyncio
async def test_headers_are_those_of_clickhouse(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/ping")).text == "Ok.\n"
        assert (await http.get("/")).text == "Ok.\n"
        answer = await http.post(
            "/", params={"query_id": "mine", "session_id": "s"}, content="SELECT 1 FORMAT CSV"
        )
    assert answer.text == "1\n"
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Format"] == "CSV"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.json() == 1
    assert '"read_rows":"1"' in answer.headers["X-ClickHouse-Summary"]


@pytest.mark.asyncio
async def test_a_get_can_only_read(engine: ChdbEngine, url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/", params={"query": "SELECT 1"})).text == "1\n"
        refused = await http.get("/", params={"query": "DROP TABLE default.t", "readonly": "0"})
    assert refused.headers["X-ClickHouse-Exception-Code"] == "164"
    assert ask(engine, "EXISTS default.t") == "1"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "rebound.example:8123"}],
)
async def test_a_web_page_cannot_reach_the_engine(
    engine: ChdbEngine, url: str, headers: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        refused = await http.post("/", content="DROP TABLE default.t", headers=headers)
    assert refused.headers["X-ClickHouse-Exception-Code"] == "497"
    assert ask(engine, "EXISTS default.t") == "1"


@pytest.mark.asyncio
async def test_a_client_that_dies_in_the_middle_of_a_body_writes_nothing(
    engine: ChdbEngine, url: str
) -> None:
    port = int(url.rpartition(":")[2])
    for head in ("Content-Length: 100000", "Transfer-Encoding: chunked"):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        chunk = b'INSERT INTO default.t FORMAT JSONEachRow\n{"n":1}\n'
        size = b"%x\r\n" % len(chunk) if "chunked" in head else b""
        writer.write(f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n\r\n".encode() + size + chunk)
        await writer.drain()
        writer.transport.abort()
    await asyncio.sleep(0.2)
    assert await use(url, lambda client: client.command("SELECT count() FROM default.t")) == 0


@pytest.mark.asyncio
async def test_many_clients_write_and_read_at_once(engine: ChdbEngine, url: str) -> None:
    def work(client: Client, *, number: int) -> int:
        for part in range(5):
            rows = [row(number * 1000 + part * 100 + n) for n in range(100)]
            client.insert("default.t", rows, settings={"async_insert": 0})
        return int(
            client.query(f"SELECT count() FROM default.t WHERE intDiv(n, 1000) = {number}").first_row[0]
        )

    counts = await asyncio.gather(*(use(url, functools.partial(work, number=number)) for number in range(12)))
    assert counts == [500] * 12
    assert ask(engine, "SELECT count(), uniqExact(n) FROM default.t") == "6000\t6000"


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "example.com"])
async def test_other_addresses_than_this_machines_are_refused(engine: ChdbEngine, host: str) -> None:
    with pytest.raises(EmbeddedError, match="listens on this machine only"):
        async with serve_front(engine, host=host):
            pass


@pytest.mark.asyncio
async def test_a_port_in_use_is_refused_by_number(engine: ChdbEngine, url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(EmbeddedError, match=rf"127\.0\.0\.1:{port}: .*free the port or choose another"):
        async with serve_front(engine, port=port):
            pass


@pytest.mark.asyncio
async def test_a_front_whose_engine_has_stopped_says_to_try_again(tmp_path: Path, engine: ChdbEngine) -> None:
    other = ChdbEngine(engine.data_dir)
    other.start()
    async with serve_front(other) as url, httpx.AsyncClient(base_url=url) as http:
        other.stop()
        answer = await http.post("/", content="SELECT 1")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (503, "236")


@pytest.mark.asyncio
async def test_as_a_process_it_outlives_a_killed_client_and_leaves_on_sigterm(tmp_path: Path) -> None:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    async with _process(PROGRAM, str(tmp_path / "data"), str(port)) as front:
        await _until_up(url)
        create = "CREATE TABLE default.t (n UInt64) ENGINE = MergeTree ORDER BY n"
        await use(url, lambda client: client.command(create))
        async with _process(WRITER, str(port)) as writer:
            assert writer.stdout is not None
            assert await asyncio.wait_for(writer.stdout.readline(), 30) == b"written\n"
            await asyncio.sleep(0.3)
            writer.kill()
        rows = await use(url, lambda client: int(str(client.command("SELECT count() FROM default.t"))))
        assert rows > 0
        assert rows % 1000 == 0
        front.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(front.wait(), 30) == 0


@contextlib.asynccontextmanager
async def _process(program: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process that does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _until_up(url: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=url) as http:
        while True:
            try:
                await http.get("/ping")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
