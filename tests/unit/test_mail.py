"""A mail server that hangs up at each step: until it has asked for the message, sending again is safe."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from app.adapters.mail import Letter, send
from app.errors import SendRefusedError, SendUnavailableError, SendUnknownError
from app.report_settings import ReportSettings

LETTER = Letter(
    message_id="<1@shop.test>",
    to=["ann@shop.test", "bob@shop.test"],
    subject="report",
    text="attached",
    file_name="report.csv",
    media_type="text/csv",
    data=b"a,b\n",
)
#: What the server says to be asked for more, and to what.
FINE = {"": b"220 sink\r\n", "EHLO": b"250 sink\r\n", "MAIL": b"250 fine\r\n", "RCPT": b"250 fine\r\n"}
ALL = {**FINE, "DATA": b"354 go on\r\n", ".": b"250 taken\r\n"}


def _talk(listener: socket.socket, says: dict[str, bytes], got: list[bytes], stop: threading.Event) -> None:
    """Answer one client as ``says`` has it; hang up at what is not there, fall silent at nothing (b"")."""
    with contextlib.suppress(OSError):
        client, _ = listener.accept()
        with client, client.makefile("rb") as lines:
            word, is_body = "", False
            while word in says:
                if not says[word]:
                    stop.wait(30)
                    return
                client.sendall(says[word])
                is_body = says[word].startswith(b"354")
                if not says[word].endswith(b"\r\n"):
                    return  # in the middle of an answer
                line = lines.readline()
                while is_body and line not in (b".\r\n", b""):
                    got.append(line)
                    line = lines.readline()
                word = line.split(b" ")[0].strip().decode().upper()


@contextlib.contextmanager
def serving(says: dict[str, bytes]) -> Iterator[tuple[ReportSettings, list[bytes]]]:
    """The settings that lead to such a server, and the lines of the message that it gets."""
    got: list[bytes] = []
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        talking = threading.Thread(target=_talk, args=(listener, says, got, stop))
        talking.start()
        settings = ReportSettings(
            smtp_host="127.0.0.1",
            smtp_port=listener.getsockname()[1],
            smtp_security="none",
            mail_from="reports@shop.test",
            send_timeout_s=1 if b"" in says.values() else 20,
        )
        try:
            yield settings, got
        finally:
            stop.set()
            talking.join()


def until(step: str, answer: bytes | None = None) -> dict[str, bytes]:
    """A server that does its part before ``step``, and there says ``answer``, or hangs up."""
    names = list(ALL)
    before = {name: ALL[name] for name in names[: names.index(step)]}
    return before if answer is None else {**before, step: answer}


@pytest.mark.parametrize("answer", [None, b"", b"25"], ids=["hangs up", "silent", "half an answer"])
@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_before_the_message_is_asked_for_it_may_be_sent_again(step, answer):
    with serving(until(step, answer)) as (settings, got):
        with pytest.raises(SendUnavailableError):
            send(LETTER, settings=settings)
        assert got == []


@pytest.mark.parametrize("answer", [None, b"", b"25"], ids=["hangs up", "silent", "half an answer"])
def test_once_the_server_has_the_message_nobody_knows(answer):
    with serving(until(".", answer)) as (settings, got):
        with pytest.raises(SendUnknownError, match="when the message was under way"):
            send(LETTER, settings=settings)
        assert b"Message-ID: <1@shop.test>\r\n" in got


def test_a_server_that_hangs_up_after_it_said_so_has_taken_it():
    with serving(ALL) as (settings, got):
        send(LETTER, settings=settings)
        assert b"Message-ID: <1@shop.test>\r\n" in got


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(
    ("answer", "told"), [(b"451 x\r\n", SendUnavailableError), (b"550 x\r\n", SendRefusedError)]
)
def test_a_refusal_is_what_it_says_at_every_step(step, answer, told):
    with serving({**ALL, step: answer}) as (settings, _), pytest.raises(told):
        send(LETTER, settings=settings)


def test_an_address_that_the_server_cannot_take_is_refused():
    letter = msgspec.structs.replace(LETTER, to=["größe@shop.test"])
    with serving(ALL) as (settings, _), pytest.raises(SendRefusedError, match="addresses"):
        send(letter, settings=settings)
