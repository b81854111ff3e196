"""The audit log: every act with who, when, why, before and after. Nobody can change it."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, request

from mall.base.db import reading
from mall.base.text import Message
from mall.domain import audit, checkout
from mall.web.shared.numbers import asked
from mall.web.shared.texts import sentence

from .actors import actor_words, know_members, staff_names
from .acts import ACTS, act_words, reason_words, subject_asked, subject_link, subject_words
from .changes import changes_of

bp = Blueprint("audit", __name__, url_prefix="/audit")

PER_PAGE = 50
# Acts whose reason is what an alarm of the order says.
ALARMS = ("order.alarm", "order.alarm.looked_at")


@bp.get("")
def index():
    """List acts, latest first, by actor, act or subject."""
    before_id = asked("before")
    filters = {name: request.args.get(name, "").strip()[:60] for name in ("subject", "by", "act")}
    with reading():
        rows = audit.entries(
            subject=subject_asked(filters["subject"]) or None,
            by=filters["by"] or None,
            act=filters["act"] or None,
            before_id=before_id,
            limit=PER_PAGE + 1,
        )
        said = alarms_said(rows)
    know_members(each for row in rows for each in (row.by, row.subject))
    return render_template(
        "office/audit/index.html",
        rows=rows[:PER_PAGE],
        older=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
        newest=before_id is None,
        filters=filters,
        acts=ACTS,
        staff=staff_names(),
        actor_words=actor_words,
        act_words=act_words,
        reason_of=lambda row: sentence(said[row.id]) if row.id in said else reason_words(row.reason),
        subject_words=subject_words,
        subject_link=subject_link,
        changes_of=changes_of,
    )


def alarms_said(rows: Sequence[Any]) -> dict[int, Message]:
    """Return what the alarms said that entries are about, by the entry: its own words are kept in English."""
    orders = {row.id: checkout.order_id_of(row.subject) for row in rows if row.act in ALARMS}
    if not orders:
        return {}
    alarms = checkout.alarms_of(*{order_id for order_id in orders.values() if order_id})
    known = {(alarm.order_id, str(alarm.said)[: audit.LONGEST_REASON]): alarm.said for alarm in alarms}
    found = {row.id: known.get((orders[row.id], row.reason)) for row in rows if row.id in orders}
    return {entry_id: said for entry_id, said in found.items() if said is not None}
