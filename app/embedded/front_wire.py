"""An HTTP request in ClickHouse's dialect <-> what the engine is asked, and what it answers. No I/O."""

from __future__ import annotations

import gzip
import ipaddress
import re
import sys
import zlib
from collections.abc import Iterable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from types import MappingProxyType

import lz4.frame  # type: ignore[import-untyped]
import msgspec

from app.errors import EmbeddedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: URL parameters of the transport; every other one is a setting of the engine.
TRANSPORT = frozenset(
    {"query", "database", "user", "password", "session_id", "session_timeout", "session_check", "query_id"}
    | {"quota_key", "role", "stacktrace", "compress", "decompress", "buffer_size", "wait_end_of_query"}
    | {"default_format", "client_protocol_version"}
)
ENCODINGS = ("lz4", "zstd", "gzip", "deflate")
#: Packing less than this costs more than it saves.
MIN_PACKED_BYTES = 1024

#: Status by error code, as ClickHouse's own HTTP interface answers; every other code is a 500.
STATUS: Mapping[int, int] = MappingProxyType(
    dict.fromkeys((26, 27, 36, 38, 41, 43, 53, 62, 69, 70, 72, 117, 131, 457), 400)
    | dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 81, 115), 404)
    | {48: 501, 210: 503, 236: 503, 307: 413}
)

_QUOTED_NAME = r"(?:`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\")"
_NAME = rf"(?:{_QUOTED_NAME}|[A-Za-z_]\w*)"
_INSERT = re.compile(
    rf"""
    \s* (?P<head> INSERT \s+ INTO \s+ (?:TABLE\s+)? {_NAME} (?:\.{_NAME})? \s*
        (?: \( [^()'"`]* (?: {_QUOTED_NAME} [^()'"`]* )* \) \s* )?
    )
    (?P<settings> SETTINGS \s+ (?: [^'();] | '(?:[^'\\]|\\.)*' )*? )?
    \b FORMAT \s+ (?P<format>\w+) (?: [ \t]*\r?\n | \s+ | \Z )
    """.encode(),
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ANSWERING = re.compile(r"\s*\(*\s*(SELECT|WITH|SHOW|DESCRIBE|DESC|EXISTS|EXPLAIN|CHECK)\b", re.IGNORECASE)
_TRAILING_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,127}")
_CODE = re.compile(r"\bCode: (\d+)\.")


class RefusedError(EmbeddedError):
    """A request that gets an error in ClickHouse's form; ``code`` is one of ClickHouse's."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return STATUS.get(self.code, 500)


class Insert(msgspec.Struct, frozen=True, kw_only=True):
    """An INSERT that carries its rows: what stands before FORMAT, the format, the bytes of the rows."""

    head: str
    settings: str
    format: str
    rows: bytes

    def from_file(self, path: str) -> str:
        """The statement that reads the same rows from a file."""
        return f"{self.head} FROM INFILE {_quoted(path)} {self.settings} FORMAT {self.format}"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Any other statement."""

    sql: str
    format: str

    @property
    def has_answer(self) -> bool:
        """Whether the statement gives a result, even an empty one."""
        return _ANSWERING.match(self.sql) is not None


class FrontRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, decoded."""

    statement: Insert | Question
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    database: str
    query_id: str
    packed: str

    @property
    def is_readonly(self) -> bool:
        """Whether the client asked to be held to reading."""
        return self.settings.get("readonly", "0") not in ("0", "")


def decode(url: Iterable[tuple[str, str]], headers: Mapping[str, str], body: bytes) -> FrontRequest:
    """The request of a URL's parameters, its headers and its body; raises RefusedError."""
    values = dict(url)
    body = unpack(body, headers.get("content-encoding", ""))
    if headers.get("content-type", "").startswith("multipart/form-data"):
        values |= _form(headers["content-type"], body)
        body = b""
    query = values.get("query", "").encode()
    text = query + b"\n" + body if query and body else query or body
    settings = {
        name: value
        for name, value in values.items()
        if name not in TRANSPORT and not name.startswith("param_") and value
    }
    for name in settings:
        if not _SETTING_NAME.fullmatch(name):
            raise RefusedError(115, f"Unknown setting {name!r}")
    return FrontRequest(
        statement=_statement(text, default_format=values.get("default_format", "TabSeparated")),
        parameters={name[6:]: value for name, value in values.items() if name.startswith("param_")},
        settings=settings,
        database=values.get("database", ""),
        query_id=values.get("query_id", ""),
        packed=_encoding(headers) if settings.get("enable_http_compression") == "1" else "",
    )


