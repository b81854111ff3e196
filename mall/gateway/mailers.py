"""Mailers: what carries a mail out of the house. A folder of .eml files by default, SMTP in production."""

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from mall.base.clock import now

SECONDS = 20


class MailNotSent(Exception):
    """The mail could not be handed over; it may be tried again."""


class Mail(Struct, frozen=True):
    """A mail as it is read. `key` is the same for the same mail sent twice, so that a reader's program can tell."""

    to: str
    subject: str
    text: str
    html: str
    language: str
    sender_name: str
    sender: str
    key: str

    def message(self) -> EmailMessage:
        """Return the mail as a message: text, and beside it HTML.

        Nothing that people typed can add a header: a line break in one is refused by the message itself, so breaks
        are taken out before. Raises MailNotSent for an address that is none.
        """
        message = EmailMessage()
        domain = self.sender.rpartition("@")[2] or "localhost"
        try:
            message["From"] = Address(one_line(self.sender_name), addr_spec=self.sender)
            message["To"] = Address(addr_spec=self.to)
        except (ValueError, IndexError) as error:
            raise MailNotSent(f"not an address: {error}") from error
        message["Subject"] = one_line(self.subject)
        message["Date"] = format_datetime(now())
        message["Message-ID"] = f"<{one_word(self.key)}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = self.language
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        return message


class Mailer(Protocol):
    """Whatever carries mails. Raises MailNotSent."""

    def send(self, mail: Mail) -> None: ...


class FileMailer:
    """Puts each mail into a folder as one .eml file; the same mail sent again replaces it."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def send(self, mail: Mail) -> None:
        """Write the mail whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{one_word(mail.key)}.eml"
        beside = path.with_suffix(".part")
        beside.write_bytes(mail.message().as_bytes())
        beside.replace(path)


class SmtpMailer:
    """Hands mails to a mail server: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465.

    A password is never sent in the clear: where the server offers no encryption, signing in is refused.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL is smtp://user:password@host:587 or smtps://user:password@host:465")
        self.encrypted = parts.scheme == "smtps"
        self.host = parts.hostname
        self.port = parts.port or (465 if self.encrypted else 587)
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")

    def send(self, mail: Mail) -> None:
        """Hand the mail over. Raises MailNotSent."""
        message = mail.message()
        try:
            with self._connected() as server:
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise MailNotSent(f"{type(error).__name__}: {error}") from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        opened = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=SECONDS, context=context)
            if self.encrypted
            else smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        )
        with opened as server:
            server.ehlo()
            if not self.encrypted and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif not self.encrypted and self.user:
                raise smtplib.SMTPNotSupportedError("the server offers no encryption, so the password is not sent")
            if self.user:
                server.login(self.user, self.password)
            yield server


def mailer_for(settings: Mapping[str, Any]) -> Mailer:
    """Return the mailer the settings name: a mail server where SMTP_URL is set, else a folder."""
    return SmtpMailer(settings["SMTP_URL"]) if settings["SMTP_URL"] else FileMailer(settings["OUTBOX_DIR"])


def one_line(text: str) -> str:
    """Return a text without line breaks and other control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def one_word(key: str) -> str:
    """Return a key as it may stand in a file's name and in a Message-ID."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in key)
