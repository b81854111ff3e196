"""Stamp cards at the desk: one makes them, another approves them; they change until they begin, and may end early."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from mall.base.db import execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, say
from mall.domain import approvals, audit, coupons, programme, repeats

from . import drafts
from .drafts import APPROVED, DRAFT, ENDED, SCOPES
from .stamp_cards import COUNTS, LEAST_STAMPS, MOST_STAMPS, StampCardRow, StampScope
from .stamps import FullCard, Stamp

KIND = "stamp_card"
STAMP_CARD_NAMELESS = N_("Give the stamp card a name.")
MOST_CARDS, MOST_CENTS = 1_000_000, 1_000_000_000
DETAILS = (
    "title", "starts_at", "ends_at", "stamps_needed", "counts", "least_cents", "template_id", "member_limit",
    "total_limit", "min_rank", "scope",
)  # fmt: skip


class NoSuchStampCard(NotFound):
    message = N_("There is no such stamp card.")


class StampCardBegun(Refusal):
    message = N_("The stamp card has begun, so its figures stay. End it early, and make another one.")


class StampCardChanged(Refusal):
    message = N_("Somebody else changed this stamp card meanwhile. Look at it as it is now, then go on.")


class StampCardOver(Refusal):
    message = N_("The time of this stamp card is over. Change its dates first.")


class StampCardNotRunning(Refusal):
    message = N_("This stamp card was not approved, or is over: there is nothing to end.")


_MADE = N_(
    "This form was sent before: it has drafted the stamp card “{title}”. Nothing more was done. Change that one, or"
    " send this form again for another."
)


def make_stamp_card(
    *, key: str, terms: programme.Programme, by: str, at: datetime, reason: str, **details: Any
) -> int:
    """Write down a stamp card and ask for its approval. Returns its id; with the same key again, the first one's.

    Details: title, starts_at, ends_at, stamps_needed, counts, least_cents, template_id, member_limit, total_limit,
    min_rank, scope, scope_ids. Raises BadDraft, about the coupon what coupons.check_promise() raises, and
    repeats.SentOtherwise for another with the same key.
    """
    assert in_transaction()
    sent = repeats.Sent(KIND, key, by, details | {"reason": reason})
    if (made := execute(select(StampCardRow.id).where(StampCardRow.key == key)).scalar_one_or_none()) is not None:
        repeats.refuse_other(sent)
        return made
    scope_ids = details.pop("scope_ids", ())
    values = _checked(details, terms, at=at)
    card_id = execute(
        insert(StampCardRow)
        .values(**values, key=key, filled=0, state=DRAFT, version=1, made_at=at)
        .returning(StampCardRow.id)
    ).scalar_one()
    _set_scope(card_id, values["scope"], scope_ids)
    audit.write("stamp_card.made", by=by, subject=drafts.subject_of(KIND, card_id), at=at, after=_kept(card_id))
    drafts.ask(KIND, card_id, 1, by=by, at=at, reason=reason)
    repeats.keep(sent, done=say(_MADE, title=dict(values["title"])), at=at)
    return card_id


def edit_stamp_card(
    card_id: int,
    *,
    seen_version: int,
    terms: programme.Programme,
    by: str,
    at: datetime,
    reason: str,
    **details: Any,
) -> None:
    """Change a stamp card that has not begun, and ask for its approval anew: it is a draft again.

    Raises NoSuchStampCard, StampCardChanged, StampCardBegun, and what make_stamp_card() raises.
    """
    row = _locked(card_id)
    if row.version != seen_version:
        raise StampCardChanged()
    if row.state == ENDED or (row.state == APPROVED and row.starts_at <= at):
        raise StampCardBegun()
    before = _kept(card_id)
    scope_ids = details.pop("scope_ids", before["scope_ids"])
    values = _checked(details, terms, at=at)
    version = row.version + 1
    execute(
        update(StampCardRow)
        .where(StampCardRow.id == card_id)
        .values(**values, state=DRAFT, approved_at=None, version=version)
    )
    _set_scope(card_id, values["scope"], scope_ids)
    subject = drafts.subject_of(KIND, card_id)
    audit.write("stamp_card.changed", by=by, subject=subject, at=at, before=before, after=_kept(card_id))
    drafts.ask_anew(KIND, card_id, version, by=by, at=at, reason=reason)


def approve_stamp_card(card_id: int, *, seen_version: int, by: str, at: datetime, other_approvers: int) -> None:
    """Let a stamp card run, from its beginning or, where that is past, from now. Approved by the same person: done.

    What its coupon is worth stays from then on. Raises NoSuchStampCard, StampCardChanged, StampCardOver, and what
    approvals.approve() and coupons.promise() raise.
    """
    row = _locked(card_id)
    if drafts.let_run(
        StampCardRow,
        KIND,
        row,
        seen_version=seen_version,
        by=by,
        at=at,
        other_approvers=other_approvers,
        changed=StampCardChanged,
        over=StampCardOver,
    ):
        coupons.promise(row.template_id, min_rank=row.min_rank, at=at)


def decline_stamp_card(card_id: int, *, by: str, at: datetime, reason: str) -> None:
    """Decline a stamp card; who asked may withdraw it this way. It stays a draft, and can be changed.

    Raises NoSuchStampCard, AlreadyDecided.
    """
    _locked(card_id)
    approvals.decline(drafts.request_for(KIND, card_id).id, by=by, at=at, reason=reason)


def note_stamp_card_not_apart(card_id: int, *, by: str, at: datetime) -> None:
    """Keep for the auditors that someone tried to approve a stamp card who may be the one that asked for it."""
    approvals.note_not_apart(drafts.request_for(KIND, card_id).id, by=by, at=at)


def end_stamp_card(card_id: int, *, by: str, at: datetime, reason: str) -> bool:
    """End a stamp card before its time: orders placed from now on give no stamp, those placed do when they are kept.

    Returns whether this call did it. Raises NoSuchStampCard, StampCardNotRunning.
    """
    row = _locked(card_id)
    return drafts.end_early(StampCardRow, KIND, row, by=by, at=at, reason=reason, not_running=StampCardNotRunning)


def stamp_card_state(row: Any, at: datetime) -> str:
    """Return where a stamp card stands: draft, planned, running, full (all cards are filled), over, ended. Pure."""
    return drafts.state_of(row, at, is_full=row.total_limit is not None and row.filled >= row.total_limit)


def stamp_cards(*, page: int, per_page: int) -> tuple[Sequence[Row[Any]], int]:
    """Return a page of stamp cards, the latest to begin first, and how many there are."""
    return drafts.page_of(StampCardRow, page=page, per_page=per_page)


def given_by_cards(card_ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Return what stamp cards have given: {id: (members, stamps, full cards)}, less what was taken back.

    Two statements.
    """
    stamps = execute(
        select(
            Stamp.card_id, func.count(Stamp.member_id.distinct()).label("members"), func.sum(Stamp.stamps).label("n")
        )
        .where(Stamp.card_id.in_(card_ids))
        .group_by(Stamp.card_id)
    ).all()
    full = execute(
        select(FullCard.card_id, func.count().label("n"))
        .where(FullCard.card_id.in_(card_ids), FullCard.voided_at.is_(None))
        .group_by(FullCard.card_id)
    )
    of = {row.card_id: row.n for row in full}
    return {row.card_id: (row.members, int(row.n), of.get(row.card_id, 0)) for row in stamps}


