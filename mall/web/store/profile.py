"""What members say of themselves, and the two things that take the password to change: itself, and the e-mail."""

from datetime import date, datetime
from typing import Any

from flask import flash, g, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import refresh
from wtforms import BooleanField, DateField, EmailField, PasswordField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import earning, people
from mall.web.shared.done import done_once
from mall.web.shared.forms import PHONE, Form, at_most, email_address, one_line, strong_password
from mall.web.shared.layout import public_link, terms
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import count_or_refuse, dead_link, form_page, let_member_in, me
from mall.web.shared.texts import LANGUAGES

from .account import bp
from .tasks import completed, note_verified, tell_of

EARLIEST_BIRTHDAY = date(1900, 1, 1)
KINDS_TOLD = {"sizes": earning.SIZES_TOLD, "style": earning.STYLE_TOLD}


class ProfileForm(Form):
    """What a member says of themselves."""

    display_name = StringField(
        _l("Name"),
        [
            DataRequired(_l("Enter the name we should call you by.")),
            at_most(80),
        ],
        filters=[one_line],
    )
    birthday = DateField(_l("Birthday"), [Optional()])
    phone = StringField(
        _l("Phone"),
        [
            Optional(),
            at_most(30),
            PHONE,
        ],
        filters=[one_line],
    )
    language = SelectField(_l("Language"), choices=[SelectChoice(*pair) for pair in LANGUAGES.items()])
    wants_news = BooleanField(_l("Send me news and offers by e-mail"))

    def validate_birthday(self, field: DateField) -> None:
        """Refuse days to come and days too long ago."""
        if field.data and not EARLIEST_BIRTHDAY <= field.data <= terms().today(now()):
            raise ValidationError(_("Enter the day you were born, in the past."))


class ChangePasswordForm(Form):
    """The password that is, and the one to be."""

    present = PasswordField(_l("Present password"), [InputRequired(_l("Enter your present password."))])
    password = PasswordField(_l("New password"), [InputRequired(_l("Choose a new password.")), strong_password])


class ChangeEmailForm(Form):
    """The e-mail to be."""

    email = EmailField(
        _l("New e-mail"), [DataRequired(_l("Enter the new e-mail address.")), email_address], filters=[one_line]
    )
    present = PasswordField(_l("Password"), [InputRequired(_l("Enter your password."))])


@bp.route("/account/profile", methods=["GET", "POST"])
def profile():
    """Show and change name, birthday, phone, language and consent."""
    with reading():
        member = people.member_of(me())
        facets = people.facets_for(me())
    form = ProfileForm(obj=member) if request.method == "GET" else ProfileForm()
    if request.method == "GET":
        form.wants_news.data = member.marketing_consent_at is not None
    elif form.validate_on_submit():
        try:
            rewards = done_once(_save, form, chosen_of(facets), at=now())
        except people.BirthdayRests as no:
            form.refuse(no, at="birthday")
        else:
            session["language"] = form.language.data  # From the next page on.
            g.pop("language", None)
            refresh()
            flash(_("Your profile is saved."))
            tell_of(rewards)
            return redirect(url_for("store.account.show"))
    rests_until = people.birthday_rests_until(member, at=now())
    return form_page(
        "store/account/profile.html",
        refused=request.method == "POST",
        form=form,
        member=member,
        facets=facets,
        chosen=chosen_of(facets) if request.method == "POST" else {each.id: each.choice for each in facets},
        birthday_rests_until=rests_until,
    )


@bp.route("/account/password", methods=["GET", "POST"])
def password():
    """Change the password; every other sign-in ends."""
    form = ChangePasswordForm()
    refusal = None
    if form.validate_on_submit():
        try:
            member = _with_password(form.present.data)
            if form.password.data == form.present.data:
                raise SamePassword
            unlike = [member.email, *terms().shop_name.values()]
            sealed = people.password_hash(form.password.data, unlike=unlike)
            done_once(_change_password, member, sealed, at=now())
        except (WrongPresent, people.WrongPassword):
            form.refuse(WrongPresent(), at="present")
        except (people.WeakPassword, SamePassword) as weak:
            form.refuse(weak, at="password")
        except people.TooManyTries as no:
            refusal = no
        else:
            let_member_in(member.id, known=people.Credentials(member.id, sealed))
            flash(_("Your password is changed. Every other device is signed out."))
            return redirect(url_for("store.account.show"))
    return form_page("store/account/password.html", refused=request.method == "POST", form=form, refusal=refusal)


