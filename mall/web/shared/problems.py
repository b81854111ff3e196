"""Pages for what goes wrong: a refusal, a form that ran out, a page that is not there, a fault of ours.

To machines it is told as a problem document (RFC 9457), in English.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, current_app, g, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from mall.base.errors import NotFound, Refusal
from mall.domain import programme

from .addresses import came_from
from .logs import log
from .texts import sentence

MACHINES = "/api/"
# What a machine is told where nothing more is known.
PLAIN_WORDS = {
    400: "This request could not be read.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    413: "The body is too large.",
    415: "The body is not of a kind that is read here.",
    503: "The shop does not answer now. Nothing was done; send it again with the same key.",
}
UNKNOWN_FAULT = "Something broke on our side. Nothing was half done; send it again with the same key."


def prepare(app: Flask) -> None:
    """Answer every failure with a page that says what happened and what to do, and carries the request id."""

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> tuple[str | Response, int]:
        if isinstance(refusal, NotFound):
            return page(404, *words_for(404))
        return page(422, _("That did not go through"), sentence(refusal.said))

    @app.errorhandler(CSRFError)
    def stale_form(_error: CSRFError) -> tuple[str | Response, int]:
        return page(
            400,
            _("This page was open for too long"),
            _("Nothing was changed. Go back, reload the page and send it again."),
        )

    @app.errorhandler(HTTPException)
    def http_problem(error: HTTPException) -> Any:
        status = error.code or 500
        if status < 400:
            return error
        answer, code = page(status, *words_for(status))
        headers = [
            (name, value) for name, value in error.get_headers() if name not in ("Content-Type", "Content-Length")
        ]
        return answer, code, headers

    @app.errorhandler(SQLAlchemyError)
    def no_database(error: SQLAlchemyError) -> tuple[str | Response, int]:
        try:
            unprepared = not programme.has_tables()
        except SQLAlchemyError:
            unprepared = False
        if request.path.startswith(MACHINES):
            log.error("fault", exc_info=error)
            return page(503, *words_for(503))
        if unprepared:
            return page(503, _("This shop is not open yet"), sentence(programme.NoProgramme().said))
        return fault(error)

    @app.errorhandler(Exception)
    def fault(error: Exception) -> tuple[str | Response, int]:
        log.error("fault", exc_info=error)
        return page(500, *words_for(500))


def words_for(status: int) -> tuple[str, str]:
    """Return the heading and the sentence for an HTTP status."""
    return {
        400: (_("We could not read that request"), _("Nothing was changed. Go back and try it from the page again.")),
        403: (_("This is not yours to open"), _("Sign in with an account that may, or go back to the shop.")),
        404: (
            _("There is nothing at this address"),
            _("It may have moved or been taken down. The shop is still open."),
        ),
        405: (_("This address works by a button"), _("Nothing was changed. Go back and use the button on the page.")),
        413: (
            _("That is too large"),
            _(
                "Nothing was changed. A picture may have 10 MB, and all that is sent at once %(most)s MB."
                " Make it smaller and send it again.",
                most=current_app.config["MAX_CONTENT_LENGTH"] // 2**20,
            ),
        ),
        429: (_("Too many tries"), _("Nothing was changed. Wait a few minutes, then try again.")),
    }.get(
        status,
        (
            _("Something broke on our side"),
            _("Nothing was half done. Your points and money are safe. Try again in a minute."),
        ),
    )


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, code: str = "", field: str = ""
) -> Response:
    """Return a problem document: what is wrong in a sentence; for programs `code` and the `field` at fault."""
    said = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": g.get("request_id", ""),
        **({"code": code} if code else {}),
        **({"field": field} if field else {}),
    }
    response = Response(msgspec.json.encode(said), status, content_type="application/problem+json")
    response.headers.update({"Cache-Control": "no-store", **(headers or {})})
    return response


def page(status: int, heading: str, words: str) -> tuple[str | Response, int]:
    """Render the problem page, or for a machine the document. Returns (body, status)."""
    if request.path.startswith(MACHINES):
        return problem(status, PLAIN_WORDS.get(status, UNKNOWN_FAULT)), status
    # What was sent from a page of ours is sent again from there.
    back = came_from() if request.method == "POST" else None
    html = render_template(
        "shared/problem.html",
        status=status,
        heading=heading,
        words=words,
        back=back,
        request_id=g.get("request_id", ""),
    )
    return html, status
