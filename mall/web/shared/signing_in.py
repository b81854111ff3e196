"""Signing in: who is behind a request, the locks of the faces, and the one way in and out.

The browser's cookie carries random tokens, one a door; the table of sign-ins says whose they are. A member's token
is read in the store, a staff token in the office and finance, so that one browser may hold both.
"""

import re
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.base.errors import Refusal
from mall.base.seals import configure_seals
from mall.domain import earning, people, repeats

from . import problems, quick, visit
from .addresses import came_from
from .done import done_once
from .forms import Form
from .layout import terms
from .logs import log

# The day on which this browser's member was last noted to be here.
VISITED = "visited"
MEMBER_KEY, STAFF_KEY, HALF_KEY = "sid", "staff_sid", "half_sid"
# What a browser keeps when someone signs in: its language, its basket, what it looked at, and the other door's token.
KEPT = ("language", "basket", "seen", "_permanent", MEMBER_KEY, STAFF_KEY)
STAFF_FACES = ("office", "finance")
# What a browser is known by keeps for a year after the last sign-in.
KNOWN_SECONDS = 365 * 24 * 60 * 60
UNSAFE_IN_AN_ADDRESS = re.compile(r"[\x00-\x20\x7f\\]")


def prepare(app: Flask) -> None:
    """Tell flask-login who is behind a request; note when people were here; answer too many tries with 429."""
    people.configure_passwords(time_cost=app.config["ARGON2_TIME_COST"], memory_kib=app.config["ARGON2_MEMORY_KIB"])
    configure_seals([app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"]])
    manager = quick.Logins()  # The table of sign-ins decides, not the browser's address.
    manager.init_app(app, add_context_processor=False)
    manager.request_loader(lambda _request: person_here())
    app.jinja_env.globals["may_open"] = may_open

    @app.after_request
    def note_who_was_here(response: Response) -> Response:
        person = g.get("person")
        if person is not None and people.to_be_noted(person, at=now()):
            session.modified = True
            try:
                with transaction():
                    people.note_seen(person, at=now())
                if person.kind == "member" and session.get(VISITED) != (today := terms().today(now()).isoformat()):
                    done_once(earning.visited, person.id, terms=terms(), at=now())
                    session[VISITED] = today
            except DBAPIError as error:  # A page is not withheld because the visit could not be noted.
                log.warning("visit not noted", error=str(error.orig))
        return response

    @app.after_request
    def make_browser_known(response: Response) -> Response:
        if "known_browser" in g:
            response.set_cookie(
                _known_cookie(),
                g.known_browser,
                max_age=KNOWN_SECONDS,
                secure=app.config["SESSION_COOKIE_SECURE"],
                httponly=True,
                samesite="Lax",
            )
        return response

    @app.errorhandler(people.TooManyTries)
    def too_many(refusal: people.TooManyTries) -> tuple[str | Response, int]:
        return problems.page(429, _("Too many tries"), problems.sentence(refusal))


def person_here() -> people.Person | None:
    """Return who is behind this request at its face, with one statement, or None."""
    staff_face = at_staff_face()
    person = _person_with(STAFF_KEY if staff_face else MEMBER_KEY)
    if person is None or (person.kind == "staff") != staff_face:
        return None
    g.person = person
    g.private = True
    return person


def at_staff_face() -> bool:
    """Tell whether this request is for the office or finance."""
    return request.path.lstrip("/").partition("/")[0] in STAFF_FACES


def person() -> people.Person:
    """Return who is behind this request, where a lock has let them in. `person().actor` is the `by` of a verb."""
    return current_user._get_current_object()


def me() -> int:
    """Return the id of the member behind this request; a visitor is sent to sign in."""
    if not _is_member():
        abort(to_sign_in())
    return current_user.id


def members_only() -> AnyResponse | None:
    """Lock a page for members: `bp.before_request(members_only)`."""
    g.private = True
    return None if _is_member() else to_sign_in()


class Lock(Struct, frozen=True):
    """The lock of a face or a room of it: who has the permission may come in, None: anyone on the staff.

    `but`: blueprints with a lock of their own.

    Who may not come in gets the page for "there is nothing here"; who has not signed in is led to the staff door.
    """

    permission: str | None
    but: Collection[str] = ()

    def __call__(self) -> AnyResponse | None:
        g.private = True
        if request.blueprint in self.but:
            return None
        if not current_user.is_authenticated:
            if _person_with(MEMBER_KEY) is not None:
                abort(404)
            return to_sign_in()
        if not self.opens_to(request.blueprint or ""):
            abort(404)
        return None

    def opens_to(self, room: str) -> bool:
        """Tell whether who has signed in may come into a room that this lock guards."""
        return self.permission is None or room in self.but or current_user.may(self.permission)


def staff_only(permission: str | None, *, but: Collection[str] = ()) -> Callable[[], AnyResponse | None]:
    """Lock a face: `bp.before_request(staff_only("operate"))`; None: anyone on the staff. `but`: as Lock says."""
    return Lock(permission, but)


def may_open(endpoint: str) -> bool:
    """Tell whether the locks on the way to a page open to who has signed in, so that no menu leads to a shut door."""
    if not current_user.is_authenticated:
        return False
    room = endpoint.rpartition(".")[0]
    names = [room[:place] for place, sign in enumerate(room) if sign == "."] + [room]
    locks = [lock for name in names for lock in current_app.before_request_funcs.get(name, ())]
    return all(lock.opens_to(room) for lock in locks if isinstance(lock, Lock))


def to_sign_in() -> AnyResponse:
    """Return the answer that leads to the door of this face, and back to this page afterwards."""
    here = request.full_path.rstrip("?") if request.method == "GET" else came_from()
    door = "office.account.sign_in" if at_staff_face() else "store.account.sign_in"
    address = url_for(door, next=safe_next(here))
    if request.headers.get("HX-Request"):
        return Response(status=200, headers={"HX-Redirect": address})
    return redirect(address)


def safe_next(address: str | None) -> str | None:
    """Return an address to go on to if it is a page of ours, else None.

    Refused: other hosts in every spelling (//evil.com, /\\evil, https:...), other schemes, control characters.
    """
    if not address or len(address) > 2_000 or UNSAFE_IN_AN_ADDRESS.search(address):
        return None
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not address.startswith("/") or address.startswith("//"):
        return None
    return address


def check_password(door: str, email: people.Email, password: str) -> people.Credentials:
    """Return whose e-mail and password these are, counting the try first. `door` is "member" or "staff".

    A browser in which it was right is known to the account from then on, and has an allowance of tries of its own.

    Raises TooManyTries; WrongPassword, alike and after as long a while, where there is no such account; and
    AccountFrozen, to who knows the password only.
    """
    known_browser = request.cookies.get(_known_cookie(), "")
    number = people.known_as(known_browser, door, email)
    counted = done_once(people.count_sign_in, door, email, network=network(), browser=number, at=now())
    if not counted.allowed:
        raise counted.refusal(now())
    known = _compared(door, email, password)
    g.known_browser = people.remember(known_browser, door, email)
    done_once(people.forgive_sign_in, door, email.key, network=network(), browser=number)
    assert known.person_id is not None and known.password_hash is not None
    if not people.outdated(known.password_hash):
        return known
    renewed = people.rehash(password)
    keep = people.keep_rehashed if door == "member" else people.keep_staff_rehashed
    if done_once(keep, known.person_id, renewed, instead_of=known.password_hash):
        return replace(known, password_hash=renewed)
    return _compared(door, email, password)  # Another sign-in was first to renew it, or it is another password.


def _compared(door: str, email: people.Email, password: str) -> people.Credentials:
    with reading():
        look_up = people.credentials_of_member if door == "member" else people.credentials_of_staff
        known = look_up(email)
    if not people.matches(known.password_hash, password):
        raise people.WrongPassword
    if known.frozen:
        raise people.AccountFrozen(email=terms().support_email)
    return known


def count_or_refuse(limit: people.Limit, subject: str) -> None:
    """Count a try in a transaction of its own. Raises TooManyTries."""
    counted = done_once(people.count, limit, subject, at=now())
    if not counted.allowed:
        raise counted.refusal(now())


def let_member_in(member_id: int, *, known: people.Credentials | None = None, language: str | None = None) -> None:
    """Begin a member's sign-in in this browser; what it held before at this door ends.

    `known`: what the password was compared with, where it was by password. Raises WrongPassword if it is another now.
    """

    def begin() -> str:
        if known is not None:
            people.insist_on("member", known)
        if held := session.get(MEMBER_KEY):
            people.end_sign_in(held, at=now())
        return people.open_sign_in(member_id=member_id, browser=browser(), at=now())

    _start_session(MEMBER_KEY, done_once(begin), language=language)
    session.permanent = True


def let_staff_in(token: str, *, language: str | None = None) -> None:
    """Put a complete staff sign-in into this browser; what it held before at this door ends."""
    if held := session.get(STAFF_KEY):
        done_once(people.end_sign_in, held, at=now())
    _start_session(STAFF_KEY, token, language=language)


def hold_half_in(token: str) -> None:
    """Keep in this browser that a staff password was right and the second factor is to come."""
    session[HALF_KEY] = token


def half_in() -> people.HalfIn | None:
    """Return the staff whose second factor this browser has to give, or None."""
    token = session.get(HALF_KEY)
    if not token:
        return None
    with reading():
        return people.half_in(token, at=now())


def sign_out() -> None:
    """End this browser's sign-in at the door of this face."""
    key = STAFF_KEY if at_staff_face() else MEMBER_KEY
    token = session.get(key)
    other = MEMBER_KEY if key == STAFF_KEY else STAFF_KEY
    kept = {name: session[name] for name in ("language", other) if name in session}
    session.clear()
    session.update(kept)
    if token:
        done_once(people.end_sign_in, token, at=now())


def network() -> str:
    """Return whom the request's address stands for. Only a trusted proxy's word is taken for another."""
    return people.network_of(request.remote_addr)


def knows_browser(door: str, email: people.Email) -> bool:
    """Tell whether somebody has signed in with an e-mail in this browser before."""
    return people.known_as(request.cookies.get(_known_cookie(), ""), door, email) is not None


def browser() -> str:
    """Return what the browser calls itself."""
    return request.user_agent.string


def totp_waived() -> bool:
    """Tell whether staff who have not enrolled may come in by password alone: for the demo only."""
    return bool(current_app.config["STAFF_TOTP_WAIVED"])


def form_page(
    template: str, *, refused: bool = False, refusal: Refusal | None = None, **values: object
) -> tuple[str, int]:
    """Render a page with a form: 200 at first; refused, 422 with all that was typed; 429 after too many tries.

    A form that is given back since it was sent before has another key.
    """
    g.private = True
    if isinstance(refusal, repeats.SentBefore):
        for form in values.values():
            if isinstance(form, Form):
                form.renew_key()
    status = 429 if isinstance(refusal, people.TooManyTries) else 422 if refused or refusal else 200
    return render_template(template, refusal=refusal, **values), status


def dead_link(refusal: Refusal, *, again: str) -> tuple[str, int]:
    """Render the page for a link of a mail that works no more. `again`: the endpoint where a new one is asked for."""
    g.private = True
    return render_template("shared/dead_link.html", refusal=refusal, again=url_for(again)), 410


def _known_cookie() -> str:
    return "__Host-known" if current_app.config["SESSION_COOKIE_SECURE"] else "known"


def _start_session(key: str, token: str, *, language: str | None) -> None:
    # A fresh session: nothing someone else may have planted before the sign-in lives on.
    kept = {name: session[name] for name in KEPT if name in session and name != key}
    session.clear()
    session.update(kept)
    session[key] = token
    if language:
        session.setdefault("language", language)
    visit.forget()


def _person_with(key: str) -> people.Person | None:
    token = session.get(key)
    if not token or g.get("no_database"):
        return None
    try:
        person = visit.person_with(token, in_store=key == MEMBER_KEY and not at_staff_face())
    except SQLAlchemyError:
        g.no_database = True  # The page that tells of it is shown without asking again.
        raise
    if person is None:
        session.pop(key, None)
    return person


def _is_member() -> bool:
    return current_user.is_authenticated and current_user.kind == "member"
