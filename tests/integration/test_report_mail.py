"""A report to a mail server that speaks TLS, from the first byte or by STARTTLS; one nobody vouches for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.adapters.mail import Letter, send
from app.errors import SendUnavailableError
from app.report_settings import ReportSettings

pytestmark = pytest.mark.asyncio

LETTER = Letter(
    message_id="<1@shop.test>",
    to=["ann@shop.test"],
    subject="größe",
    text="中文",
    file_name="report.csv",
    media_type="text/csv; charset=utf-8",
    data="größe,中文\n".encode(),
)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate of 127.0.0.1, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "sink.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


class Server:
    """Takes mail from who logs in as ann, over TLS alone; ``said`` is every line it was told."""

    def __init__(self, certificate: Path, *, starttls: bool) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate)
        self.starttls = starttls
        self.said: list[bytes] = []
        self.in_the_clear: list[bytes] = []
        self.letters: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_safe = not self.starttls
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            (self.said if is_safe else self.in_the_clear).append(line.strip())
            match line.split()[0].upper():
                case b"EHLO":
                    offered = b"AUTH PLAIN" if is_safe else b"STARTTLS"
                    writer.write(b"250-sink\r\n250 " + offered + b"\r\n")
                case b"STARTTLS":
                    writer.write(b"220 go\r\n")
                    await writer.drain()
                    await writer.start_tls(self.context)
                    is_safe = True
                case b"AUTH":
                    writer.write(b"235 welcome\r\n")
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(b"250 taken\r\n")
                case _:
                    writer.write(b"250 fine\r\n")

    async def met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await self.talk(reader, writer)
        writer.close()


@contextlib.asynccontextmanager
async def listening(server: Server) -> AsyncIterator[ReportSettings]:
    """The settings that lead to it."""
    context = None if server.starttls else server.context
    listener = await asyncio.start_server(server.met, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield ReportSettings(
            smtp_host="127.0.0.1",
            smtp_port=listener.sockets[0].getsockname()[1],
            smtp_security="starttls" if server.starttls else "tls",
            smtp_user="ann",
            smtp_password="hidden",
            mail_from="reports@shop.test",
            send_timeout_s=10,
        )


@pytest.mark.parametrize("starttls", [True, False])
async def test_mail_and_password_go_over_tls_alone(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, starttls: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = Server(certificate, starttls=starttls)
    async with listening(server) as settings:
        await asyncio.to_thread(send, LETTER, settings=settings)
    login = base64.b64encode(b"\0ann\0hidden")
    assert b"AUTH PLAIN " + login in server.said
    (letter,) = server.letters
    assert base64.b64encode(LETTER.data) in letter
    first = [line.split()[0].upper() for line in server.in_the_clear]
    assert first == ([b"EHLO", b"STARTTLS"] if starttls else [])


@pytest.mark.parametrize("starttls", [True, False])
async def test_a_server_that_nobody_vouches_for_gets_nothing(certificate: Path, starttls: bool) -> None:
    server = Server(certificate, starttls=starttls)
    async with listening(server) as settings:
        with pytest.raises(SendUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await asyncio.to_thread(send, LETTER, settings=settings)
    assert (server.said, server.letters) == ([], [])
