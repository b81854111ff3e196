"""Points to cash: what members ask for, approved or declined, what was paid, and what the bank sent back."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.seals import BrokenSeal
from mall.base.text import N_
from mall.domain import approvals, cash_outs, people
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import Form, Line, at_most, one_line, typed_line
from mall.web.shared.signing_in import form_page, person

bp = Blueprint("payouts", __name__, url_prefix="/payouts")

LATEST = 50


class NoReasonGiven(Refusal):
    message = N_("Say why it is declined; the member reads it.")


class NoReferenceGiven(Refusal):
    message = N_("Enter the reference of the payment.")


class BounceForm(Form):
    """What the bank says of a payment it sent back: its reference, and why."""

    reference = StringField(
        _l("The bank’s reference of what came back"),
        [DataRequired(_l("Enter the bank’s reference of what came back.")), at_most(cash_outs.LONGEST_REFERENCE)],
        filters=[one_line],
    )
    reason = TextAreaField(
        _l("Why it came back; the member reads it"),
        [DataRequired(_l("Say why it came back; the member reads it.")), at_most(cash_outs.LONGEST_REASON)],
        filters=[one_line],
    )


@bp.get("")
def index():
    """List what waits to be decided, what waits to be paid, and the latest that are over."""
    return payouts_page()


@bp.post("/<int:cash_out_id>/approval")
def approve(cash_out_id: int):
    """Approve a member's request. Pressed twice, it is approved once."""
    with reading():
        colleagues = [one for one in people.staff_able_to("finance") if one != person().id]
    done = _("Approved. It is to be paid out now.")
    return _done(cash_outs.approve, cash_out_id, done, other_approvers=len(colleagues))


@bp.post("/<int:cash_out_id>/refusal")
def decline(cash_out_id: int):
    """Decline a request; the points go back, and the member reads why."""
    why = typed_line("reason", row=cash_out_id, most=cash_outs.LONGEST_REASON, missing=NoReasonGiven())
    if why.wrong:
        return payouts_page(typed=why)
    return _done(cash_outs.decline, cash_out_id, _("Declined. The points are back with the member."), reason=why.text)


@bp.post("/<int:cash_out_id>/payment")
def pay(cash_out_id: int):
    """Note that an approved request was paid, with the bank's reference."""
    reference = typed_line("reference", row=cash_out_id, most=cash_outs.LONGEST_REFERENCE, missing=NoReferenceGiven())
    if reference.wrong:
        return payouts_page(typed=reference, name="reference")
    done = _("Noted as paid. The member is told.")
    return _done(cash_outs.note_paid, cash_out_id, done, payout_reference=reference.text)


@bp.get("/<int:cash_out_id>")
def show(cash_out_id: int):
    """Show one request: what it is for, how it stands, and what became of it when."""
    return payout_page(cash_out_id)


@bp.post("/<int:cash_out_id>/bounce")
def bounce(cash_out_id: int):
    """Note that the bank sent a payment back; the points return to the member. Pressed twice, it is noted once."""
    form = BounceForm()
    if not form.validate_on_submit():
        return payout_page(cash_out_id, form=form, sent=True)
    try:
        done_or_gone(
            cash_outs.note_bounced,
            cash_out_id,
            reason=form.reason.data,
            bounce_reference=form.reference.data,
            own_member_id=own_member_id(),
            terms=layout.terms(),
            by=person().actor,
            at=now(),
        )
    except Refusal as refusal:
        return payout_page(cash_out_id, form=form, refusal=refusal, sent=True)
    flash(_("Noted as sent back. The points are with the member again, who is told why."))
    return redirect(url_for("finance.payouts.show", cash_out_id=cash_out_id), 303)


def payout_page(
    cash_out_id: int, *, form: BounceForm | None = None, refusal: Refusal | None = None, sent: bool = False
) -> Any:
    """Render one request with its history, and the form for a payment that came back as it was typed."""
    with reading():
        each = cash_outs.cash_out_with(cash_out_id)
        names = {f"staff:{row.id}": row.name for row in people.staff_list()}
    if each is None:
        abort(404)
    return form_page(
        "finance/payouts/show.html",
        refused=sent,
        refusal=refusal,
        form=form or BounceForm(formdata=None),
        each=each,
        account=_account(each),
        steps=_steps(each, names),
        is_own=each.member_id == own_member_id(),
    )


def _steps(each: Any, names: dict[str, str]) -> list[dict[str, Any]]:
    """Return what became of a request in words, the first first: title, at, who, and what was said."""
    decided = {
        cash_outs.DECLINED: _("Declined; the points went back"),
        cash_outs.WITHDRAWN: _("Withdrawn by the member; the points went back"),
    }.get(each.state, _("Approved; the points are gone and the money is owed"))
    steps = [
        (_("Asked by the member; the points are held"), each.asked_at, "", ""),
        (decided, each.decided_at, each.decided_by, each.reason),
        (_("Paid"), each.paid_at, each.paid_by, each.payout_reference),
        (
            _("Sent back by the bank; the points are with the member again"),
            each.bounced_at,
            each.bounced_by,
            f"{each.bounce_reference}: {each.bounce_reason}",
        ),
    ]
    return [
        {"title": title, "at": at, "who": names.get(by, "" if by.startswith("member:") else by), "said": said}
        for title, at, by, said in steps
        if at is not None
    ]


def payouts_page(*, refusal: Refusal | None = None, typed: Line | None = None, name: str = "reason") -> Any:
    """Render the lists. `typed` is a reason or a reference, by `name`, that is missing or too long."""
    with reading():
        asked = cash_outs.cash_outs_in(cash_outs.ASKED)
        approved = cash_outs.cash_outs_in(cash_outs.APPROVED)
        over = cash_outs.latest_over(limit=LATEST)
        names = {f"staff:{row.id}": row.name for row in people.staff_list()}
    page = render_template(
        "finance/payouts/index.html",
        asked=[(each, _account(each)) for each in asked],
        approved=[(each, _account(each)) for each in approved],
        over=over,
        offer_is_on=cash_outs.offer_of(layout.terms()).is_on,
        names=names,
        own=own_member_id(),
        refusal=refusal,
        typed=typed,
        wrong_name=name,
    )
    return page, 422 if refusal or typed else 200


def own_member_id() -> int | None:
    """Return the member that the person at the desk is, by e-mail, or None."""
    with reading():
        return people.member_like_staff(person().id)


def _done(verb: Any, cash_out_id: int, done: str, **more: Any) -> Any:
    """Do something to a request as who is at the desk, and say so; or show the lists with why not."""
    by = {"own_member_id": own_member_id(), "terms": layout.terms(), "by": person().actor, "at": now()}
    try:
        done_or_gone(verb, cash_out_id, **by, **more)
    except Refusal as refusal:
        if isinstance(refusal, approvals.NotApart):
            done_once(cash_outs.note_not_apart, cash_out_id, by=person().actor, at=now())
        return payouts_page(refusal=refusal)
    flash(done)
    return redirect(url_for("finance.payouts.index"), 303)


def _account(cash_out: Any) -> str:
    try:
        return cash_outs.account_of(cash_out)
    except BrokenSeal:
        return f"… {cash_out.account_end}"
