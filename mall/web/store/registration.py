"""Becoming a member, and showing that an e-mail is one's own."""

from datetime import datetime

from flask import flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import earning, people, programme
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, email_address, one_line, strong_password
from mall.web.shared.layout import public_link, terms
from mall.web.shared.signing_in import count_or_refuse, dead_link, form_page, me, network, safe_next
from mall.web.shared.texts import language

from .account import bp
from .invite import INVITED_BY, invited_here, inviter_here
from .tasks import note_verified, tell_of


class RegisterForm(Form):
    """What it takes to become a member."""

    email = EmailField(
        _l("E-mail"), [DataRequired(_l("Enter your e-mail address.")), email_address], filters=[one_line]
    )
    display_name = StringField(
        _l("Name"),
        [
            DataRequired(_l("Enter the name we should call you by.")),
            at_most(80),
        ],
        filters=[one_line],
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Choose a password.")), strong_password])
    wants_news = BooleanField(_l("Send me news and offers by e-mail"))
    next = HiddenField()


@bp.route("/register", methods=["GET", "POST"])
def register():
    """Make a member. A known e-mail gets the same answer, and its owner a note."""
    form = RegisterForm()
    refusal = None
    if request.method == "GET":
        form.next.data = safe_next(request.args.get("next"))
    elif form.validate_on_submit():
        try:
            done_once(earning.sign_up, newcomer(form), terms=terms(), at=now())
        except people.WeakPassword as weak:
            form.refuse(weak, at="password")
        except Refusal as no:
            refusal = no
        else:
            session["registering"] = form.email.data
            session.pop(INVITED_BY, None)
            return redirect(url_for("store.account.registered", next=safe_next(form.next.data)))
    return form_page(
        "store/account/register.html",
        refused=request.method == "POST",
        form=form,
        refusal=refusal,
        next=safe_next(form.next.data),
        inviter=inviter_here(),
    )


@bp.get("/register/sent")
def registered():
    """Say that a mail is on its way and that one can sign in already."""
    return form_page("store/account/registered.html", next=safe_next(request.args.get("next")))


@bp.route("/verify-email/", defaults={"token": ""}, methods=["GET", "POST"])
@bp.route("/verify-email/<token>", methods=["GET", "POST"])
def verify_email(token: str):
    """Verify an e-mail by the link in a mail: by a button, since programs that look at mails open links too."""
    try:
        with reading():
            people.alive("verify", token, at=now())
        if request.method == "POST":
            rewards = done_once(_verify, token, at=now())
            flash(_("Your e-mail address is verified. You can spend points now."))
            tell_of(rewards)
            return redirect(url_for("store.account.show"))
    except people.DeadLink as dead:
        return dead_link(dead, again="store.account.show")
    return form_page("store/account/verify_email.html", token=token)


@bp.post("/account/verification")
def verify_again():
    """Mail the link that verifies the e-mail once more."""
    member_id = me()
    count_or_refuse(people.VERIFY_AGAIN, str(member_id))
    done_once(people.ask_to_verify, member_id, page=public_link("store.account.verify_email", token=""), at=now())
    flash(_("The link is on its way to your e-mail address. It works for 3 days."))
    return redirect(url_for("store.account.show"))


def newcomer(form: RegisterForm) -> earning.Newcomer:
    """Return who a form speaks of, counting the try. Raises NoProgramme, WeakPassword, TooManyTries."""
    if terms().version == 0:
        raise programme.NoProgramme
    email = people.read_email(form.email.data)
    people.refuse_weak(form.password.data, unlike=(unlike := [email.address, *terms().shop_name.values()]))
    count_or_refuse(people.REGISTER_BY_NETWORK, network())
    return earning.Newcomer(
        email=email,
        password=people.password_hash(form.password.data, unlike=unlike),
        display_name=form.display_name.data,
        language=language(),
        wants_news=form.wants_news.data,
        verify_page=public_link("store.account.verify_email", token=""),
        invited=invited_here(),
    )


def _verify(token: str, *, at: datetime) -> tuple[earning.Reward, ...]:
    """Verify an e-mail. Returns what that was worth; nothing where it was verified before."""
    member_id = people.verify(token, at=at)
    return () if member_id is None else note_verified(member_id, at=at)
