"""The staff's door, shared by office and finance: password, second factor, enrolling, one's own sign-in.

These pages are exempt from the office's lock; each says itself whom it is for.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.seals import seal, unseal
from mall.base.text import N_
from mall.domain import people
from mall.web.shared import demo_cast
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, email_address, one_line, strong_password
from mall.web.shared.layout import link, shop, terms
from mall.web.shared.qr_codes import qr_code
from mall.web.shared.signing_in import (
    browser,
    check_password,
    count_or_refuse,
    dead_link,
    form_page,
    half_in,
    hold_half_in,
    let_staff_in,
    person,
    safe_next,
    staff_only,
    totp_waived,
)
from mall.web.shared.signing_in import sign_out as end_sign_in

bp = Blueprint("account", __name__, url_prefix="/")

DOOR = {"sign_in", "sign_in_demo", "second_factor", "enrol", "set_up", "sign_out"}
CODES_KEY = "recovery_codes"


class NoStaff(Refusal):
    """There is no such account of staff, or this is not its password; nobody is told which."""

    message = N_(
        "That e-mail address and password do not fit together. Check both; an administrator can send you a new link."
    )


any_staff = staff_only(None)


class SignInForm(Form):
    """E-mail and password."""

    email = EmailField(
        _l("E-mail"), [DataRequired(_l("Enter your e-mail address.")), email_address], filters=[one_line]
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password."))])
    next = HiddenField()


class CodeForm(Form):
    """A code from the phone."""

    code = StringField(_l("Code"), [DataRequired(_l("Enter the code your phone shows."))], filters=[one_line])
    next = HiddenField()


class SetUpForm(Form):
    """A first password."""

    password = PasswordField(_l("Password"), [InputRequired(_l("Choose a password.")), strong_password])


@bp.before_request
def locked() -> Response | None:
    """Let staff in who have signed in, whatever their role; everyone to the door."""
    g.private = True
    name = (request.endpoint or "").rpartition(".")[2]
    return None if name in DOOR else any_staff()


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in():
    """Take e-mail and password, then ask for the second factor."""
    form = SignInForm()
    refusal: Refusal | None = None
    if request.method == "GET":
        form.next.data = safe_next(request.args.get("next"))
        if current_user.is_authenticated:
            return redirect(form.next.data or desk())
    elif form.validate_on_submit():
        try:
            email = people.read_email(form.email.data)
            known = check_password("staff", email, form.password.data)
            return _password_was_right(known, next_page=safe_next(form.next.data))
        except people.WrongPassword:
            refusal = NoStaff()
        except Refusal as no:
            refusal = no
    return form_page(
        "office/account/sign_in.html",
        refused=request.method == "POST",
        refusal=refusal,
        form=form,
        next=safe_next(form.next.data),
        cast=demo_cast.cast_of("staff") if totp_waived() else [],
    )


@bp.post("/sign-in/demo/<name>")
def sign_in_demo(name: str):
    """Sign in as one of the demo's staff with one click; there is no such address outside the demo."""
    someone = demo_cast.one_of("staff", name)
    with reading():
        known = people.credentials_of_staff(people.read_email(someone["email"]))
    if known.person_id is None or known.enrolled or not totp_waived():
        abort(404)
    token = done_once(people.open_sign_in, staff_id=known.person_id, browser=browser(), at=now())
    let_staff_in(token, language=known.language)
    return redirect(safe_next(request.form.get("next")) or url_for("office.account.go"))


@bp.get("/sign-in/go")
def go():
    """Lead to the desk of whoever has just signed in."""
    return redirect(desk())


@bp.route("/sign-in/code", methods=["GET", "POST"])
def second_factor():
    """Take the code from the phone, or a recovery code."""
    form = CodeForm()
    half = half_in()
    if half is None:
        return redirect(url_for("office.account.sign_in"))
    if not half.enrolled:
        return redirect(url_for("office.account.enrol", next=safe_next(request.args.get("next"))))
    refusal = None
    if request.method == "GET":
        form.next.data = safe_next(request.args.get("next"))
    elif form.validate_on_submit():
        try:
            count_or_refuse(people.SECOND_FACTOR, str(half.staff_id))
            _codes, token = done_once(_pass, half, people.check_code, form.code.data, at=now())
        except people.WrongCode as wrong:
            form.refuse(wrong, at="code")
        except Refusal as no:
            refusal = no
        else:
            let_staff_in(token)
            return redirect(safe_next(form.next.data) or url_for("office.account.go"))
    return form_page("office/account/second_factor.html", refused=request.method == "POST", refusal=refusal, form=form)


@bp.route("/sign-in/enrol", methods=["GET", "POST"])
def enrol():
    """Show what an authenticator scans, and take its first code. Nobody comes in without."""
    form = CodeForm()
    half = half_in()
    if half is None or half.enrolled:
        return redirect(url_for("office.account.sign_in"))
    refusal = None
    if request.method == "GET":
        form.next.data = safe_next(request.args.get("next"))
    elif form.validate_on_submit():
        try:
            count_or_refuse(people.SECOND_FACTOR, str(half.staff_id))
            codes, token = done_once(_pass, half, people.confirm_totp, form.code.data, at=now())
        except people.WrongCode as wrong:
            form.refuse(wrong, at="code")
        except Refusal as no:
            refusal = no
        else:
            let_staff_in(token)
            _keep_to_show(codes)
            return redirect(url_for("office.account.recovery_codes", next=safe_next(form.next.data)))
    with reading():
        address, secret = people.totp_address(half.staff_id, shop=shop().name)
    return form_page(
        "office/account/enrol.html",
        refused=request.method == "POST",
        refusal=refusal,
        form=form,
        qr=qr_code(address, scale=5, error="m"),
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
    )


