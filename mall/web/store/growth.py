"""My growth: every line of it, open to the rule it follows; and the levels it led to or that were given."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, render_template
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import earning, membership, programme
from mall.web.shared import layout
from mall.web.shared.level_words import steps_of
from mall.web.shared.moves import growth_rule_words, order_number
from mall.web.shared.numbers import asked
from mall.web.shared.signing_in import me, members_only
from mall.web.shared.task_words import caps_words
from mall.web.shared.texts import day_words, money_words, number

bp = Blueprint("growth", __name__, url_prefix="/member/growth")
bp.before_request(members_only)

PER_PAGE = 20


@bp.get("")
def show() -> str:
    """Show the growth, newest first, and the levels."""
    terms, cursor = layout.terms(), asked("before")
    with reading():
        standing = membership.standing(me(), terms=terms, at=now())
        events = membership.growth_entries(me(), limit=PER_PAGE + 1, before_id=cursor)
        steps = steps_of(membership.history_of(me()), membership.grants_of(me()), terms)
    return render_template(
        "store/growth/show.html",
        standing=standing,
        events=events[:PER_PAGE],
        older=events[PER_PAGE - 1].id if len(events) > PER_PAGE else None,
        newer=cursor is not None,
        steps=steps,
    )


@bp.get("/<int:event_id>")
def why(event_id: int) -> str:
    """Show why a line is what it is: rule and version, what it is taken of, its caps, and for how long it counts."""
    with reading():
        event = membership.growth_event(event_id, member_id=me())
        if event is None:
            abort(404)
        facts = facts_of(event)
    return render_template(
        "store/growth/why.html",
        event=event,
        facts=facts,
        rule=growth_rule_words(event.source),
        number=order_number(event.reference),
        until=event.counts_on + timedelta(days=membership.WINDOW_DAYS - 1),
    )


def facts_of(event: Any) -> list[tuple[str, str]]:
    """Return what a growth event rests on, as rows of (what, how much), by the rule it followed."""
    rule = programme.version(event.version)
    if event.source == membership.DORMANCY:
        told = earning.notice_behind(event.reference)
        return [
            (_("Taken off each month"), f"{rule.dormancy_percent} %"),
            (_("Announced on"), day_words(told.told_on)),
            (_("For the day"), day_words(told.deducts_on)),
            (_("At most, as announced"), number(told.points)),
        ]
    if (reward := earning.reward_behind(event.reference)) is not None:
        caps = caps_words(reward)
        return [(_("Given for"), _("one time")), (_("At most"), caps or _("no cap"))]
    # A partner has a rate of its own, which the sentence tells.
    rows = [(_("One growth for every"), money_words(rule.growth_per_cents))] if event.source == "order" else []
    if "kept_cents" in event.why.values:
        rows.append((_("Cash kept"), money_words(event.why.values["kept_cents"])))
    return [*rows, (_("At most"), _("no cap"))]
