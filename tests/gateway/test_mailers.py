"""A mail reaches the mail server whole, a password never goes out in the clear, and a failure can be tried again."""

import socketserver
import threading

import pytest

from mall.gateway.mailers import FileMailer, Mail, MailNotSent, SmtpMailer, mailer_for

MAIL = Mail(
    to="mei@example.com",
    subject="积分已到账",
    text="Hello Mei,\n\n.A line that begins with a dot.\n",
    html="<p>Hello Mei</p>",
    language="zh-Hans",
    sender_name="方寸",
    sender="hello@example.com",
    key="order:7:paid",
)


class Server(socketserver.ThreadingTCPServer):
    """Where clients may hang up in the middle."""

    daemon_threads = True
    refuses = "nobody@"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.heard, self.mails = [], []

    def handle_error(self, request, client_address):
        """A client that hung up is no fault of ours."""


class Session(socketserver.StreamRequestHandler):
    """A mail server that keeps what it hears, offers no encryption, and refuses whom it is told to."""

    server: Server

    def say(self, words):
        self.wfile.write(words.encode() + b"\r\n")

    def handle(self):
        self.say("220 here")
        for line in self.rfile:
            command = line.strip().decode(errors="replace")
            self.server.heard.append(command)
            verb = command.split(" ")[0].upper()
            if verb == "RCPT" and self.server.refuses in command:
                self.say("550 no such mailbox")
            elif verb == "DATA":
                self.say("354 go on")
                self.server.mails.append(self.data())
                self.say("250 kept")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 yes")

    def data(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line.removeprefix(b"."))
        return b""


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_mail_reaches_the_server_whole(server):
    SmtpMailer(f"smtp://127.0.0.1:{server.server_address[1]}").send(MAIL)

    (raw,) = server.mails
    assert b"Message-ID: <order-7-paid@example.com>" in raw
    assert b".A line that begins with a dot." in raw
    assert any(command.upper().startswith("RCPT TO:<MEI@EXAMPLE.COM>") for command in server.heard)


def test_a_password_is_not_sent_to_a_server_without_encryption(server):
    with pytest.raises(MailNotSent, match="no encryption"):
        SmtpMailer(f"smtp://ada:secret@127.0.0.1:{server.server_address[1]}").send(MAIL)

    assert server.mails == []
    assert not any("AUTH" in command for command in server.heard)


def test_a_reader_the_server_refuses_is_a_failure_to_try_again(server):
    server.refuses = "mei@"

    with pytest.raises(MailNotSent, match="no such mailbox"):
        SmtpMailer(f"smtp://127.0.0.1:{server.server_address[1]}").send(MAIL)


def test_a_server_that_is_away_is_a_failure_to_try_again(server):
    port = server.server_address[1]
    server.shutdown()
    server.server_close()

    with pytest.raises(MailNotSent):
        SmtpMailer(f"smtp://127.0.0.1:{port}").send(MAIL)


def test_a_server_that_offers_no_such_encryption_is_a_failure(server):
    with pytest.raises(MailNotSent):
        SmtpMailer(f"smtps://127.0.0.1:{server.server_address[1]}").send(MAIL)


@pytest.mark.parametrize("url", ["http://mail.example.com", "mail.example.com:25", "smtp://"])
def test_an_address_that_is_no_mail_server_is_said_at_once(url):
    with pytest.raises(ValueError, match="SMTP_URL"):
        SmtpMailer(url)


def test_the_parts_of_the_address_are_read():
    mailer = SmtpMailer("smtps://ada%40shop:p%2Fw@mail.example.com")

    assert (mailer.user, mailer.password, mailer.host, mailer.port) == ("ada@shop", "p/w", "mail.example.com", 465)
    assert SmtpMailer("smtp://mail.example.com").port == 587


def test_without_a_server_mails_go_into_a_folder(tmp_path):
    assert isinstance(mailer_for({"SMTP_URL": "", "OUTBOX_DIR": str(tmp_path)}), FileMailer)
    assert isinstance(mailer_for({"SMTP_URL": "smtp://mail.example.com", "OUTBOX_DIR": ""}), SmtpMailer)