@bp.route("/recovery-codes", methods=["GET", "POST"])
def recovery_codes():
    """Show the recovery codes until their owner says that they are kept; by POST that is said."""
    if CODES_KEY not in session:
        return redirect(desk())
    if request.method == "POST":
        session.pop(CODES_KEY)
        return redirect(safe_next(request.form.get("next")) or desk())
    codes = unseal(session[CODES_KEY], purpose=CODES_KEY).split()
    return render_template("office/account/recovery_codes.html", codes=codes, next=safe_next(request.args.get("next")))


@bp.post("/recovery-codes/renewal")
def renew_recovery_codes():
    """Make new recovery codes, for who has the phone or an old one at hand; the old ones are worth nothing then."""
    form = CodeForm()
    refusal = None
    if form.validate_on_submit():
        try:
            count_or_refuse(people.SECOND_FACTOR, str(person().id))
            codes = done_once(_renew, person().id, form.code.data, at=now())
        except people.WrongCode as wrong:
            form.refuse(wrong, at="code")
        except Refusal as no:
            refusal = no
        else:
            _keep_to_show(codes)
            return redirect(url_for("office.account.recovery_codes"))
    return _own_page(form, refused=True, refusal=refusal)


@bp.route("/sign-in/set-up/<token>", methods=["GET", "POST"])
def set_up(token: str):
    """Set the first password by the one-time link an administrator has passed on."""
    form = SetUpForm()
    try:
        with reading():
            invited = people.alive("staff_set_up", token, at=now())
    except people.DeadLink as dead:
        return dead_link(dead, again="office.account.sign_in")
    if form.validate_on_submit():
        try:
            password = people.password_hash(form.password.data, unlike=[invited.email, *terms().shop_name.values()])
            done_once(people.set_staff_password, token, password, at=now())
        except people.WeakPassword as weak:
            form.refuse(weak, at="password")
        else:
            flash(_("Your password is set. Sign in with it now."))
            return redirect(url_for("office.account.sign_in"))
    return form_page("office/account/set_up.html", refused=request.method == "POST", form=form, invited=invited)


@bp.get("/account")
def show():
    """Show one's own sign-in: roles, second factor, other devices."""
    return _own_page(CodeForm())


@bp.post("/account/sign-outs")
def sign_out_elsewhere():
    """End one's sign-ins on every other device."""
    ended = done_once(people.end_sign_ins, staff_id=person().id, but=person().sign_in_id, at=now())
    flash(_("You are signed out on every other device.") if ended else _("You were signed in nowhere else."))
    return redirect(url_for("office.account.show"))


@bp.post("/sign-out")
def sign_out():
    """Sign out in this browser."""
    end_sign_in()
    flash(_("You are signed out."))
    return redirect(url_for("office.account.sign_in"))


def desk() -> str:
    """Return where someone begins: operators at the dashboard, finance at the liability."""
    wanted: list[str | None] = []
    if current_user.is_authenticated and current_user.may("operate"):
        wanted.append(link("office.dashboard.show"))
    if current_user.is_authenticated and current_user.may("finance"):
        wanted.append(link("finance.liability.show"))
    return next((address for address in wanted if address), url_for("office.account.show"))


def _own_page(form: CodeForm, *, refused: bool = False, refusal: Refusal | None = None) -> Any:
    with reading():
        staff = people.staff_of(person().id)
    layout = "shared/office.html" if person().may("operate") else "shared/finance.html"
    return form_page(
        "office/account/show.html", refused=refused, refusal=refusal, form=form, staff=staff, layout=layout
    )


def _renew(staff_id: int, code: str, *, at: datetime) -> list[str]:
    people.check_code(staff_id, code, at=at)
    people.forgive(people.SECOND_FACTOR, str(staff_id))
    return people.new_recovery_codes(staff_id)


def _password_was_right(known: people.Credentials, *, next_page: str | None) -> Response:
    passed = totp_waived() and not known.enrolled
    token = done_once(_open_by_password, known, passed=passed, at=now())
    if passed:
        let_staff_in(token, language=known.language)
        return redirect(next_page or url_for("office.account.go"))
    hold_half_in(token)
    step = "second_factor" if known.enrolled else "enrol"
    return redirect(url_for(f"office.account.{step}", next=next_page))


def _open_by_password(known: people.Credentials, *, passed: bool, at: datetime) -> str:
    """Begin a sign-in by a password that was found right. Returns its token. Raises WrongPassword."""
    assert known.person_id is not None
    if not known.enrolled:
        people.prepare_totp(known.person_id)
    people.insist_on("staff", known)
    return people.open_sign_in(staff_id=known.person_id, passed=passed, browser=browser(), at=at)


def _pass(half: people.HalfIn, check: Callable[..., Any], code: str, *, at: datetime) -> tuple[Any, str]:
    """Check a code and complete the sign-in. Returns what the check answers, and the token."""
    answer = check(half.staff_id, code, at=at)
    people.forgive(people.SECOND_FACTOR, str(half.staff_id))
    return answer, people.pass_second_factor(half.sign_in_id, at=at)


def _keep_to_show(codes: list[str]) -> None:
    # Sealed: a cookie is signed but not secret to the browser's other readers.
    values: dict[str, Any] = {CODES_KEY: seal(" ".join(codes), purpose=CODES_KEY)}
    session.update(values)
