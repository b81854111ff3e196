"""Adjustments: ask for one on a member's page, approve or decline what a colleague asked for."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, NumberRange

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.money import half_up
from mall.domain import approvals, insight, ledger, people
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import Form, Line, Whole, at_most, fresh_key, one_line, typed_line
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import sentence

from .actors import actor_words
from .fields import LONGEST_REASON, NoReasonGiven, needed

bp = Blueprint("adjustments", __name__, url_prefix="/adjustments")


MOST = 10_000_000


class AdjustmentForm(Form):
    """Points to give or take by hand. `key` makes a form that is sent twice one adjustment."""

    key = HiddenField()
    direction = RadioField(
        _l("What to do"),
        [InputRequired(_l("Choose one of the two."))],
        choices=[SelectChoice("give", _l("Give points")), SelectChoice("take", _l("Take points"))],
        default="give",
    )
    points = Whole(
        _l("Points"),
        [
            needed(_l("Enter a whole number of points.")),
            NumberRange(1, MOST, _l("Enter a number from 1 to 10,000,000.")),
        ],
    )
    reason = SelectField(_l("Reason"), [InputRequired(_l("Choose why."))])
    document = StringField(_l("Document, such as a ticket number"), [at_most(80)], filters=[one_line])

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.reason.choices = [SelectChoice("", _("Choose"))] + [
            SelectChoice(key, sentence(words)) for key, words in ledger.REASONS.items()
        ]
        self.key.data = self.key.data or fresh_key()


@bp.get("")
def index():
    """List the adjustments that wait for a second person."""
    return waiting_page()


@bp.route("/members/<int:member_id>", methods=["GET", "POST"])
def new(member_id: int):
    """Adjust a member's points, or ask for it where a second person is needed."""
    form, terms = AdjustmentForm(), layout.terms()
    refusal: Refusal | None = None
    with reading():
        member = people.member_of(member_id)
        balances = ledger.balances(member_id, at=now())
    if form.validate_on_submit():
        own = own_member_id()
        try:
            asked = done_once(
                ledger.ask_adjustment,
                member_id,
                form.points.data if form.direction.data == "give" else -form.points.data,
                reason=form.reason.data,
                document=form.document.data or "",
                key=f"{person().id}:{form.key.data}"[:60],
                own_member_id=own,
                terms=terms,
                by=person().actor,
                at=now(),
            )
        except ledger.InsufficientPoints as short:
            form.refuse(short, at="points")
        except Refusal as no:
            refusal = no
        else:
            if asked.done:
                flash(_("The points are adjusted."))
            else:
                flash(_("A colleague has to approve this. Nothing has moved yet."), "info")
            return redirect(url_for("office.members.show", member_id=member_id))
    return form_page(
        "office/adjustments/new.html",
        refused=request.method == "POST",
        refusal=refusal,
        form=form,
        member=member,
        balances=balances,
        terms=terms,
    )


@bp.post("/<int:request_id>/approval")
def approve(request_id: int):
    """Approve what a colleague asked for. Pressed twice, it is approved once."""
    own = own_member_id()
    with reading():
        colleagues = [one for one in people.staff_able_to("operate") if one != person().id]
    try:
        done_or_gone(
            ledger.approve_adjustment,
            request_id,
            own_member_id=own,
            other_approvers=len(colleagues),
            terms=layout.terms(),
            by=person().actor,
            at=now(),
        )
    except approvals.NotApart as refusal:
        done_once(approvals.note_not_apart, request_id, by=person().actor, at=now())
        return waiting_page(refusal=refusal)
    except Refusal as refusal:
        return waiting_page(refusal=refusal)
    flash(_("Approved. The points have moved."))
    return redirect(url_for("office.adjustments.index"))


@bp.post("/<int:request_id>/refusal")
def decline(request_id: int):
    """Decline an adjustment; nothing moves. The one who asked may withdraw it this way."""
    why = typed_line("reason", row=request_id, most=LONGEST_REASON, missing=NoReasonGiven())
    if why.wrong:
        return waiting_page(typed=why)
    try:
        done_once(ledger.decline_adjustment, request_id, reason=why.text, by=person().actor, at=now())
    except approvals.AlreadyDecided as refusal:
        return waiting_page(refusal=refusal)
    flash(_("Declined. Nothing has moved."))
    return redirect(url_for("office.adjustments.index"))


def waiting_page(*, refusal: Refusal | None = None, typed: Line | None = None):
    """Render what waits: before, change, after, reason, and what it does to the liability.

    `typed` is a reason to decline that is missing or too long.
    """
    at, terms = now(), layout.terms()
    with reading():
        waiting = insight.asked_adjustments(at=at)
        alone = people.staff_able_to("operate") == [person().id]
        own = people.member_like_staff(person().id)
    cards = [
        {
            "request": each.request,
            "member": each.member,
            "ready": each.ready,
            "points": each.request.what["points"],
            "worth_cents": half_up(terms.worth_of(abs(each.request.what["points"]))),
            "reason": ledger.REASONS[each.request.what["reason"]],
            "mine": each.request.asked_by == person().actor,
            "own": each.member.id == own,
        }
        for each in waiting
    ]
    page = render_template(
        "office/adjustments/index.html",
        cards=cards,
        alone=alone,
        actor_words=actor_words,
        terms=terms,
        refusal=refusal,
        typed=typed,
        most=LONGEST_REASON,
    )
    return page, 422 if refusal or typed else 200


def own_member_id() -> int | None:
    """Return the member that the person at the desk is, by e-mail, or None."""
    with reading():
        return people.member_like_staff(person().id)
