"""The audit log: every act with who, when, why, before and after. Nobody can change it."""

from flask import Blueprint, render_template, request

from mall.base.db import reading
from mall.domain import audit
from mall.web.shared.numbers import asked

from .actors import actor_words, know_members, staff_names
from .acts import ACTS, act_words, reason_words, subject_asked, subject_link, subject_words
from .changes import changes_of

bp = Blueprint("audit", __name__, url_prefix="/audit")

PER_PAGE = 50


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
        reason_words=reason_words,
        subject_words=subject_words,
        subject_link=subject_link,
        changes_of=changes_of,
    )
