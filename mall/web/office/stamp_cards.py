"""Stamp cards at the desk: made by one, approved by another, changed until they begin, ended early; what they gave."""

import secrets
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import approvals, catalogue, coupons, earning, people
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import local

from .actors import actor_words
from .campaign_forms import STATES, WhyForm, level_words, scope_words
from .coupon_pages import own_key
from .stamp_card_forms import COUNTS, StampCardForm, filled

bp = Blueprint("stamp_cards", __name__, url_prefix="/stamp-cards")

PER_PAGE = 25


@bp.get("")
def index() -> str:
    """List the stamp cards, the latest to begin first, each with what it gave."""
    page, at = page_number(), now()
    with reading():
        rows, total = earning.stamp_cards(page=page, per_page=PER_PAGE)
        given = earning.given_by_cards([row.id for row in rows])
    return render_template(
        "office/stamp_cards/index.html",
        cards=[_shown(row, given, at=at) for row in rows],
        page=page,
        pages=pages_of(total, PER_PAGE),
        total=total,
        per_page=PER_PAGE,
    )


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Make a stamp card. It gives nothing before another person has approved it."""
    form = StampCardForm(stamps_needed=10)
    if request.method == "GET":
        form.key.data = secrets.token_urlsafe(12)
    if form.validate_on_submit():
        try:
            made = done_once(
                earning.make_stamp_card,
                key=own_key(form),
                terms=layout.terms(),
                by=person().actor,
                at=now(),
                **form.details(),
            )
        except Refusal as refusal:
            form.place(refusal)
        else:
            flash(_("The stamp card is drafted. It gives nothing before another person has approved it."), "info")
            return redirect(url_for("office.stamp_cards.show", card_id=made), 303)
    return form_page("office/stamp_cards/new.html", refused=request.method == "POST", form=form)


@bp.route("/<int:card_id>", methods=["GET", "POST"])
def show(card_id: int):
    """Show a stamp card whole: what it gave, who approves it; change it while it has not begun."""
    if request.method == "GET":
        return stamp_card_page(card_id)
    form = StampCardForm()
    if not form.validate_on_submit():
        return stamp_card_page(card_id, form=form)
    try:
        done_or_gone(
            earning.edit_stamp_card,
            card_id,
            seen_version=whole(form.seen_version.data) or 0,
            terms=layout.terms(),
            by=person().actor,
            at=now(),
            **form.details(),
        )
    except (earning.StampCardChanged, earning.StampCardBegun) as refusal:
        return stamp_card_page(card_id, form=form, refusal=refusal)
    except Refusal as refusal:
        form.place(refusal)
        return stamp_card_page(card_id, form=form)
    flash(_("Saved. It is a draft again until another person has approved it."), "info")
    return redirect(url_for("office.stamp_cards.show", card_id=card_id), 303)


@bp.post("/<int:card_id>/approval")
def approve(card_id: int):
    """Let a stamp card run. Pressed twice, it is approved once."""
    with reading():
        others = [one for one in people.staff_able_to("operate") if one != person().id]
    seen_version = whole(request.form.get("seen_version")) or 0
    try:
        done_or_gone(
            earning.approve_stamp_card,
            card_id,
            seen_version=seen_version,
            by=person().actor,
            at=now(),
            other_approvers=len(others),
        )
    except approvals.NotApart as refusal:
        done_or_gone(earning.note_stamp_card_not_apart, card_id, by=person().actor, at=now())
        return stamp_card_page(card_id, refusal=refusal)
    except Refusal as refusal:
        return stamp_card_page(card_id, refusal=refusal)
    flash(_("Approved. Orders placed from its beginning on give stamps when they are kept."))
    return redirect(url_for("office.stamp_cards.show", card_id=card_id), 303)


@bp.post("/<int:card_id>/refusal")
def decline(card_id: int):
    """Decline a stamp card; who drafted it may withdraw it this way."""
    return _with_reason(card_id, earning.decline_stamp_card, _("Declined. It stays a draft, and can be changed."))


@bp.post("/<int:card_id>/end")
def end(card_id: int):
    """End a stamp card before its time."""
    done = _("It is ended. Orders placed before give their stamps when they are kept.")
    return _with_reason(card_id, earning.end_stamp_card, done)


def _with_reason(card_id: int, verb: Any, done: str) -> Response | tuple[str, int] | str:
    why = WhyForm(prefix="why-")
    if not why.validate_on_submit():
        return stamp_card_page(card_id, why=why)
    try:
        done_or_gone(verb, card_id, by=person().actor, at=now(), reason=why.reason.data)
    except Refusal as refusal:
        return stamp_card_page(card_id, refusal=refusal)
    flash(done)
    return redirect(url_for("office.stamp_cards.show", card_id=card_id), 303)


def stamp_card_page(
    card_id: int,
    *,
    form: StampCardForm | None = None,
    why: WhyForm | None = None,
    refusal: Refusal | None = None,
):
    """Render the page of a stamp card; a form that was sent as it was typed, with what is wrong."""
    at = now()
    with reading():
        row = earning.stamp_card_of(card_id)
        scope_ids = earning.scope_of_stamp_card(card_id)
        scope_skus = catalogue.skus_of(scope_ids) if row.scope == "product" else []
        request_made = earning.last_request_of_stamp_card(card_id)
        given = earning.given_by_cards([card_id])
        able = people.staff_able_to("operate")
        words = scope_words(row, scope_ids)
        gives = coupons.titles_of([row.template_id])[row.template_id]
    may_change = row.state == "draft" or (row.state == "approved" and row.starts_at > at)
    if form is None and may_change:
        form = filled(row, scope_ids, scope_skus, reason=request_made.reason if request_made else "")
    why_sent = why
    why = why or WhyForm(formdata=None, prefix="why-")
    return form_page(
        "office/stamp_cards/show.html",
        refused=bool((form and form.errors) or why.errors),
        refusal=refusal,
        sent=why_sent or form,
        form=form if may_change else None,
        why=why,
        made=row,
        shown=_shown(row, given, at=at) | {"scope": words, "level": level_words(row.min_rank), "gives": local(gives)},
        asked=request_made,
        open_request=request_made is not None and request_made.decision is None,
        mine=request_made is not None and request_made.asked_by == person().actor,
        alone=able == [person().id],
        may_end=row.state == "approved" and row.ends_at > at,
        actor_words=actor_words,
    )


def _shown(row: Any, given: dict[int, tuple[int, int, int]], *, at: Any) -> dict[str, Any]:
    """Return a stamp card in words, with what it gave: to how many members, stamps, full cards."""
    members, stamps, full = given.get(row.id, (0, 0, 0))
    words, kind = STATES[earning.stamp_card_state(row, at)]
    return {
        "row": row,
        "state": (str(words), kind),
        "counts": str(COUNTS[row.counts]),
        "members": members,
        "stamps": stamps,
        "full": full,
    }