def stamp_card_of(card_id: int) -> Row[Any]:
    """Return a stamp card as the desk keeps it. Raises NoSuchStampCard."""
    return drafts.row_of(StampCardRow, card_id, missing=NoSuchStampCard)


def scope_of_stamp_card(card_id: int) -> list[int]:
    """Return the ids of the categories or products a stamp card is for, ascending; none when it is for all."""
    return drafts.scope_ids(StampScope, StampScope.card_id, card_id)


def last_request_of_stamp_card(card_id: int) -> Row[Any] | None:
    """Return the latest request to approve a stamp card, decided or not."""
    return drafts.last_request(KIND, card_id)


def _locked(card_id: int) -> Row[Any]:
    return drafts.row_of(StampCardRow, card_id, missing=NoSuchStampCard, locked=True)


def _kept(card_id: int) -> dict[str, Any]:
    """Return a stamp card as the audit keeps it."""
    row = stamp_card_of(card_id)
    return {name: getattr(row, name) for name in DETAILS} | {"scope_ids": scope_of_stamp_card(card_id)}


def _set_scope(card_id: int, scope: str, scope_ids: Sequence[int]) -> None:
    drafts.set_scope(
        StampScope,
        StampScope.card_id,
        card_id,
        scope=scope,
        ids=scope_ids,
        nothing=N_("Choose what the stamp card is for."),
    )


def _checked(details: Mapping[str, Any], terms: programme.Programme, *, at: datetime) -> dict[str, Any]:
    """Return the columns of a stamp card, cleaned, for a coupon that can be promised. Raises BadDraft and others."""
    values: dict[str, Any] = {name: details.get(name) for name in DETAILS}
    values["title"] = drafts.clean_title(values["title"], missing=STAMP_CARD_NAMELESS)
    drafts.check_window(values, at=at)
    drafts.check_within(values, "stamps_needed", LEAST_STAMPS, MOST_STAMPS)
    if values["counts"] not in COUNTS:
        drafts.refuse(N_("Choose what gives a stamp."), about="counts")
    if values["least_cents"] is None:
        values["least_cents"] = 0
    drafts.check_within(values, "least_cents", 0, MOST_CENTS)
    for name in ("member_limit", "total_limit"):
        if values[name] is not None:
            drafts.check_within(values, name, 1, MOST_CARDS)
    drafts.check_within(values, "min_rank", 0, len(terms.levels))
    if values["scope"] not in SCOPES:
        drafts.refuse(N_("Choose what the stamp card is for."), about="scope")
    if not values["template_id"]:
        drafts.refuse(N_("Choose the coupon that a full card gives."), about="template_id")
    try:
        coupons.check_promise(values["template_id"], min_rank=values["min_rank"])
    except Refusal as refusal:
        raise refusal.about("template_id") from None
    return values
