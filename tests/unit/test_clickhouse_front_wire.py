"""ClickHouse's HTTP dialect, decoded: statements and their rows, settings, encodings, errors."""

from __future__ import annotations

import gzip
import zlib

import lz4.frame
import pytest
from backports import zstd

from app.embedded.front_wire import (
    FrontRequest,
    Insert,
    Question,
    RefusedError,
    decode,
    engine_refusal,
    is_loopback,
    pack,
    set_statements,
    unpack,
)


def request(url: dict[str, str] | None = None, body: bytes = b"", **headers: str) -> FrontRequest:
    return decode(
        (url or {}).items(), {name.replace("_", "-"): value for name, value in headers.items()}, body
    )


@pytest.mark.parametrize(
    ("text", "head", "settings", "format", "rows"),
    [
        (b'INSERT INTO w.t FORMAT JSONEachRow\n{"a":1}', "INSERT INTO w.t", "", "JSONEachRow", b'{"a":1}'),
        (b"insert into t format Native\r\n\x01\x00", "insert into t", "", "Native", b"\x01\x00"),
        (b"INSERT INTO t FORMAT Native\n\n\x01", "INSERT INTO t", "", "Native", b"\n\x01"),
        (b"INSERT INTO t FORMAT Native", "INSERT INTO t", "", "Native", b""),
        (
            b'\n INSERT INTO TABLE `w`.`a``b` (`x FORMAT y`, "(", c) FORMAT CSV\n1',
            'INSERT INTO TABLE `w`.`a``b` (`x FORMAT y`, "(", c)',
            "",
            "CSV",
            b"1",
        ),
        (
            b"INSERT INTO t (a) SETTINGS x = 'it\\'s FORMAT', y = 1 FORMAT TSV 1",
            "INSERT INTO t (a)",
            "SETTINGS x = 'it\\'s FORMAT', y = 1",
            "TSV",
            b"1",
        ),
    ],
)
def test_an_insert_is_told_from_its_rows(
    text: bytes, head: str, settings: str, format: str, rows: bytes
) -> None:
    expected = Insert(head=head, settings=settings, format=format, rows=rows)
    assert request(body=text).statement == expected


@pytest.mark.parametrize(
    ("text", "answer_format", "has_answer"),
    [
        ("SELECT 1", "TabSeparated", True),
        ("SELECT 1\n FORMAT Native", "Native", True),
        (" (select 1) format JSON ; ", "JSON", True),
        ("WITH 1 AS x SELECT x", "TabSeparated", True),
        ("CREATE TABLE t (a Int8)", "TabSeparated", False),
        ("INSERT INTO t VALUES ('a FORMAT CSV')", "TabSeparated", False),
        ("INSERT INTO t SELECT 'x' FORMAT Null", "Null", False),
    ],
)
def test_any_other_statement_is_a_question(text: str, answer_format: str, has_answer: bool) -> None:
    question = request(body=text.encode()).statement
    assert question == Question(sql=text, format=answer_format)
    assert question.has_answer is has_answer


def test_a_query_in_the_url_comes_before_the_body() -> None:
    insert = request({"query": "INSERT INTO t FORMAT CSV"}, b"1\n2\n").statement
    assert insert == Insert(head="INSERT INTO t", settings="", format="CSV", rows=b"1\n2\n")
    assert request({"query": "SELECT 1"}).statement == Question(sql="SELECT 1", format="TabSeparated")


def test_the_file_statement_keeps_the_settings_where_the_engine_reads_them() -> None:
    insert = Insert(head="INSERT INTO t (a)", settings="SETTINGS x = 1", format="CSV", rows=b"")
    assert insert.from_file("/it's") == "INSERT INTO t (a) FROM INFILE '/it\\'s' SETTINGS x = 1 FORMAT CSV"


def test_parameters_settings_and_transport_are_kept_apart_and_readonly_comes_last() -> None:
    decoded = request(
        {
            "readonly": "1",
            "param_x": "a\\tb",
            "session_id": "s",
            "wait_end_of_query": "1",
            "insert_deduplication_token": "it's \\",
            "max_threads": "2",
            "database": "a`b",
            "query_id": "q",
        },
        b"SELECT 1",
    )
    assert decoded.parameters == {"x": "a\\tb"}
    assert decoded.is_readonly
    assert decoded.query_id == "q"
    assert set_statements(decoded) == [
        "USE `a\\`b`",
        "SET insert_deduplication_token = 'it\\'s \\\\', max_threads = '2'",
        "SET readonly = '1'",
    ]


