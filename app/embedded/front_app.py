"""An HTTP request -> chDB -> an HTTP response, both in ClickHouse's dialect.

Each request gets a connection of its own (0.4 ms), so no setting and no ``readonly`` leaks into the next one.
An insert whose body did not arrive whole is never begun.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.adapters.clickhouse.readonly import only_reading
from app.embedded.engine import ChdbEngine
from app.embedded.front_wire import (
    MIN_PACKED_BYTES,
    FrontRequest,
    Insert,
    Question,
    RefusedError,
    decode,
    engine_refusal,
    is_loopback,
    pack,
    set_statements,
)
from app.errors import EmbeddedError, QueryError

MAX_BODY_BYTES = 512 * 1024 * 1024


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine gave back; ``format`` is empty when the statement has no result."""

    body: bytes
    format: str
    summary: Mapping[str, str]


class Front:
    """Runs requests in threads, each on a connection of its own."""

    def __init__(self, engine: ChdbEngine, *, threads: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._threads = threads
        self._timezone = _timezone(engine)

    async def handle(self, request: Request) -> Response:
        """Answer one request; errors come in ClickHouse's form."""
        query_id = request.query_params.get("query_id") or str(uuid.uuid4())
        try:
            _refuse_browsers(request)
            body = await _read(request)
            if not body and "query" not in request.query_params:
                return PlainTextResponse("Ok.\n")
            parts = (list(_parameters(request)), request.headers, body)
            response = await asyncio.get_running_loop().run_in_executor(self._threads, self._run, *parts)
        except RefusedError as refused:
            response = _error(refused)
        except ClientDisconnect:
            response = Response(status_code=400)
        response.headers["X-ClickHouse-Query-Id"] = query_id
        return response

    def app(self) -> Starlette:
        """The routes of the front."""
        return Starlette(
            routes=[
                Route("/ping", _ping, methods=["GET"]),
                Route("/", self.handle, methods=["GET", "POST"]),
            ]
        )

    def _run(self, url: list[tuple[str, str]], headers: Mapping[str, str], body: bytes) -> Response:
        """Decode, execute and encode: all of it off the event loop."""
        request = decode(url, headers, body)
        answer = self._execute(request)
        shown = {
            "X-ClickHouse-Summary": msgspec.json.encode(answer.summary).decode(),
            "X-ClickHouse-Timezone": request.settings.get("session_timezone", self._timezone),
            "X-ClickHouse-Server-Display-Name": "chdb",
        }
        if answer.format:
            shown["X-ClickHouse-Format"] = answer.format
        content = answer.body
        if request.packed and len(content) >= MIN_PACKED_BYTES:
            content = pack(content, request.packed)
            shown["Content-Encoding"] = request.packed
        return Response(content, headers=shown, media_type="application/octet-stream")

    def _execute(self, request: FrontRequest) -> Answer:
        try:
            connection = self._engine.connect()
        except EmbeddedError as error:
            raise RefusedError(236, f"Code: 236. DB::Exception: {error} (ABORTED)") from error
        try:
            for statement in set_statements(request):
                connection.query(statement, "TabSeparated")
            match request.statement:
                case Insert() as insert:
                    return _insert(connection, insert)
                case Question() as question:
                    _hold_to_reading(request, question)
                    return _ask(connection, question, request.parameters)
        except RuntimeError as error:
            raise engine_refusal(error) from error
        finally:
            connection.close()


async def _ping(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


def _timezone(engine: ChdbEngine) -> str:
    connection = engine.connect()
    try:
        return bytes(connection.query("SELECT timezone()", "TabSeparated").bytes()).decode().strip()
    finally:
        connection.close()


def _insert(connection: Any, insert: Insert) -> Answer:
    """Insert by way of a file without a name, which a killed process cannot leave behind.

    TRICKY: chDB's own ``send_insert`` would need no file and is faster, but reports success when a dependent
    view failed at the end (measured on 26.9), so that a view lacks rows of an acknowledged block.
    """
    with tempfile.TemporaryFile() as rows:
        try:
            rows.write(insert.rows)
            rows.flush()
        except OSError as error:
            text = f"Code: 243. DB::Exception: cannot spool the insert: {error.strerror}. (NOT_ENOUGH_SPACE)"
            raise RefusedError(243, text) from error
        rows.seek(0)
        result = connection.query(insert.from_file(f"/dev/fd/{rows.fileno()}"), "TabSeparated")
    summary = {
        "written_rows": str(result.rows_read()),
        "written_bytes": str(result.bytes_read()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }
    return Answer(body=b"", format="", summary=summary)


def _ask(connection: Any, question: Question, parameters: Mapping[str, str]) -> Answer:
    result = connection.query(question.sql, question.format, params=dict(parameters))
    summary = {
        "read_rows": str(result.rows_read()),
        "read_bytes": str(result.bytes_read()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }
    shown = question.format if question.has_answer else ""
    return Answer(body=bytes(result.bytes()), format=shown, summary=summary)


def _hold_to_reading(request: FrontRequest, question: Question) -> None:
    if not request.is_readonly:
        return
    try:
        only_reading(question.sql)
    except QueryError as error:
        raise RefusedError(164, f"Code: 164. DB::Exception: {error}. (READONLY)") from error


def _parameters(request: Request) -> list[tuple[str, str]]:
    """The URL's parameters; a GET can only read, as with ClickHouse itself."""
    parameters = request.query_params.multi_items()
    return [*parameters, ("readonly", "1")] if request.method == "GET" else parameters


async def _read(request: Request) -> bytes:
    """The whole body; a client that goes away in the middle has asked for nothing."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise RefusedError(307, f"Code: 307. DB::Exception: the body is over {MAX_BODY_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _refuse_browsers(request: Request) -> None:
    """A web page must not reach the engine: not by a form, not by a name that resolves to this machine."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if "origin" in request.headers or "sec-fetch-site" in request.headers or not is_loopback(host):
        raise RefusedError(
            497,
            "Code: 497. DB::Exception: the embedded ClickHouse answers programs on this machine only: "
            "ask for it by 127.0.0.1 or localhost, and not from a browser. (ACCESS_DENIED)",
        )


def _error(refused: RefusedError) -> Response:
    text = str(refused)
    if not text.startswith("Code:"):
        text = f"Code: {refused.code}. DB::Exception: {text}"
    return PlainTextResponse(
        f"{text}\n", refused.status, headers={"X-ClickHouse-Exception-Code": str(refused.code)}
    )
