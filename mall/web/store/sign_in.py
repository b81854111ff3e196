"""The members' door: signing in and out, and the way back for who forgot the password."""

from datetime import datetime

from flask import abort, flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import DataRequired, InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import people
from mall.web.shared import demo_cast
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, email_address, one_line, strong_password
from mall.web.shared.layout import bring_basket, public_link, terms
from mall.web.shared.signing_in import (
    check_password,
    count_or_refuse,
    dead_link,
    form_page,
    let_member_in,
    network,
    safe_next,
)
from mall.web.shared.signing_in import sign_out as end_sign_in

from . import lately
from .account import bp
from .tasks import note_verified


class SignInForm(Form):
    """E-mail and password."""

    email = EmailField(
        _l("E-mail"), [DataRequired(_l("Enter your e-mail address.")), email_address], filters=[one_line]
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Enter your password."))])
    next = HiddenField()


class AskResetForm(Form):
    """Where to send the link."""

    email = EmailField(
        _l("E-mail"), [DataRequired(_l("Enter your e-mail address.")), email_address], filters=[one_line]
    )


class NewPasswordForm(Form):
    """A password to come."""

    password = PasswordField(_l("New password"), [InputRequired(_l("Choose a password.")), strong_password])


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in():
    """Sign a member in, then go on to where they were."""
    form = SignInForm()
    refusal = None
    if request.method == "GET":
        form.next.data = safe_next(request.args.get("next"))
        form.email.data = session.get("registering", "")
        if current_user.is_authenticated:
            return redirect(form.next.data or "/")
    elif form.validate_on_submit():
        try:
            _sign_in(form)
        except Refusal as no:
            refusal = no
        else:
            return redirect(safe_next(form.next.data) or "/")
    return form_page(
        "store/account/sign_in.html",
        refused=request.method == "POST",
        form=form,
        refusal=refusal,
        next=safe_next(form.next.data),
        cast=demo_cast.cast_of("member"),
    )


@bp.post("/sign-in/demo/<name>")
def sign_in_demo(name: str):
    """Sign in as one of the demo's cast with one click; there is no such address outside the demo."""
    someone = demo_cast.one_of("member", name)
    with reading():
        known = people.credentials_of_member(people.read_email(someone["email"]))
    if known.person_id is None or known.frozen:
        abort(404)
    _let_in(known.person_id, language=known.language)
    return redirect(safe_next(request.form.get("next")) or "/")


@bp.post("/sign-out")
def sign_out():
    """Sign out in this browser."""
    end_sign_in()
    flash(_("You are signed out."))
    return redirect("/")


@bp.route("/reset-password", methods=["GET", "POST"])
def ask_reset():
    """Mail a link that sets a new password; the answer is the same whether or not we know the e-mail."""
    form = AskResetForm()
    refusal = None
    if form.validate_on_submit():
        try:
            email = people.read_email(form.email.data)
            count_or_refuse(people.RESET_BY_NETWORK, network())
            count_or_refuse(people.RESET_BY_ACCOUNT, email.key)
        except people.TooManyTries as no:
            refusal = no
        else:
            page = public_link("store.account.reset_password", token="")
            done_once(people.ask_reset, email, page=page, at=now())
            return redirect(url_for("store.account.reset_asked"))
    return form_page("store/account/ask_reset.html", refused=request.method == "POST", form=form, refusal=refusal)


@bp.get("/reset-password/asked")
def reset_asked():
    """Say that a link is on its way if there is an account."""
    return form_page("store/account/reset_asked.html")


@bp.route("/reset-password/link/", defaults={"token": ""}, methods=["GET", "POST"])
@bp.route("/reset-password/link/<token>", methods=["GET", "POST"])
def reset_password(token: str):
    """Set a new password by the link in a mail, and come in with it: the mail has shown who it is."""
    form = NewPasswordForm()
    try:
        with reading():
            link = people.alive("reset", token, at=now())
    except people.DeadLink as dead:
        return dead_link(dead, again="store.account.ask_reset")
    if form.validate_on_submit():
        try:
            password = people.password_hash(form.password.data, unlike=[link.email, *terms().shop_name.values()])
            member_id = done_once(_reset, token, password, people.read_email(link.email), at=now())
        except people.WeakPassword as weak:
            form.refuse(weak, at="password")
        else:
            _let_in(member_id, known=people.Credentials(member_id, password))
            flash(_("Your new password is set, and you are signed in. Every other device is signed out."))
            return redirect(url_for("store.account.show"))
    return form_page("store/account/reset_password.html", refused=request.method == "POST", form=form, token=token)


def _sign_in(form: SignInForm) -> None:
    email = people.read_email(form.email.data)
    known = check_password("member", email, form.password.data)
    assert known.person_id is not None
    _let_in(known.person_id, known=known, language=known.language)


def _reset(token: str, password: people.PasswordHash, email: people.Email, *, at: datetime) -> int:
    member_id = people.reset_password(token, password, at=at)
    people.forgive_sign_in("member", email.key, network=network())
    note_verified(member_id, at=at)
    return member_id


def _let_in(member_id: int, *, known: people.Credentials | None = None, language: str | None = None) -> None:
    let_member_in(member_id, known=known, language=language)
    bring_basket(member_id)
    lately.bring(member_id)
