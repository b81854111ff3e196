"""The programme at the desk: what holds, its versions, and changes that one drafts and another decides on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, HiddenField, TextAreaField
from wtforms.validators import DataRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import approvals, coupons, people, programme
from mall.web.shared.benefits import benefits_of
from mall.web.shared.done import done_or_gone
from mall.web.shared.forms import Form, Line, Whole, at_most, fresh_key, put, typed_line
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import form_page, person, staff_only
from mall.web.shared.task_words import caps_words, task_title
from mall.web.shared.texts import day_words, local, money_words, number

from .actors import actor_words
from .fields import LONGEST_REASON, Cents, Moment, NoReasonGiven, needed

bp = Blueprint("programme", __name__, url_prefix="/programme")
drafts = Blueprint("drafts", __name__, url_prefix="/drafts")
drafts.before_request(staff_only("admin"))

# The everyday numbers, as the desk calls them; those of money end in _cents.
EVERYDAY = {
    "worth_points": _l("So many points"),
    "worth_cents": _l("are worth"),
    "earn_points": _l("Points earned"),
    "earn_per_cents": _l("for every"),
    "growth_per_cents": _l("One growth for every"),
    "points_cap_percent": _l("Most of an order that points may pay, in per cent"),
    "validity_months": _l("Months until points expire"),
    "debt_cap_points": _l("Most points a member may owe"),
    "return_window_days": _l("Days to return goods"),
    "completes_after_days": _l("Days after which a parcel counts as delivered"),
    "pay_within_minutes": _l("Minutes to pay an order"),
    "unpaid_orders": _l("Unpaid orders a member may have"),
    "least_cash_cents": _l("Least amount the cashier takes"),
    "answer_within_hours": _l("Hours to answer a question"),
    "adjustment_limit_points": _l("Most points one person may adjust alone"),
    "adjustments_per_day": _l("Adjustments one person may make a day"),
    "cash_out_least_points": _l("Least points that may become cash; 0: none"),
    "cash_out_points": _l("For cash, so many points"),
    "cash_out_cents": _l("give"),
    "cash_out_fee_cents": _l("Fee of turning points into cash"),
    "dormancy_after_days": _l("Days without activity until growth is taken off"),
    "dormancy_percent": _l("Growth taken off each month, in per cent"),
    "membership_least_days": _l("Least days of a membership that was used"),
}
SWITCHES = {"dormancy_active": _l("Take growth off members who do nothing for long")}
OTHERS = {
    "shop_name": _l("Name of the shop"),
    "legal_name": _l("Legal name"),
    "address": _l("Address"),
    "tax_number": _l("Tax number"),
    "support_email": _l("Support e-mail"),
    "currency": _l("Currency"),
    "zone": _l("Time zone"),
    "language": _l("Main language"),
    "points_only_ships_free": _l("Orders for points only ship free"),
    "levels": _l("Levels"),
    "tax_classes": _l("Tax classes"),
    "shipping_methods": _l("Shipping methods"),
    "tasks": _l("Tasks"),
}


def everyday(name: str) -> Field:
    """Return the field of an everyday number."""
    if name.endswith("_cents"):
        return Cents(EVERYDAY[name], [needed(_l("Enter an amount."))])
    return Whole(EVERYDAY[name], [needed(_l("Enter a whole number."))])


class DraftForm(Form):
    """The everyday numbers as they are to be. `key` makes a form that is sent twice one draft."""

    key = HiddenField()
    based_on = HiddenField()
    worth_points = everyday("worth_points")
    worth_cents = everyday("worth_cents")
    earn_points = everyday("earn_points")
    earn_per_cents = everyday("earn_per_cents")
    growth_per_cents = everyday("growth_per_cents")
    points_cap_percent = everyday("points_cap_percent")
    validity_months = everyday("validity_months")
    debt_cap_points = everyday("debt_cap_points")
    return_window_days = everyday("return_window_days")
    completes_after_days = everyday("completes_after_days")
    pay_within_minutes = everyday("pay_within_minutes")
    unpaid_orders = everyday("unpaid_orders")
    least_cash_cents = everyday("least_cash_cents")
    answer_within_hours = everyday("answer_within_hours")
    adjustment_limit_points = everyday("adjustment_limit_points")
    adjustments_per_day = everyday("adjustments_per_day")
    cash_out_least_points = everyday("cash_out_least_points")
    cash_out_points = everyday("cash_out_points")
    cash_out_cents = everyday("cash_out_cents")
    cash_out_fee_cents = everyday("cash_out_fee_cents")
    dormancy_active = BooleanField(SWITCHES["dormancy_active"])
    dormancy_after_days = everyday("dormancy_after_days")
    dormancy_percent = everyday("dormancy_percent")
    membership_least_days = everyday("membership_least_days")
    begins_at = Moment(_l("Holds from"))
    reason = TextAreaField(
        _l("What changes, and why"),
        [DataRequired(_l("Say why; it is kept with the version.")), at_most(LONGEST_REASON)],
    )

    def is_in_order(self, before: programme.Programme) -> bool:
        """Put all that is wrong at its fields, what is missing and what cannot be alike. Tell whether nothing is."""
        in_order = self.validate()
        faults = programme.faults_of(self.settings(before))
        for bad in faults:
            self.refuse_setting(bad)
        return in_order and not faults

    def settings(self, before: programme.Programme) -> dict[str, Any]:
        """Return the settings wanted: those of a version, with what was typed."""
        return programme.settings_of(before) | {name: self[name].data for name in (*EVERYDAY, *SWITCHES)}

    def refuse_setting(self, bad: programme.BadSetting) -> None:
        """Show what is wrong with a setting at its field, with the bounds it has; one thing at a field."""
        if bad.setting not in EVERYDAY:
            return self.refuse(bad)
        if self[bad.setting].errors:
            return
        write = written(bad.setting)
        least, most = (write(bound) for bound in programme.BOUNDS[bad.setting])
        put(self[bad.setting], _("Choose from %(least)s to %(most)s.", least=least, most=most))


@bp.get("")
def show():
    """Show the programme in force, what waits for a second person, and every version."""
    return programme_page()


@drafts.route("/new", methods=["GET", "POST"])
def new():
    """Draft a change of the everyday numbers; nothing holds before another administrator has approved it."""
    with reading():
        newest = programme.newest()
        before = programme.version(newest)
    form = DraftForm(
        key=fresh_key(),
        based_on=str(newest),
        **{name: getattr(before, name) for name in (*EVERYDAY, *SWITCHES)},
    )
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_in_order(before):
        try:
            _draft(form, before, at=now())
        except programme.BadSetting as bad:
            form.refuse_setting(bad)
        except Refusal as no:
            refusal = no
        else:
            flash(_("Drafted. Nothing changes before it is approved."), "info")
            return redirect(url_for("office.programme.show"), 303)
    return form_page(
        "office/programme/draft.html", refused=request.method == "POST", refusal=refusal, form=form, before=before
    )


@drafts.post("/<int:number>/approval")
def approve(number: int):
    """Let a drafted version hold. Pressed twice, it is approved once."""
    with reading():
        others = [one for one in people.staff_able_to("admin") if one != person().id]
    try:
        done_or_gone(programme.approve, number, by=person().actor, at=now(), other_approvers=len(others))
    except approvals.NotApart as refusal:
        done_or_gone(programme.note_not_apart, number, by=person().actor, at=now())
        return programme_page(refusal=refusal)
    except Refusal as refusal:
        return programme_page(refusal=refusal)
    flash(_("Approved. What was agreed before stays as it was."))
    return redirect(url_for("office.programme.show"), 303)


@drafts.post("/<int:number>/refusal")
def decline(number: int):
    """Decline a drafted version; the one who drafted it may withdraw it this way."""
    why = typed_line("reason", row=number, most=LONGEST_REASON, missing=NoReasonGiven())
    if why.wrong:
        return programme_page(typed=why)
    try:
        done_or_gone(programme.decline, number, by=person().actor, at=now(), reason=why.text)
    except Refusal as refusal:
        return programme_page(refusal=refusal)
    flash(_("Declined. The programme stays as it is."))
    return redirect(url_for("office.programme.show"), 303)


bp.register_blueprint(drafts)


def programme_page(*, refusal: Refusal | None = None, typed: Line | None = None):
    """Render the programme. `typed` is a reason to decline a draft that is missing or too long."""
    at = now()
    with reading():
        terms = programme.current(at)
        versions = programme.versions()
        rows = {row.id: row for row in versions}
        proposed = [
            (rows[one], difference(programme.version(rows[one].based_on), programme.version(one)))
            for one in programme.waiting()
        ]
        admins = people.staff_able_to("admin")
        titles = coupons.titles_of(programme.coupons_of(terms))
    return form_page(
        "office/programme/show.html",
        refused=typed is not None,
        refusal=refusal,
        typed=typed,
        most=LONGEST_REASON,
        terms=terms,
        since=rows[terms.version].effective_from,
        numbers=[(words, written(name)(getattr(terms, name))) for name, words in (EVERYDAY | SWITCHES).items()],
        called=[local(level.name) for level in terms.levels],
        benefits=benefits_of(terms, coupon_titles={id_: local(title) for id_, title in titles.items()}),
        tasks=[task_row(task, terms) for task in terms.tasks],
        versions=versions,
        proposed=proposed,
        me_actor=person().actor,
        alone=admins == [person().id],
        actor_words=actor_words,
        at=at,
    )


def task_row(task: programme.Task, terms: programme.Programme) -> dict[str, Any]:
    """Return a task as the desk reads it: what it gives, how often, and when and to whom."""
    return {
        "title": task_title(task.key),
        "key": task.key,
        "points": task.points,
        "growth": task.growth,
        "caps": caps_words(task),
        "begins_on": task.begins_on,
        "ends_on": task.ends_on,
        "level": local(terms.level(task.from_rank).name) if task.from_rank > 1 else "",
        "active": task.active,
    }


def difference(before: programme.Programme, after: programme.Programme) -> list[tuple[str, str, str]]:
    """Return what a version changes: [(what, as it was, as it is to be)]; of what has no short form, that it does."""
    rows = []
    for name in programme.changes(before, after):
        was, becomes = getattr(before, name), getattr(after, name)
        if name in EVERYDAY or name in SWITCHES:
            write = written(name)
            rows.append((str((EVERYDAY | SWITCHES)[name]), write(was), write(becomes)))
        elif name == "tasks":
            rows += task_differences(before, after)
        else:
            plain = isinstance(was, str)
            rows.append((str(OTHERS[name]), was if plain else "–", becomes if plain else _("changed")))
    return rows


def task_differences(before: programme.Programme, after: programme.Programme) -> list[tuple[str, str, str]]:
    """Return the tasks that a version changes: [(what it is called, as it was, as it is to be)]."""
    keys = dict.fromkeys(task.key for task in (*before.tasks, *after.tasks))
    pairs = [(key, task_words(before.task(key), before), task_words(after.task(key), after)) for key in keys]
    return [(task_title(key), was, becomes) for key, was, becomes in pairs if was != becomes]


def task_words(task: programme.Task | None, terms: programme.Programme) -> str:
    """Say in one line what a task pays, how often, when and to whom."""
    if task is None or not task.active:
        return _("Off")
    parts = [
        _("%(points)s pts", points=number(task.points)) if task.points else "",
        _("%(growth)s growth", growth=number(task.growth)) if task.growth else "",
        caps_words(task),
        _("from %(day)s on", day=day_words(task.begins_on)) if task.begins_on else "",
        _("until %(day)s", day=day_words(task.ends_on)) if task.ends_on else "",
        _("for %(level)s and above", level=local(terms.level(task.from_rank).name)) if task.from_rank > 1 else "",
        _("orders of %(cash)s or more", cash=money_words(task.least_cents)) if task.least_cents else "",
    ]
    return ", ".join(part for part in parts if part)


def written(name: str) -> Any:
    """Return how the values of a setting are written: as money, as a number, or as on or off."""
    if name in SWITCHES:
        return _on_or_off
    return money_words if name.endswith("_cents") else number


def _on_or_off(on: bool) -> str:
    return _("On") if on else _("Off")


def _draft(form: DraftForm, before: programme.Programme, *, at: datetime) -> None:
    """Draft what the form says. Raises BadSetting, ThingsChanged, NothingChanged."""
    if whole(form.based_on.data) != before.version:
        raise programme.ThingsChanged(version=before.version)
    wanted = form.settings(before)
    if wanted == programme.settings_of(before):
        raise programme.NothingChanged
    draft_once(wanted, form, before, at=at)


def draft_once(wanted: Mapping[str, Any], form: Any, before: programme.Programme, *, at: datetime) -> None:
    """Draft settings for the reason, and from the moment, that a form says; sent again, it drafts nothing more.

    Raises BadSetting.
    """
    done_or_gone(
        programme.draft,
        wanted,
        based_on=before.version,
        effective_from=form.begins_at.data or at,
        by=person().actor,
        at=at,
        reason=form.reason.data,
        key=f"programme:{person().id}:{form.key.data}"[:120],
    )
