"""A message with a file -> an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage

import msgspec

from app.errors import SendRefusedError, SendUnavailableError, SendUnknownError
from app.report_settings import ReportSettings

#: The answer to DATA, and to nothing else.
_GO_ON = 354


class _Server(smtplib.SMTP):
    """Notes when the server has asked for the message: from then on it may have it."""

    is_under_way = False

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()
        self.is_under_way = self.is_under_way or code == _GO_ON
        return code, text


class _TlsServer(_Server, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message with one file. ``message_id`` is the same each time it is sent."""

    message_id: str
    to: Sequence[str]
    subject: str
    text: str
    file_name: str
    media_type: str
    data: bytes


def send(letter: Letter, *, settings: ReportSettings) -> None:
    """Return once the server has taken it for every address. Blocks: for a thread.

    Raises SendUnavailableError where trying again may help and cannot double it, SendUnknownError where
    the server fell silent after it had asked for the message, SendRefusedError for everything else.
    """
    message = _message(letter, sender=settings.mail_from)
    at = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        server = _connected(settings)
    except smtplib.SMTPAuthenticationError as error:
        raise SendRefusedError(f"{at}: {_told(error)}; check smtp_user and smtp_password") from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendUnavailableError(f"{at}: {_told(error)}; check reports.smtp_*") from error
    try:
        refused = server.send_message(message)
    except smtplib.SMTPNotSupportedError as error:
        raise SendRefusedError(f"{at}: {_told(error)}; check the addresses") from error
    except (OSError, smtplib.SMTPException) as error:
        raise _failure(error, at=at, is_under_way=server.is_under_way) from error
    finally:
        server.close()
    if refused:
        raise SendRefusedError(f"{at}: sent, but refused for {len(refused)} of {len(letter.to)} addresses")


def _connected(settings: ReportSettings) -> _Server:
    where = (settings.smtp_host, settings.smtp_port)
    trusted = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: _Server = _TlsServer(*where, timeout=settings.send_timeout_s, context=trusted)
    else:
        server = _Server(*where, timeout=settings.send_timeout_s)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=trusted)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server


def _message(letter: Letter, *, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(letter.to)
    message["Subject"], message["Message-ID"] = letter.subject, letter.message_id
    message.set_content(letter.text)
    kind, _, detail = letter.media_type.partition(";")[0].partition("/")
    message.add_attachment(letter.data, maintype=kind, subtype=detail, filename=letter.file_name)
    return message


def _failure(
    error: OSError | smtplib.SMTPException, *, at: str, is_under_way: bool
) -> SendRefusedError | SendUnavailableError | SendUnknownError:
    """5xx: never; 4xx: later, perhaps; no answer, or half of one: later, unless the message was under way."""
    codes, told = _codes(error), _told(error)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        told = f"every address was refused ({', '.join(str(code) for code in sorted(set(codes)))})"
    if any(500 <= code < 600 for code in codes):
        return SendRefusedError(f"{at}: {told}")
    is_answered = bool(codes) and all(400 <= code < 500 for code in codes)
    if is_under_way and not is_answered:
        return SendUnknownError(f"{at}: {told}, when the message was under way")
    return SendUnavailableError(f"{at}: {told}")


def _codes(error: Exception) -> list[int]:
    """What the server answered, none where it did not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
