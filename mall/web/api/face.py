"""The door of the face for machines: a partner's key, so many calls a minute, JSON in and out, problems as documents.

Neither cookies nor sessions are looked at, so no CSRF token is asked for. Sentences are in English: a program reads
them, or the person who writes it.
"""

import re
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response, abort, g, request

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import partners, people, programme
from mall.web.shared.done import done_once
from mall.web.shared.problems import problem

from .messages import IDEMPOTENCY_KEY

bp = Blueprint("api", __name__, url_prefix="/api/v1")

CALLS = people.Limit("api-call", 600, timedelta(minutes=1))
LARGEST_BODY = 16 * 1024
SECOND = timedelta(seconds=1)
OPEN = {"api.openapi"}
CONFLICTS = (partners.ReferenceTaken, partners.AlreadyBound)

Asked = TypeVar("Asked")
_BEFORE_A_WORD = re.compile(r"(?<!^)(?=[A-Z])")


@bp.before_request
def partners_only() -> Response | None:
    """Let in whoever shows a partner's key, so often in a minute. The document is for everybody."""
    if request.endpoint in OPEN:
        return None
    scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
    with reading():
        partner = partners.key_holder(key.strip()) if scheme.lower() == "bearer" else None
    if partner is None:  # Whether a key is missing, wrong, replaced or revoked, nobody is told.
        detail = "Show your key in the header Authorization: Bearer <key>. This one opens nothing."
        return problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
    at = now()
    counted = done_once(people.count, CALLS, str(partner.id), at=at)
    if not counted.allowed:
        seconds = max(1, -(-(counted.ends_at - at) // SECOND))
        return problem(
            429, f"Too many calls. Send this again in {seconds} seconds.", headers={"Retry-After": str(seconds)}
        )
    g.partner = partner
    return None


@bp.errorhandler(Refusal)
def refused(refusal: Refusal) -> Response:
    """Answer a refusal: 409 where it stands against what was done before, else 422."""
    code = _BEFORE_A_WORD.sub("-", type(refusal).__name__).lower()
    return problem(409 if isinstance(refusal, CONFLICTS) else 422, str(refusal), code=code, field=refusal.field)


def partner_id() -> int:
    """Return whose key was shown."""
    return int(g.partner.id)


def terms() -> programme.Programme:
    """Return the programme in force."""
    with reading():
        return programme.current(now())


def body() -> bytes:
    """Return the body as it was sent. Answers 413 for one that is too large."""
    # A body may hide its length; the whole mall's limit holds until it is read.
    if (request.content_length or 0) > LARGEST_BODY or len(sent := request.get_data()) > LARGEST_BODY:
        abort(413)
    return sent


def read(kind: type[Asked]) -> Asked:
    """Return the body as what it should be. Answers 415, 413, 400 or 422 for what it is not."""
    if request.mimetype != "application/json":
        abort(problem(415, "Send JSON, with the header Content-Type: application/json."))
    sent = body()
    try:
        return msgspec.json.decode(sent, type=kind)
    except msgspec.ValidationError as wrong:
        abort(problem(422, f"{wrong}.", code="not-as-described"))
    except msgspec.DecodeError as broken:
        abort(problem(400, f"{broken}.", code="not-json"))


def idempotency_key() -> str:
    """Return the key that makes a request one, however often it is sent. Answers 400 where there is none."""
    key = request.headers.get("Idempotency-Key", "")
    if not re.fullmatch(IDEMPOTENCY_KEY, key):
        detail = (
            f"Send the header Idempotency-Key, 1 to {partners.LONGEST_KEY} visible characters without spaces: new for"
            " each purchase or refund, the same when you send one again."
        )
        abort(problem(400, detail, code="no-idempotency-key"))
    return key


def answer(said: Any, status: int, *, again: bool = False) -> Response:
    """Return an answer as JSON. One that was given before says so in a header."""
    response = Response(msgspec.json.encode(said), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if again:
        response.headers["Idempotent-Replayed"] = "true"
    return response
