"""Campaigns at the desk: made by one, approved by another, changed until they begin, ended early; what they gave."""

import secrets
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import approvals, catalogue, earning, people
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person

from .actors import actor_words
from .campaign_forms import CampaignForm, WhyForm, filled, level_words, scope_words, state_words
from .coupon_pages import own_key

bp = Blueprint("campaigns", __name__, url_prefix="/campaigns")

PER_PAGE = 25


@bp.get("")
def index() -> str:
    """List the campaigns, the latest to begin first, each with what it gave of its cap."""
    page, at = page_number(), now()
    with reading():
        rows, total = earning.campaigns(page=page, per_page=PER_PAGE)
        given = earning.given_by_campaigns([row.id for row in rows])
    return render_template(
        "office/campaigns/index.html",
        campaigns=[_shown(row, given, at=at) for row in rows],
        page=page,
        pages=pages_of(total, PER_PAGE),
        total=total,
        per_page=PER_PAGE,
    )


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Make a campaign. It gives nothing before another person has approved it."""
    form = CampaignForm(multiplier_percent=200)
    if request.method == "GET":
        form.key.data = secrets.token_urlsafe(12)
    if form.validate_on_submit():
        try:
            made = done_once(
                earning.make_campaign,
                key=own_key(form),
                terms=layout.terms(),
                by=person().actor,
                at=now(),
                **form.details(),
            )
        except Refusal as refusal:
            form.place(refusal)
        else:
            flash(_("The campaign is drafted. It gives nothing before another person has approved it."), "info")
            return redirect(url_for("office.campaigns.show", campaign_id=made), 303)
    return form_page("office/campaigns/new.html", refused=request.method == "POST", form=form)


@bp.route("/<int:campaign_id>", methods=["GET", "POST"])
def show(campaign_id: int):
    """Show a campaign whole: what it gave, who approves it; change it while it has not begun."""
    if request.method == "GET":
        return campaign_page(campaign_id)
    form = CampaignForm()
    if not form.validate_on_submit():
        return campaign_page(campaign_id, form=form)
    try:
        done_or_gone(
            earning.edit_campaign,
            campaign_id,
            seen_version=whole(form.seen_version.data) or 0,
            terms=layout.terms(),
            by=person().actor,
            at=now(),
            **form.details(),
        )
    except (earning.CampaignChanged, earning.CampaignBegun) as refusal:
        return campaign_page(campaign_id, form=form, refusal=refusal)
    except Refusal as refusal:
        form.place(refusal)
        return campaign_page(campaign_id, form=form)
    flash(_("Saved. It is a draft again until another person has approved it."), "info")
    return redirect(url_for("office.campaigns.show", campaign_id=campaign_id), 303)


@bp.post("/<int:campaign_id>/approval")
def approve(campaign_id: int):
    """Let a campaign run. Pressed twice, it is approved once."""
    with reading():
        others = [one for one in people.staff_able_to("operate") if one != person().id]
    seen_version = whole(request.form.get("seen_version")) or 0
    try:
        done_or_gone(
            earning.approve_campaign,
            campaign_id,
            seen_version=seen_version,
            by=person().actor,
            at=now(),
            other_approvers=len(others),
        )
    except approvals.NotApart as refusal:
        done_or_gone(earning.note_campaign_not_apart, campaign_id, by=person().actor, at=now())
        return campaign_page(campaign_id, refusal=refusal)
    except Refusal as refusal:
        return campaign_page(campaign_id, refusal=refusal)
    flash(_("Approved. It gives points from its beginning on."))
    return redirect(url_for("office.campaigns.show", campaign_id=campaign_id), 303)


@bp.post("/<int:campaign_id>/refusal")
def decline(campaign_id: int):
    """Decline a campaign; who drafted it may withdraw it this way."""
    return _with_reason(campaign_id, earning.decline_campaign, _("Declined. It stays a draft, and can be changed."))


@bp.post("/<int:campaign_id>/end")
def end(campaign_id: int):
    """End a campaign before its time."""
    done = _("It is ended. Orders placed before keep what they were told.")
    return _with_reason(campaign_id, earning.end_campaign, done)


def _with_reason(campaign_id: int, verb: Any, done: str) -> Response | tuple[str, int] | str:
    why = WhyForm(prefix="why-")
    if not why.validate_on_submit():
        return campaign_page(campaign_id, why=why)
    try:
        done_or_gone(verb, campaign_id, by=person().actor, at=now(), reason=why.reason.data)
    except Refusal as refusal:
        return campaign_page(campaign_id, refusal=refusal)
    flash(done)
    return redirect(url_for("office.campaigns.show", campaign_id=campaign_id), 303)


def campaign_page(
    campaign_id: int,
    *,
    form: CampaignForm | None = None,
    why: WhyForm | None = None,
    refusal: Refusal | None = None,
):
    """Render the page of a campaign; a form that was sent as it was typed, with what is wrong."""
    at = now()
    with reading():
        row = earning.campaign_of(campaign_id)
        scope_ids = earning.scope_of_campaign(campaign_id)
        scope_skus = catalogue.skus_of(scope_ids) if row.scope == "product" else []
        request_made = earning.last_request_of(campaign_id)
        given = earning.given_by_campaigns([campaign_id])
        able = people.staff_able_to("operate")
        words = scope_words(row, scope_ids)
    may_change = row.state == "draft" or (row.state == "approved" and row.starts_at > at)
    if form is None and may_change:
        form = filled(row, scope_ids, scope_skus, reason=request_made.reason if request_made else "")
    why_sent = why
    why = why or WhyForm(formdata=None, prefix="why-")
    return form_page(
        "office/campaigns/show.html",
        refused=bool((form and form.errors) or why.errors),
        refusal=refusal,
        sent=why_sent or form,
        form=form if may_change else None,
        why=why,
        made=row,
        shown=_shown(row, given, at=at) | {"scope": words, "level": level_words(row.min_rank)},
        asked=request_made,
        open_request=request_made is not None and request_made.decision is None,
        mine=request_made is not None and request_made.asked_by == person().actor,
        alone=able == [person().id],
        may_end=row.state == "approved" and row.ends_at > at,
        actor_words=actor_words,
    )


def _shown(row: Any, given: dict[int, tuple[int, int]], *, at: Any) -> dict[str, Any]:
    """Return a campaign in words, with what it gave: orders, points, and what its points are worth in cents."""
    terms = layout.terms()
    orders, points = given.get(row.id, (0, 0))
    return {
        "row": row,
        "state": state_words(row, at),
        "orders": orders,
        "points": points,
        "cents": points * terms.worth_cents // terms.worth_points,
        "cap_cents": row.cap_points * terms.worth_cents // terms.worth_points if row.cap_points else 0,
    }
