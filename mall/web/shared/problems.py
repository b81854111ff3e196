"""Pages for what goes wrong: a refusal, a form that ran out, a page that is not there, a fault of ours."""

from typing import Any

from flask import Flask, current_app, g, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from mall.base.errors import NotFound, Refusal
from mall.domain import programme

from .addresses import came_from
from .logs import log
from .texts import sentence


def prepare(app: Flask) -> None:
    """Answer every failure with a page that says what happened and what to do, and carries the request id."""

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> tuple[str, int]:
        if isinstance(refusal, NotFound):
            return page(404, *words_for(404))
        return page(422, _("That did not go through"), sentence(refusal.said))

    @app.errorhandler(CSRFError)
    def stale_form(_error: CSRFError) -> tuple[str, int]:
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
    def no_database(error: SQLAlchemyError) -> tuple[str, int]:
        try:
            unprepared = not programme.has_tables()
        except SQLAlchemyError:
            unprepared = False
        if unprepared:
            return page(503, _("This shop is not open yet"), sentence(programme.NoProgramme().said))
        return fault(error)

    @app.errorhandler(Exception)
    def fault(error: Exception) -> tuple[str, int]:
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


def page(status: int, heading: str, words: str) -> tuple[str, int]:
    """Render the problem page. Returns (body, status)."""
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