def set_statements(request: FrontRequest) -> list[str]:
    """What brings a new connection into the state that the request asks for; ``readonly`` comes last."""
    statements = []
    if request.database:
        name = request.database.replace("\\", "\\\\").replace("`", "\\`")
        statements.append(f"USE `{name}`")
    free = {name: value for name, value in request.settings.items() if name != "readonly"}
    if free:
        statements.append("SET " + ", ".join(f"{name} = {_quoted(value)}" for name, value in free.items()))
    if request.is_readonly:
        statements.append(f"SET readonly = {_quoted(request.settings['readonly'])}")
    return statements


def engine_refusal(error: Exception) -> RefusedError:
    """The engine's exception with its code; what stands before ``Code:`` is the Python package's."""
    text = str(error)
    found = _CODE.search(text)
    if found is None:
        return RefusedError(1002, f"Code: 1002. DB::Exception: {text} (UNKNOWN_EXCEPTION)")
    return RefusedError(int(found[1]), text[found.start() :].strip())


def unpack(body: bytes, encoding: str) -> bytes:
    """The body without its Content-Encoding."""
    try:
        match encoding:
            case "" | "identity":
                return body
            case "lz4":
                return _unpack_lz4(body)
            case "zstd":
                return bytes(zstd.decompress(body))
            case "gzip" | "deflate":
                return _unpack_zlib(body)
            case _:
                expected = ", ".join(ENCODINGS)
                raise RefusedError(48, f"Content-Encoding {encoding} is not supported; use one of {expected}")
    except (RuntimeError, EOFError, zstd.ZstdError, zlib.error) as error:
        raise RefusedError(271, f"Cannot decompress the {encoding} body: {error}") from error


def pack(body: bytes, encoding: str) -> bytes:
    """The body in the Content-Encoding."""
    match encoding:
        case "lz4":
            return bytes(lz4.frame.compress(body))
        case "zstd":
            return bytes(zstd.compress(body, level=1))
        case "gzip":
            return gzip.compress(body, compresslevel=1)
        case _:
            return zlib.compress(body, level=1)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unpack_lz4(body: bytes) -> bytes:
    """TRICKY: clients send a frame for each block, one after another."""
    parts = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        parts.append(frame.decompress(body))
        if not frame.eof:
            raise EOFError("the last frame is cut off")
        body = frame.unused_data or b""
    return b"".join(parts)


def _unpack_zlib(body: bytes) -> bytes:
    """gzip (any number of members) or zlib, told apart by their own headers."""
    parts = []
    while body:
        member = zlib.decompressobj(wbits=47)
        parts.append(member.decompress(body))
        if not member.eof:
            raise EOFError("the last member is cut off")
        body = member.unused_data
    return b"".join(parts)


def _statement(text: bytes, *, default_format: str) -> Insert | Question:
    if found := _INSERT.match(text):
        return Insert(
            head=found["head"].decode().strip(),
            settings=(found["settings"] or b"").decode().strip(),
            format=found["format"].decode(),
            rows=text[found.end() :],
        )
    try:
        sql = text.decode()
    except UnicodeDecodeError as error:
        raise RefusedError(62, f"The query is not UTF-8: {error}") from error
    named = _TRAILING_FORMAT.search(sql)
    return Question(sql=sql, format=named[1] if named else default_format)


def _form(content_type: str, body: bytes) -> dict[str, str]:
    """Fields of a form: how clients send parameters that are too long for a URL."""
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename():
            raise RefusedError(48, f"External data ({name}) is not supported by the embedded ClickHouse")
        content = part.get_payload(decode=True)
        fields[str(name)] = content.decode() if isinstance(content, bytes) else ""
    return fields


def _encoding(headers: Mapping[str, str]) -> str:
    """The first encoding that the client accepts and we have."""
    wanted = (item.partition(";")[0].strip() for item in headers.get("accept-encoding", "").split(","))
    return next((encoding for encoding in wanted if encoding in ENCODINGS), "")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
