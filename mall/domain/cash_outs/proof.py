"""What must always be true of cash-outs: their points are where their state says, and each was approved by another."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import approvals, audit, ledger

from .requests import ASKED, BOUNCED, DECLINED, KIND, ONCE_APPROVED, ONCE_PAID, WITHDRAWN, CashOut


def checks() -> list[Check]:
    """Return the room's checks."""
    return [
        Check(
            N_("points of a cash-out are held while it waits, gone when approved, else back"),
            _points(),
        ),
        Check(N_("points are turned into cash only for a cash-out that was approved"), _for_nothing()),
        Check(N_("a cash-out pays what its rate gives for its points"), _amounts()),
        Check(N_("a cash-out pays what was asked and approved, fee and all"), _agreed()),
        Check(N_("a cash-out was decided as its request says, and approved by another"), _decisions()),
        Check(N_("a cash-out was paid when, and only when, the audit says so"), _payments()),
        Check(N_("a cash-out came back from the bank when, and only when, the audit says so"), _bounces()),
        Check(N_("points of a cash-out come back, whole, when and only when the bank sent its money back"), _back()),
    ]


def _reference() -> ColumnElement[str]:
    return literal("cashout:") + cast(CashOut.id, String)


def _points() -> Select[*tuple[Any, ...]]:
    posting = ledger.Posting

    def points(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, posting.points), else_=0)), 0)

    flows = (
        select(
            posting.reference,
            posting.member_id,
            points(posting.destination == "held").label("held"),
            points(and_(posting.source == "held", posting.kind == "release")).label("released"),
            points(posting.destination == "cash-out").label("gone"),
        )
        .where(posting.reference.startswith("cashout:"))
        .group_by(posting.reference, posting.member_id)
        .subquery("flows")
    )
    f = flows.c
    out = and_(CashOut.state.in_(ONCE_APPROVED), or_(f.gone != CashOut.points, f.released != 0))
    back = and_(CashOut.state.in_((DECLINED, WITHDRAWN)), or_(f.gone != 0, f.released != CashOut.points))
    still = and_(CashOut.state == ASKED, or_(f.gone != 0, f.released != 0))
    return (
        select(CashOut.id, CashOut.state)
        .outerjoin(flows, and_(f.reference == _reference(), f.member_id == CashOut.member_id))
        .where(or_(f.held.is_(None), f.held != CashOut.points, out, back, still))
    )


def _back() -> Select[*tuple[Any, ...]]:
    posting = ledger.Posting
    back = (
        select(posting.reference, posting.member_id, func.sum(posting.points).label("points"))
        .where(posting.source == "cash-out")
        .group_by(posting.reference, posting.member_id)
        .subquery("back")
    )
    due = case((CashOut.state == BOUNCED, CashOut.points), else_=0)
    return (
        select(CashOut.id, CashOut.state)
        .outerjoin(back, and_(back.c.reference == _reference(), back.c.member_id == CashOut.member_id))
        .where(func.coalesce(back.c.points, 0) != due)
    )


def _for_nothing() -> Select[*tuple[Any, ...]]:
    posting = ledger.Posting
    approved = select(CashOut.id).where(
        _reference() == posting.reference,
        CashOut.member_id == posting.member_id,
        CashOut.state.in_(ONCE_APPROVED),
    )
    return select(posting.id, posting.reference).where(
        posting.destination == "cash-out", ~approved.correlate(posting).exists()
    )


def _amounts() -> Select[*tuple[Any, ...]]:
    gives = CashOut.points * CashOut.rate_cents // CashOut.rate_points
    return select(CashOut.id, CashOut.gross_cents).where(CashOut.gross_cents != gives)


def _agreed() -> Select[*tuple[Any, ...]]:
    """Find where the amount or the points are others than the request that was decided on."""
    asked = approvals.Approval
    pays = CashOut.gross_cents - CashOut.fee_cents
    return (
        select(CashOut.id, pays.label("pays_cents"))
        .join(asked, and_(asked.key == _reference(), asked.kind == KIND))
        .where(
            or_(
                asked.what["amount_cents"].as_integer() != pays,
                asked.what["points"].as_integer() != CashOut.points,
            )
        )
    )


def _payments() -> Select[*tuple[Any, ...]]:
    entry = audit.Entry
    return _noted_otherwise(
        "points.cash_out.paid",
        ONCE_PAID,
        entry.by == CashOut.paid_by,
        entry.after["document"].as_string() == CashOut.payout_reference,
    )


def _bounces() -> Select[*tuple[Any, ...]]:
    entry = audit.Entry
    return _noted_otherwise(
        "points.cash_out.bounced",
        (BOUNCED,),
        entry.by == CashOut.bounced_by,
        entry.reason == CashOut.bounce_reason,
        entry.after["points"].as_integer() == CashOut.points,
        entry.after["document"].as_string() == CashOut.bounce_reference,
    )


def _noted_otherwise(act: str, states: Sequence[str], *says: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Find cash-outs in these states without an entry of the audit that says it, and others with an entry of it."""
    entry = audit.Entry
    noted = (
        select(entry.id)
        .where(
            entry.act == act,
            entry.subject == literal("member:") + cast(CashOut.member_id, String),
            entry.after["cash_out"].as_integer() == CashOut.id,
        )
        .correlate(CashOut)
    )
    as_it_says = noted.where(
        entry.after["amount_cents"].as_integer() == CashOut.gross_cents - CashOut.fee_cents, *says
    )
    return select(CashOut.id, CashOut.state).where(
        or_(
            and_(CashOut.state.in_(states), ~as_it_says.exists()),
            and_(CashOut.state.not_in(states), noted.exists()),
        )
    )


def _decisions() -> Select[*tuple[Any, ...]]:
    asked = approvals.Approval
    decision = case(
        (CashOut.state.in_(ONCE_APPROVED), "approved"),
        (CashOut.state.in_((DECLINED, WITHDRAWN)), "declined"),
        else_="",
    )
    by_oneself = and_(
        CashOut.state.in_(ONCE_APPROVED), CashOut.decided_by == literal("member:") + cast(CashOut.member_id, String)
    )
    return (
        select(CashOut.id, CashOut.state)
        .outerjoin(asked, and_(asked.key == _reference(), asked.kind == KIND))
        .where(
            or_(
                asked.id.is_(None),
                func.coalesce(asked.decision, "") != decision,
                func.coalesce(asked.decided_by, "") != CashOut.decided_by,
                by_oneself,
            )
        )
    )
