"""The audit log: every act with who, when, why, before and after. Nobody can change it."""

from typing import Any

from flask import Blueprint, render_template, request

from mall.base.db import reading
from mall.domain import audit
from mall.web.shared.numbers import asked

from .actors import actor_words, staff_names
from .acts import ACTS, act_words, reason_words, subject_link, subject_words

bp = Blueprint("audit", __name__, url_prefix="/audit")

PER_PAGE = 50
LONGEST_VALUE = 160


@bp.get("")
def index():
    """List acts, latest first, by actor, act or subject."""
    before_id = asked("before")
    filters = {name: request.args.get(name, "").strip()[:60] for name in ("subject", "by", "act")}
    with reading():
        rows = audit.entries(
            subject=filters["subject"] or None,
            by=filters["by"] or None,
            act=filters["act"] or None,
            before_id=before_id,
            limit=PER_PAGE + 1,
        )
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


def changes_of(entry: Any) -> list[tuple[str, str | None, str | None]]:
    """Return what an act changed, in short: [(name, before, after)]; None where there was or is nothing."""
    before, after = entry.before or {}, entry.after or {}
    return [(name, _short(before, name), _short(after, name)) for name in dict.fromkeys([*before, *after])]


def _short(values: dict[str, Any], name: str) -> str | None:
    if values.get(name) is None:
        return None
    value = values[name]
    words = " · ".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)
    return words if len(words) <= LONGEST_VALUE else f"{words[:LONGEST_VALUE]}…"
