"""What campaigns and stamp cards share at the desk: their names, windows and scopes, and who approves them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import CheckConstraint, Row, delete, func, insert, select, update

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import approvals, audit, catalogue

DRAFT, APPROVED, ENDED = "draft", "approved", "ended"
STATES = (DRAFT, APPROVED, ENDED)
SCOPES = ("all", "category", "product")
LONGEST_TITLE, MOST_SCOPE, MOST_ID = 120, 200, 2**63 - 1


def checks() -> tuple[CheckConstraint, ...]:
    """Return what must be so of the columns that tables of drafts have in common; each time anew, for one table."""
    return (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint(f"scope IN {SCOPES}", name="scope_known"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("min_rank >= 0", name="rank_not_negative"),
        CheckConstraint("(state = 'draft') = (approved_at IS NULL)", name="approved_when"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_when"),
    )


class BadDraft(Refusal):
    """A campaign or a stamp card that cannot be meant; about a field."""


def check_window(values: Mapping[str, Any], *, at: datetime) -> None:
    """Refuse a window that is not told, is empty, or is over."""
    for name, missing in (("starts_at", N_("Say when it begins.")), ("ends_at", N_("Say when it ends."))):
        if values[name] is None:
            refuse(missing, about=name)
    if values["starts_at"] >= values["ends_at"]:
        refuse(N_("It must end after it starts. Change one of the two dates."), about="ends_at")
    if values["ends_at"] <= at:
        refuse(N_("That is over already. Choose a later end."), about="ends_at")


def clean_title(title: Any, *, missing: str) -> dict[str, str]:
    """Return a name in the shop's languages, cleaned; refuse one that is missing or too long."""
    try:
        cleaned = catalogue.words(title, longest=LONGEST_TITLE, field="title")
    except catalogue.BadWording as bad:
        raise BadDraft(bad.said.text, **bad.values).about("title") from bad
    if not cleaned:
        refuse(missing, about="title")
    return cleaned


def check_within(values: Mapping[str, Any], name: str, least: int, most: int) -> None:
    """Refuse a figure that is no whole number within bounds."""
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadDraft(N_("Use a whole number from {least} to {most}."), least=least, most=most).about(name)


def refuse(sentence: str, *, about: str) -> NoReturn:
    """Refuse a draft for something at a field."""
    raise BadDraft(sentence).about(about)


def set_scope(table: Any, owner: Any, owner_id: int, *, scope: str, ids: Sequence[int], nothing: str) -> None:
    """Write what a draft is for, in its own table of scopes. Refuses when that is nothing, or not there."""
    execute(delete(table).where(owner == owner_id))
    if scope == "all":
        return
    wanted = sorted({id_ for id_ in ids if 0 < id_ <= MOST_ID})[:MOST_SCOPE]
    of = catalogue.Category if scope == "category" else catalogue.Product
    known = list(execute(select(of.id).where(of.id.in_(wanted)).order_by(of.id)).scalars())
    if not known or len(known) < len(wanted):
        refuse(nothing, about="scope_ids")
    column = "category_id" if scope == "category" else "product_id"
    execute(insert(table), [{owner.key: owner_id, column: id_} for id_ in known])


def scope_ids(table: Any, owner: Any, owner_id: int) -> list[int]:
    """Return the ids of the categories or products a draft is for, ascending; none when it is for all."""
    ids = select(func.coalesce(table.category_id, table.product_id)).where(owner == owner_id)
    return sorted(execute(ids).scalars())


def page_of(table: Any, *, page: int, per_page: int) -> tuple[Sequence[Row[Any]], int]:
    """Return a page of a table's drafts, the latest to begin first, and how many there are."""
    total: int = execute(select(func.count()).select_from(table)).scalar_one()
    ordered = select(table).order_by(table.starts_at.desc(), table.id.desc())
    return execute(ordered.limit(per_page).offset((page - 1) * per_page)).all(), total


def row_of(table: Any, id_: int, *, missing: type[NotFound], locked: bool = False) -> Row[Any]:
    """Return a draft as it is kept; `locked`, as others find it when this is over. Raises `missing`."""
    # Not the whole row: others write what refers to it meanwhile.
    found = select(table).where(table.id == possible(id_))
    row = execute(found.with_for_update(key_share=True) if locked else found).one_or_none()
    if row is None:
        raise missing()
    return row


def let_run(
    table: Any,
    kind: str,
    row: Row[Any],
    *,
    seen_version: int,
    by: str,
    at: datetime,
    other_approvers: int,
    changed: type[Refusal],
    over: type[Refusal],
) -> bool:
    """Approve one whose row is locked: it runs from its beginning or, where that is past, from now.

    Returns whether this call did it; by the same person again, it is done. Raises `changed`, `over`, and what
    approvals.approve() raises.
    """
    request = request_for(kind, row.id)
    if request.what["version"] != seen_version:
        raise changed()
    if approvals.approve(request.id, by=by, at=at, other_approvers=other_approvers) is None:
        return False
    if row.ends_at <= at:
        raise over()
    execute(
        update(table)
        .where(table.id == row.id)
        .values(state=APPROVED, approved_at=at, starts_at=max(row.starts_at, at), version=row.version + 1)
    )
    return True


def state_of(row: Any, at: datetime, *, is_full: bool) -> str:
    """Return where one stands: draft, planned, running, full, over, ended. Pure."""
    if row.state in (DRAFT, ENDED):
        return str(row.state)
    if row.ends_at <= at:
        return "over"
    if is_full:
        return "full"
    return "running" if row.starts_at <= at else "planned"


def end_early(
    table: Any, kind: str, row: Row[Any], *, by: str, at: datetime, reason: str, not_running: type[Refusal]
) -> bool:
    """End one that was approved before its time; its row is locked. Returns whether this call did it.

    Raises `not_running`.
    """
    if row.state == ENDED:
        return False
    if row.state != APPROVED or row.ends_at <= at:
        raise not_running()
    execute(update(table).where(table.id == row.id).values(state=ENDED, ended_at=at, version=table.version + 1))
    audit.write(f"{kind}.ended", by=by, subject=subject_of(kind, row.id), at=at, reason=reason)
    return True


def ask(kind: str, id_: int, version: int, *, by: str, at: datetime, reason: str) -> None:
    """Ask for the approval of a version."""
    what = {f"{kind}_id": id_, "version": version}
    approvals.ask(kind, subject=subject_of(kind, id_), what=what, by=by, at=at, reason=reason)


def ask_anew(kind: str, id_: int, version: int, *, by: str, at: datetime, reason: str) -> None:
    """Ask for the approval of what was changed, in place of a request that is open."""
    if (request := last_request(kind, id_)) is not None and request.decision is None:
        approvals.decline(request.id, by=by, at=at, reason="changed")
    ask(kind, id_, version, by=by, at=at, reason=reason)


def last_request(kind: str, id_: int) -> Row[Any] | None:
    """Return the latest request to approve it, decided or not."""
    return next(iter(approvals.requests_about(kind, subject_of(kind, id_))), None)


def request_for(kind: str, id_: int) -> Row[Any]:
    """Return the latest request to approve what has been asked for since it was made."""
    request = last_request(kind, id_)
    assert request is not None, "it is asked for when it is made"
    return request


def subject_of(kind: str, id_: int) -> str:
    """Return what audit and approvals know it by: "campaign:7"."""
    return f"{kind}:{id_}"


def possible(id_: int) -> int:
    """Return an id that something could have, or 0, which nothing has."""
    return id_ if 0 < id_ <= MOST_ID else 0
