"""Members at the desk: find them, see their portrait, level, points and orders."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import approvals, audit, checkout, earning, insight, ledger, membership, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.level_words import steps_of
from mall.web.shared.moves import order_number, place_words, rule_words, words_of_entry
from mall.web.shared.numbers import asked
from mall.web.shared.order_words import state_words
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person

from .actors import actor_words, know_as
from .acts import act_words, reason_words
from .fields import ReasonForm

bp = Blueprint("members", __name__, url_prefix="/members")

PER_PAGE = 25
ENTRIES = 12


@bp.get("")
def index():
    """List members, newest first."""
    words, page, terms = request.args.get("q", "").strip()[:100], page_number(), layout.terms()
    typed = request.args.get("level", "")
    ranks = {str(level.rank): level.rank for level in terms.levels}
    with reading():
        found = insight.members(at=now(), words=words, rank=ranks.get(typed), page=page, per_page=PER_PAGE)
    return render_template(
        "office/members/index.html",
        found=found,
        words=words,
        rank=ranks.get(typed),
        terms=terms,
        page=page,
        pages=pages_of(found.total, PER_PAGE),
        per_page=PER_PAGE,
    )


@bp.get("/<int:member_id>")
def show(member_id: int):
    """Show one member: portrait, level, balances, history, orders, what is waiting."""
    return member_page(member_id)


@bp.post("/<int:member_id>/freeze")
def freeze(member_id: int):
    """Keep a member out from their next request on."""
    return with_reason(member_id, people.freeze_member, _("Frozen: they are signed out, and cannot sign in."))


@bp.post("/<int:member_id>/unfreeze")
def unfreeze(member_id: int):
    """Let a frozen member in again."""
    return with_reason(member_id, people.unfreeze_member, _("They can sign in again."))


def with_reason(member_id: int, verb, done: str):
    """Do something to a member's access for a reason that is kept."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return member_page(member_id, form=form)
    with reading():
        own = people.member_like_staff(person().id)
    try:
        done_once(verb, member_id, own_member_id=own, by=person().actor, reason=form.reason.data, at=now())
    except people.OwnAccount as refusal:
        return member_page(member_id, form=form, refusal=refusal)
    flash(done)
    return redirect(url_for("office.members.show", member_id=member_id), 303)


def member_page(member_id: int, *, form: ReasonForm | None = None, refusal: Refusal | None = None):
    """Render a member. With a form that was sent or a refusal the answer is 422."""
    terms, at = layout.terms(), now()
    cursor = asked("before")
    subject = f"member:{member_id}"
    with reading():
        member = people.member_of(member_id)
        portrait = insight.portrait(member_id)
        standing = membership.standing(member_id, terms=terms, at=at)
        balances = ledger.balances(member_id, at=at)
        entries = ledger.history(member_id, limit=ENTRIES + 1, before=cursor)
        expiring = ledger.expiring(member_id, at=at)
        orders, total = checkout.orders_of(member_id, per_page=8)
        levels = steps_of(membership.history_of(member_id), membership.grants_of(member_id), terms)
        announced = earning.announced_to(member_id, today=terms.today(at)) if terms.dormancy_active else None
        requests = approvals.requests_about(ledger.ADJUSTMENT_KIND, subject)
        acts = audit.entries(subject=subject, limit=10)
    know_as(member.id, member.display_name)
    return form_page(
        "office/members/show.html",
        refused=form is not None,
        refusal=refusal,
        form=form or ReasonForm(formdata=None),
        member=member,
        portrait=portrait,
        standing=standing,
        balances=balances,
        entries=entries[:ENTRIES],
        older=entries[ENTRIES - 1].last_id if len(entries) > ENTRIES else None,
        newer=cursor is not None,
        expiring=expiring,
        orders=orders,
        orders_total=total,
        levels_taken=levels,
        announced=announced,
        asked=[request_ for request_ in requests if request_.decision is None],
        reasons=ledger.REASONS,
        acts=acts,
        terms=terms,
        words=words_of_entry,
        order_number=order_number,
        number_of=checkout.number_of,
        state_words=state_words,
        actor_words=actor_words,
        act_words=act_words,
        reason_words=reason_words,
    )


@bp.get("/<int:member_id>/moves/<path:move>")
def why(member_id: int, move: str):
    """Show one move of a member's points whole: each posting with its lot, rule and reason."""
    with reading():
        member = people.member_of(member_id)
        lines = ledger.move_of(member_id, move)
    if not lines:
        abort(404)
    know_as(member.id, member.display_name)
    return render_template(
        "office/members/why.html",
        member=member,
        move=move,
        lines=lines,
        first=lines[0],
        words=words_of_entry,
        place=place_words,
        rule=rule_words,
        order_number=order_number,
        actor_words=actor_words,
    )
