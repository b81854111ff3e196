"""The demo's outbox: the mails the mall has written to a folder, so that links in them can be followed."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, render_template, send_file

bp = Blueprint("outbox", __name__, url_prefix="/outbox")

NEWEST = 100
# A mail brings its own colours in attributes, and nothing else: no script, no picture, no form. Its links work.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " sandbox allow-top-navigation-by-user-activation"
)


@bp.before_request
def demo_only() -> None:
    """Whoever reads these mails could open any account: outside the demo there is no such page."""
    if not current_app.config["DEMO"]:
        abort(404)
    g.private = True


@bp.get("/")
def index():
    """List the newest mails."""
    paths = sorted(folder().glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)[:NEWEST]
    return render_template("store/outbox/index.html", mails=[(path.stem, shown(read(path))) for path in paths])


@bp.get("/<name>")
def show(name: str):
    """Show one mail as its reader's program without pictures would."""
    mail = read(path_of(name))
    body = mail.get_body(("plain",))
    paragraphs = body.get_content().strip().split("\n\n") if body else []
    return render_template("store/outbox/show.html", name=name, mail=shown(mail), paragraphs=paragraphs)


@bp.get("/<name>/as-sent")
def as_sent(name: str) -> Response:
    """Show one mail as a mail program shows it, its links to be followed."""
    body = read(path_of(name)).get_body(("html",))
    if body is None:
        abort(404)
    answer = Response(body.get_content(), mimetype="text/html")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@bp.get("/<name>.eml")
def download(name: str):
    """Hand out the mail's file, to be opened in a mail program."""
    return send_file(path_of(name), mimetype="message/rfc822", as_attachment=True, download_name=f"{name}.eml")


def folder() -> Path:
    """Return the folder the mails are in."""
    return Path(current_app.config["OUTBOX_DIR"]).resolve()


def path_of(name: str) -> Path:
    """Return a mail's file. Answers 404 for what is not in the folder."""
    path = folder() / f"{name}.eml"
    if path.parent != folder() or not is_there(path):
        abort(404)
    return path


def is_there(path: Path) -> bool:
    """Tell whether there is such a file; a name no file can have is that of none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read(path: Path) -> EmailMessage:
    """Read a mail."""
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())


def shown(mail: EmailMessage) -> dict[str, Any]:
    """Return what the pages show of a mail's head."""
    return {
        "subject": mail["Subject"],
        "sender": mail["From"],
        "to": mail["To"],
        "written_at": mail["Date"].datetime,
    }