def test_a_request_without_settings_needs_no_preparation() -> None:
    decoded = request(body=b"SELECT 1")
    assert set_statements(decoded) == []
    assert not decoded.is_readonly


def test_a_name_that_cannot_be_a_setting_is_refused() -> None:
    with pytest.raises(RefusedError, match="Unknown setting 'a = 1, b'") as caught:
        request({"a = 1, b": "2"}, b"SELECT 1")
    assert (caught.value.code, caught.value.status) == (115, 404)


def test_long_parameters_come_as_a_form() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {x:String}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="param_x"\r\n\r\n\xc3\xa9\r\nline\r\n--b--\r\n'
    )
    decoded = request({"max_threads": "1"}, body, content_type="multipart/form-data; boundary=b")
    assert decoded.statement == Question(sql="SELECT {x:String}", format="TabSeparated")
    assert decoded.parameters == {"x": "é\r\nline"}
    assert decoded.settings == {"max_threads": "1"}


def test_external_data_is_refused_by_name() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="ext"; filename="f"\r\n\r\n1\r\n--b--\r\n'
    with pytest.raises(RefusedError, match=r"External data \(ext\)") as caught:
        request(body=body, content_type="multipart/form-data; boundary=b")
    assert caught.value.status == 501


DATA = b"SELECT 1 /* \x00 */" * 100
PACKED = {
    "": DATA,
    "identity": DATA,
    "gzip": gzip.compress(DATA),
    "deflate": zlib.compress(DATA),
    "lz4": lz4.frame.compress(DATA),
    "zstd": zstd.compress(DATA),
}


@pytest.mark.parametrize("encoding", PACKED)
def test_every_encoding_of_a_body_is_undone(encoding: str) -> None:
    assert unpack(PACKED[encoding], encoding) == DATA


@pytest.mark.parametrize("encoding", ["gzip", "lz4", "zstd"])
def test_frames_one_after_another_are_one_body(encoding: str) -> None:
    assert unpack(PACKED[encoding] * 3, encoding) == DATA * 3


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
@pytest.mark.parametrize("broken", [b"nonsense", None], ids=["nonsense", "cut"])
def test_a_broken_body_is_refused(encoding: str, broken: bytes | None) -> None:
    with pytest.raises(RefusedError, match=f"Cannot decompress the {encoding} body"):
        unpack(PACKED[encoding][:-4] if broken is None else broken, encoding)


def test_an_unknown_encoding_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(RefusedError, match="br is not supported; use one of lz4, zstd, gzip, deflate"):
        unpack(DATA, "br")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
def test_what_is_packed_can_be_unpacked(encoding: str) -> None:
    assert unpack(pack(DATA, encoding), encoding) == DATA


@pytest.mark.parametrize(
    ("accepted", "enabled", "packed"),
    [
        ("lz4,zstd,gzip", "1", "lz4"),
        ("br, gzip;q=0.5", "1", "gzip"),
        ("lz4", "0", ""),
        ("lz4", "", ""),
        ("br", "1", ""),
        ("", "1", ""),
    ],
)
def test_the_answer_is_packed_as_the_client_asks(accepted: str, enabled: str, packed: str) -> None:
    decoded = request({"enable_http_compression": enabled}, b"SELECT 1", accept_encoding=accepted)
    assert decoded.packed == packed


@pytest.mark.parametrize(
    ("text", "code", "status", "shown"),
    [
        (
            "Code: 60. DB::Exception: No t. (UNKNOWN_TABLE)",
            60,
            404,
            "Code: 60. DB::Exception: No t. (UNKNOWN_TABLE)",
        ),
        ("Failed: Code: 62. DB::Exception: x", 62, 400, "Code: 62. DB::Exception: x"),
        ("Code: 164. DB::Exception: x", 164, 500, "Code: 164. DB::Exception: x"),
        ("strange", 1002, 500, "Code: 1002. DB::Exception: strange (UNKNOWN_EXCEPTION)"),
    ],
)
def test_an_engine_error_keeps_its_code(text: str, code: int, status: int, shown: str) -> None:
    refused = engine_refusal(RuntimeError(text))
    assert (refused.code, refused.status, str(refused)) == (code, status, shown)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours
