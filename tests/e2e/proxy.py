"""A worker -> this -> ClickHouse's front: holds an insert on its way, or answers in ClickHouse's stead."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast
from urllib.parse import unquote_plus

import msgspec

#: Where an insert is held: it has not reached ClickHouse yet, or its answer has not come back yet.
Where = Literal["request", "answer"]
_INSERT = re.compile(r"INSERT INTO \S*\b(events_in|sessions_in)\b")


class Block(msgspec.Struct, kw_only=True):
    """The block that a row says it is of; what a row leaves out is zero."""

    partition: int = msgspec.field(name="_partition", default=0)
    end: int = msgspec.field(name="_batch_end", default=0)


@dataclass(kw_only=True)
class Held:
    """An insert that waits, or will; ``block`` is known once it has been reached."""

    table: str
    where: Where
    block: Block = field(default_factory=Block)
    reached: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self, where: Where) -> None:
        """At this place, wait to be released."""
        if where == self.where:
            self.reached.set()
            self.released.wait()


class Proxy:
    """Serves from ``__init__`` to ``close``; each request and each answer goes through it whole."""

    def __init__(self, *, port: int) -> None:
        self.target_port = port
        self._held: Held | None = None
        self._all_held: list[Held] = []
        self._refusal: bytes = b""
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def hold(self, table: str, *, where: Where) -> Held:
        """Hold the next insert into the table until it is released."""
        self._held = Held(table=table, where=where)
        self._all_held.append(self._held)
        return self._held

    def refuse(self, code: int, name: str, *, says: str) -> None:
        """Answer every insert with this error of ClickHouse's, until ``accept``."""
        self._refusal = f"Code: {code}. DB::Exception: {says}. ({name})".encode()

    def accept(self) -> None:
        """Let inserts through again."""
        self._refusal = b""

    def close(self) -> None:
        """Let go of what is held and end."""
        for held in self._all_held:
            held.released.set()
        self._server.shutdown()
        self._server.server_close()

    def insert_of(self, query: str, body: bytes) -> Held | None:
        """Whether this is the insert to be held."""
        held, found = self._held, _INSERT.search(query)
        if held is None or found is None or found[1] != held.table:
            return None
        self._held = None
        held.block = msgspec.json.decode(
            next(line for line in body.splitlines() if line[:1] == b"{"), type=Block
        )
        return held

    def refusal_of(self, query: str) -> bytes:
        """The error to answer with; empty where the request goes through."""
        return self._refusal if _INSERT.search(query) else b""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was killed has closed its connection; nobody needs to read of it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass()

    def do_POST(self) -> None:
        self._pass()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: pytest shows what matters."""

    def _pass(self) -> None:
        proxy = cast(_Server, self.server).proxy
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = unquote_plus(self.path) + body[:200].decode(errors="replace")
        if refusal := proxy.refusal_of(query):
            code = refusal.partition(b".")[0].rpartition(b" ")[2].decode()
            self._answer(500, [("X-ClickHouse-Exception-Code", code)], refusal)
            return
        held = proxy.insert_of(query, body)
        if held:
            held.wait("request")
        try:
            answer, content = self._forward(proxy.target_port, body)
        except OSError:
            # ClickHouse is away: so are we.
            self.close_connection = True
            return
        if held:
            held.answered.set()
            held.wait("answer")
        self._answer(answer.status, answer.getheaders(), content)

    def _forward(self, port: int, body: bytes) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", port)
        try:
            connection.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
