"""A message with a file -> an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage

import msgspec

from app.errors import SendRefusedError, SendUnavailableError, SendUnknownError
from app.report_settings import ReportSettings

#: What a server answers to DATA.
_GO_ON = 354


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
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        raise _refusal(error, at=at) from error
    except smtplib.SMTPNotSupportedError as error:
        raise SendRefusedError(f"{at}: {_told(error)}; check the addresses") from error
    except (OSError, smtplib.SMTPException) as error:
        if server.is_under_way:
            raise SendUnknownError(f"{at}: {_told(error)}, when the message was under way") from error
        raise SendUnavailableError(f"{at}: {_told(error)}, before it took the message") from error
    finally:
        server.close()
    if refused:
        raise SendRefusedError(f"{at}: sent, but refused for {len(refused)} of {len(letter.to)} addresses")


class _Watched(smtplib.SMTP):
    """Knows whether the server may have the message: whether it has said to go on with it."""

    is_under_way = False

    def getreply(self) -> tuple[int, bytes]:
        code, told = super().getreply()
        self.is_under_way = self.is_under_way or code == _GO_ON
        return code, told


class _WatchedTls(_Watched, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""


def _connected(settings: ReportSettings) -> _Watched:
    where = (settings.smtp_host, settings.smtp_port)
    trusted = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: _Watched = _WatchedTls(*where, timeout=settings.send_timeout_s, context=trusted)
    else:
        server = _Watched(*where, timeout=settings.send_timeout_s)
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


def _refusal(
    error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused, *, at: str
) -> SendRefusedError | SendUnavailableError:
    """4xx: later, perhaps; 5xx: never."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        told = f"every address was refused ({', '.join(str(code) for code in sorted(set(codes)))})"
    else:
        codes, told = [error.smtp_code], _told(error)
    kind = SendUnavailableError if all(400 <= code < 500 for code in codes) else SendRefusedError
    return kind(f"{at}: {told}")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
