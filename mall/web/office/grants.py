"""Levels granted for a time: give a member one, see those there were, and end one early."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectChoice, SelectField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import checkout, earning, membership, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, fresh_key, one_line
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import local

from .actors import actor_words, know_as
from .acts import reason_words
from .fields import LONGEST_REASON, Day, needed

bp = Blueprint("grants", __name__, url_prefix="/members/<int:member_id>/levels")

USUAL = timedelta(days=90)


class GrantForm(Form):
    """A level to be given for a time. `key` makes a form that is sent twice one grant."""

    key = HiddenField()
    rank = SelectField(_l("Level"), [InputRequired(_l("Choose a level."))], coerce=int)
    last_day = Day(_l("Last day"), [needed(_l("Enter the last day."))])
    reason = TextAreaField(
        _l("Reason"), [DataRequired(_l("Say why; it is kept in the audit log.")), at_most(LONGEST_REASON)]
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.rank.choices = [SelectChoice(level.rank, local(level.name)) for level in layout.terms().levels[1:]]
        self.key.data = self.key.data or fresh_key()

    def mark_day(self) -> None:
        """Say with what else is wrong that the last day cannot be, too."""
        if self.last_day.data is None or self.last_day.errors:
            return
        try:
            membership.refuse_length(self.last_day.data, today=layout.terms().today(now()))
        except membership.GrantTooLong as refusal:
            self.refuse(refusal, at=refusal.field)


class WithdrawForm(Form):
    """Why a grant ends before its day."""

    reason = TextAreaField(
        _l("Reason"),
        [DataRequired(_l("Say why; it is kept in the audit log.")), at_most(LONGEST_REASON)],
        filters=[one_line],
    )


@bp.get("")
def show(member_id: int):
    """Show the levels granted to a member, and grant one."""
    return grants_page(member_id)


@bp.post("")
def grant(member_id: int):
    """Grant a level. Sent twice, it is one grant."""
    form = GrantForm()
    if not form.validate_on_submit():
        form.mark_day()
        return grants_page(member_id, form=form, refusal=own_matter(member_id))
    wanted = membership.Grant(
        member_id,
        form.rank.data,
        form.last_day.data,
        form.reason.data,
        person().actor,
        f"level:{member_id}:{person().id}:{form.key.data}"[:120],
    )
    try:
        done_once(earning.grant_level, wanted, terms=layout.terms(), at=now())
    except membership.GrantTooLong as refusal:
        form.refuse(refusal, at=refusal.field)
        return grants_page(member_id, form=form)
    except Refusal as refusal:
        return grants_page(member_id, form=form, refusal=refusal)
    flash(_("Granted. It holds at once, and the member is told."))
    return redirect(url_for("office.grants.show", member_id=member_id), 303)


@bp.post("/<int:grant_id>/withdrawal")
def withdraw(member_id: int, grant_id: int):
    """End a grant before its day. A reason is needed; pressed twice, it ends once."""
    form = WithdrawForm(prefix=f"g{grant_id}-")
    if not form.validate_on_submit():
        return grants_page(member_id, withdrawing=(grant_id, form), refusal=own_matter(member_id))
    try:
        done_once(
            earning.withdraw_level,
            grant_id,
            member_id=member_id,
            reason=form.reason.data,
            by=person().actor,
            terms=layout.terms(),
            at=now(),
        )
    except (people.OwnMatter, membership.WasPaid) as refusal:
        return grants_page(member_id, withdrawing=(grant_id, form), refusal=refusal)
    flash(_("It has ended, and the member is told."))
    return redirect(url_for("office.grants.show", member_id=member_id), 303)


def own_matter(member_id: int) -> people.OwnMatter | None:
    """Return the refusal to decide about oneself, or None where the member is another."""
    try:
        with reading():
            people.not_for_oneself(member_id, by=person().actor)
    except people.OwnMatter as refusal:
        return refusal
    return None


def grants_page(
    member_id: int,
    *,
    form: GrantForm | None = None,
    withdrawing: tuple[int, WithdrawForm] | None = None,
    refusal: Refusal | None = None,
):
    """Render the levels granted to a member; a form that was sent as it was typed, with what is wrong."""
    at, terms = now(), layout.terms()
    with reading():
        member = people.member_of(member_id)
        standing = membership.standing(member_id, terms=terms, at=at)
        rows = membership.grants_of(member_id)
    cards = [
        {
            "row": row,
            "lasts": row.how is None and row.ends_at >= at,
            "begun": row.begins_at <= at,
            "form": withdrawing[1]
            if withdrawing and withdrawing[0] == row.id
            else WithdrawForm(formdata=None, prefix=f"g{row.id}-"),
        }
        for row in rows
    ]
    know_as(member.id, member.display_name)
    today = terms.today(at)
    return form_page(
        "office/grants/show.html",
        refused=form is not None or withdrawing is not None,
        refusal=refusal,
        sent=withdrawing[1] if withdrawing else form,
        form=form or GrantForm(formdata=None, data={"last_day": today + USUAL}),
        member=member,
        standing=standing,
        cards=cards,
        terms=terms,
        actor_words=actor_words,
        reason_words=reason_words,
        paid_by=paid_by,
    )


def paid_by(grant: Any) -> str:
    """Return the number of the order that paid for a level."""
    order_id = checkout.order_id_of(grant.reference.rpartition(":")[0])
    assert order_id is not None, "a membership is paid for by an order"
    return checkout.number_of(order_id)
