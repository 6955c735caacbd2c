"""A mail server that goes away: before it asked for the message it may be tried again, later nobody knows."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from app.adapters.mail import Letter, send
from app.errors import SendRefusedError, SendUnavailableError, SendUnknownError
from app.report_settings import ReportSettings

LETTER = Letter(
    message_id="<1@shop.test>",
    to=["ann@shop.test"],
    subject="a report",
    text="text",
    file_name="report.csv",
    media_type="text/csv",
    data=b"a,b\n",
)
ANSWERS = dict.fromkeys((b"EHLO", b"MAIL", b"RCPT", b"."), b"250 ok") | {b"DATA": b"354 go on"}


def talk(listener: socket.socket, leaves_at: bytes, letters: list[bytes]) -> None:
    """One connection, which ends without an answer at this word."""
    with listener, listener.accept()[0] as connection, connection.makefile("rb") as lines:
        if leaves_at == b"":
            return
        connection.sendall(b"220 sink\r\n")
        is_message, body = False, b""
        for line in lines:
            word = line.strip() if is_message else line.split()[0].upper()
            if is_message and word != b".":
                body += line
                continue
            if word == leaves_at:
                return
            if word == b".":
                letters.append(body)
            is_message = word == b"DATA"
            connection.sendall(ANSWERS.get(word, b"221 bye") + b"\r\n")


@contextmanager
def server(leaves_at: bytes) -> Iterator[tuple[ReportSettings, list[bytes]]]:
    """Settings that lead to it, and the letters that it takes."""
    letters: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=talk, args=(listener, leaves_at, letters))
    thread.start()
    host, port = listener.getsockname()
    named = {"smtp_host": host, "smtp_port": port, "smtp_security": "none"}
    yield ReportSettings(**named, mail_from="reports@shop.test"), letters
    thread.join()


@pytest.mark.parametrize("leaves_at", [b"", b"EHLO", b"MAIL", b"RCPT", b"DATA"])
def test_before_it_asked_for_the_message_it_may_be_tried_again(leaves_at: bytes) -> None:
    with server(leaves_at) as (settings, letters), pytest.raises(SendUnavailableError):
        send(LETTER, settings=settings)
    assert letters == []


def test_once_it_has_asked_for_it_nobody_knows() -> None:
    with server(b".") as (settings, _), pytest.raises(SendUnknownError, match="under way"):
        send(LETTER, settings=settings)


def test_what_it_has_taken_is_sent_though_it_says_no_goodbye() -> None:
    with server(b"QUIT") as (settings, letters):
        send(LETTER, settings=settings)
    assert len(letters) == 1
    assert b"report.csv" in letters[0]


def test_an_address_that_the_server_cannot_take_is_refused() -> None:
    letter = msgspec.structs.replace(LETTER, to=["größe@shop.test"])
    with server(b"never") as (settings, letters), pytest.raises(SendRefusedError, match="addresses"):
        send(letter, settings=settings)
    assert letters == []
