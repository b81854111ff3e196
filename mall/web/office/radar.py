"""The abuse radar at the desk: who looks as if they farmed points, what speaks for it, and what can be done."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import checkout, people, radar
from mall.web.shared import tables
from mall.web.shared.done import done_or_gone
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import local_time, number

from .actors import actor_words
from .acts import act_words
from .fields import WhyForm

bp = Blueprint("radar", __name__, url_prefix="/radar")

PER_PAGE = 25
MOST_ROWS = 5_000
STATES = (radar.OPEN, radar.DISMISSED)


@bp.get("")
def index() -> str:
    """List the suspects, the strongest first, all or of one kind; or those that were dismissed."""
    state = request.args.get("state", radar.OPEN)
    kind = request.args.get("kind") or None
    if state not in STATES or (kind is not None and kind not in radar.KINDS):
        abort(404)
    page = page_number()
    with reading():
        rows, total = radar.suspects(state=state, kind=kind, page=page, per_page=PER_PAGE)
        counted = radar.open_kinds()
    return render_template(
        "office/radar/index.html",
        rows=[shown(row) for row in rows],
        state=state,
        kind=kind,
        tabs=_tabs(state, kind, counted),
        page=page,
        pages=pages_of(total, PER_PAGE),
        total=total,
        per_page=PER_PAGE,
        actor_words=actor_words,
    )


@bp.get("/suspects.csv")
def export():
    """Download the suspects that wait, with what speaks for each."""
    with reading():
        rows, _total = radar.suspects(per_page=MOST_ROWS)
    headings = [_("Member"), _("Name"), _("Suspicion"), _("How strong"), _("Since"), _("What speaks for it")]
    cells = [
        [
            row.number,
            row.display_name,
            kind_words(row.kind),
            strength_words(row.strength),
            local_time(row.since).isoformat(timespec="seconds"),
            "; ".join(evidence_words(each) for each in row.evidence),
        ]
        for row in rows
    ]
    return tables.csv_of(headings, cells, name="suspects")


@bp.get("/<int:suspect_id>")
def show(suspect_id: int):
    """Show what speaks against a member, with links to all of it."""
    return suspect_page(suspect_id)


@bp.post("/<int:suspect_id>/dismissal")
def dismiss(suspect_id: int):
    """Note that it is nothing, and why. Pressed twice, it is noted once."""
    form = WhyForm()
    if not form.validate_on_submit():
        return suspect_page(suspect_id, form=form)
    try:
        done_or_gone(
            radar.dismiss,
            suspect_id,
            seen=whole(request.form.get("seen")) or 0,
            reason=form.reason.data,
            by=person().actor,
            at=now(),
        )
    except Refusal as refusal:
        return suspect_page(suspect_id, form=form, refusal=refusal)
    flash(_("Dismissed. It comes back only with something new."))
    return redirect(url_for("office.radar.index"), 303)


def suspect_page(suspect_id: int, *, form: WhyForm | None = None, refusal: Refusal | None = None):
    """Render a suspect; the reason as it was typed, with what is wrong."""
    with reading():
        row = radar.suspect_of(suspect_id)
        if row is None:
            abort(404)
        others = [each for each in radar.suspects_of(row.member_id) if each.id != row.id]
        about = {each for found in row.evidence for each in found["about"]}
        names = people.names_of([int(each[7:]) for each in about if each.startswith("member:")])
    return form_page(
        "office/radar/show.html",
        refused=bool(form and form.errors),
        refusal=refusal,
        form=form or WhyForm(formdata=None),
        sent=form,
        shown=shown(row),
        row=row,
        evidence=[(evidence_words(found), list(links_of(found["about"], names))) for found in row.evidence],
        others=[shown(each) for each in others],
        actor_words=actor_words,
    )


def shown(row: Any) -> dict[str, Any]:
    """Return a suspect in words."""
    return {
        "row": row,
        "kind": kind_words(row.kind),
        "strength": strength_words(row.strength),
        "mark": ("info", "warn", "bad")[row.strength - 1],
        "says": [evidence_words(each) for each in row.evidence],
    }


def kind_words(kind: str) -> str:
    """Return what a kind of suspicion is called."""
    return {
        "refunds": _("Earns and gives back"),
        "address": _("Many accounts at one address"),
        "burst": _("Check-ins in a burst"),
        "clockwork": _("Check-ins like clockwork"),
        "staff": _("Staff for themselves"),
        "invitation": _("Invitations of oneself"),
        "review": _("The same review again"),
        "partner": _("At a partner's limit"),
    }[kind]


def strength_words(strength: int) -> str:
    """Say how strong what speaks for it is."""
    return (_("Weak"), _("Clear"), _("Strong"))[strength - 1]


def evidence_words(found: dict[str, Any]) -> str:
    """Say one piece of evidence in a sentence."""
    return SENTENCES[found["kind"]](found)


def links_of(about: Iterable[str], names: dict[int, str]) -> Iterable[tuple[str, str]]:
    """Yield what a piece of evidence is of, as (words, address); what the reader may not open is left out."""
    for each in about:
        kind, _colon, of = each.partition(":")
        if kind == "order":
            number_of = checkout.number_of(int(of))
            yield _("Order %(number)s", number=number_of), url_for("office.orders.show", number=number_of)
        elif kind == "member":
            yield names.get(int(of), of), url_for("office.members.show", member_id=int(of))
        elif kind == "review":
            yield _("Review %(id)s", id=of), url_for("office.reviews.show", review_id=int(of))
        elif kind == "partner" and person().may("admin"):
            yield _("The partner"), url_for("office.partners.show", partner_id=int(of))
        elif kind == "staff":
            yield actor_words(each), url_for("office.audit.index", by=each)


def _of_staff(found: dict[str, Any], what: str) -> str:
    """Say what was done for an account, and how it is near somebody of the staff."""
    who = actor_words(found["by"])
    if found["how"] == "own":
        return _("%(what)s. This is %(who)s's own account", what=what, who=who)
    if found["how"] == "browser":
        return _("%(what)s. This account and %(who)s use the same browser", what=what, who=who)
    return _("%(what)s. This account is at the address of %(who)s", what=what, who=who)


SENTENCES = {
    "refunds": lambda each: _(
        "%(percent)s %% of what orders gave in the time looked at was taken back: %(taken)s of %(earned)s points,"
        " %(times)s times",
        percent=each["percent"],
        taken=number(each["taken"]),
        earned=number(each["earned"]),
        times=each["times"],
    ),
    "address": lambda each: _("%(num)s accounts have parcels sent to one address", num=each["members"]),
    "burst": lambda each: ngettext(
        "%(members)s members checked in from one network within a minute, on %(num)s day",
        "%(members)s members checked in from one network within a minute, on %(num)s days",
        each["days"],
        members=each["members"],
    ),
    "clockwork": lambda each: _(
        "%(num)s check-ins at the same time of day, within %(seconds)s seconds",
        num=each["days"],
        seconds=each["within"],
    ),
    "given": lambda each: _of_staff(each, act_words(each["act"])),
    "runs": lambda each: _of_staff(each, _("Earned at %(partner)s", partner=each["partner"])),
    "invitation": lambda each: ngettext(
        "%(num)s invitation waits because it looks like one of oneself",
        "%(num)s invitations wait because they look like ones of oneself",
        each["friends"],
    ),
    "review": lambda each: ngettext(
        "%(num)s review in words that were sent before",
        "%(num)s reviews in words that were sent before",
        each["times"],
    ),
    "partner": lambda each: _(
        "On %(num)s days %(percent)s %% or more of the daily limit at %(partner)s was used",
        num=each["days"],
        percent=each["percent"],
        partner=each["partner"],
    ),
}


def _tabs(state: str, kind: str | None, counted: dict[str, int]) -> list[dict[str, Any]]:
    """Return the tabs: all that wait, each kind that somebody waits of, and those dismissed."""
    waiting = state == radar.OPEN
    kinds = [each for each in radar.KINDS if counted.get(each) or each == kind]
    return [
        {
            "text": _("All"),
            "href": url_for("office.radar.index"),
            "current": waiting and kind is None,
            "count": sum(counted.values()),
        },
        *(
            {
                "text": kind_words(each),
                "href": url_for("office.radar.index", kind=each),
                "current": waiting and kind == each,
                "count": counted.get(each, 0),
            }
            for each in kinds
        ),
        {
            "text": _("Dismissed"),
            "href": url_for("office.radar.index", state=radar.DISMISSED),
            "current": not waiting,
        },
    ]