@bp.route("/account/email", methods=["GET", "POST"])
def email():
    """Ask for another e-mail: it is confirmed there, and the old one is told."""
    form = ChangeEmailForm()
    refusal = None
    if form.validate_on_submit():
        try:
            wanted = people.read_email(form.email.data)
            member = _with_password(form.present.data)
            count_or_refuse(people.EMAIL_CHANGE, str(member.id))
            done_once(_ask_email_change, member, wanted, at=now())
        except (WrongPresent, people.WrongPassword):
            form.refuse(WrongPresent(), at="present")
        except people.TooManyTries as no:
            refusal = no
        else:
            flash(_("We have sent a link to the new address. Your e-mail changes when you open it."))
            return redirect(url_for("store.account.show"))
    return form_page("store/account/email.html", refused=request.method == "POST", form=form, refusal=refusal)


@bp.route("/account/email/link/", defaults={"token": ""}, methods=["GET", "POST"])
@bp.route("/account/email/link/<token>", methods=["GET", "POST"])
def confirm_email(token: str):
    """Confirm a new e-mail by the link sent to it."""
    try:
        with reading():
            link = people.alive("change_email", token, at=now())
        if request.method == "POST":
            rewards = done_once(_change_email, token, at=now())
            flash(_("Your e-mail address is changed."))
            tell_of(rewards)
            return redirect(url_for("store.account.show"))
    except (people.DeadLink, people.EmailTaken) as no:
        return dead_link(no, again="store.account.email")
    return form_page("store/account/confirm_email.html", token=token, address=link.email)


class WrongPresent(Refusal):
    """The present password is another."""

    message = N_("This is not your present password.")


class SamePassword(Refusal):
    """The new password is the present one."""

    message = N_("This is the password you have. Choose another one.")


def chosen_of(facets: list[people.FacetTold]) -> dict[int, int | None]:
    """Return what was chosen of sizes and style: {facet: place in its list}, None: nothing."""
    return {each.id: whole(request.form.get(f"facet-{each.id}") or None) for each in facets}


def _save(form: ProfileForm, chosen: dict[int, int | None], *, at: datetime) -> tuple[earning.Reward, ...]:
    people.save_profile(
        me(),
        display_name=form.display_name.data,
        birthday=form.birthday.data,
        phone=form.phone.data or "",
        language=form.language.data,
        wants_news=form.wants_news.data,
        at=at,
    )
    told = [earning.BIRTHDAY_ADDED] if form.birthday.data else []
    told += [earning.NEWS_WANTED] if form.wants_news.data else []
    kinds = people.tell_facets(me(), chosen, at=at)
    told += [fact for kind, fact in KINDS_TOLD.items() if kind in kinds]
    return earning.told(me(), *told, *completed(me()), terms=terms(), at=at)


def _change_password(member: Any, sealed: people.PasswordHash, *, at: datetime) -> None:
    people.insist_on("member", people.Credentials(member.id, member.password_hash), to_change=True)
    people.change_password(member.id, sealed, at=at)


def _ask_email_change(member: Any, wanted: people.Email, *, at: datetime) -> None:
    people.insist_on("member", people.Credentials(member.id, member.password_hash))
    page = public_link("store.account.confirm_email", token="")
    people.ask_email_change(member.id, wanted, page=page, at=at)


def _change_email(token: str, *, at: datetime) -> tuple[earning.Reward, ...]:
    return note_verified(people.change_email(token, at=at), at=at)


def _with_password(present: str):
    """Return the member's row once they have shown to know the password. Raises TooManyTries, WrongPresent."""
    count_or_refuse(people.PASSWORD_AGAIN, str(me()))
    with reading():
        member = people.member_of(me())
    if not people.matches(member.password_hash, present):
        raise WrongPresent
    done_once(people.forgive, people.PASSWORD_AGAIN, str(me()))
    return member
