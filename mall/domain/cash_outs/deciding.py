"""What becomes of a request for cash: approved or declined by finance, withdrawn by its member, paid, sent back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import approvals, audit, ledger, notices, programme

from .asking import refuse_disputed, refuse_frozen
from .requests import (
    APPROVED,
    ASKED,
    BOUNCED,
    DECLINED,
    LONGEST_REASON,
    LONGEST_REFERENCE,
    PAID,
    WITHDRAWN,
    CashOut,
    reference_of,
)


class OwesByNow(Refusal):
    """What the points were earned for was given back while they were held: they are not the member's to be paid."""

    message = N_("This member owes {owed} points by now. Decline the request: its points then repay them.")


class OwnCashOut(Refusal):
    message = N_("This is your own request as a member. A colleague has to deal with it.")


class NotWaiting(Refusal):
    message = N_("This was already decided. Nothing was changed.")


class NotApproved(Refusal):
    message = N_("Only what was approved is paid out.")


class SentBack(Refusal):
    message = N_("The bank has sent this payment back, and the points are with the member. It takes a new request.")


class NotPaid(Refusal):
    message = N_("Only a payment that was noted as paid can come back from the bank.")


class BouncedOtherwise(Refusal):
    message = N_(
        "This was noted as sent back already, with the reference {reference}: {reason} The points are with the member."
        " Nothing was changed."
    )


class NoBounceReason(Refusal):
    message = N_("Say why the bank sent it back, in 1 to {most} characters; the member reads it.")


class NoReference(Refusal):
    message = N_("Enter the reference of the payment, 1 to {most} characters.")


def approve(
    cash_out_id: int,
    *,
    own_member_id: int | None,
    other_approvers: int,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> None:
    """Approve a request: its points are gone, and the money is owed. Approved by the same person before: done.

    `own_member_id` is the member that `by` is, if any. Raises OwnCashOut, MemberFrozen, Disputed, OwesByNow,
    NotWaiting, NotFound, and what approvals refuse.
    """
    row, purse = _lock(cash_out_id, terms=terms)
    if row.member_id == own_member_id:
        raise OwnCashOut
    if row.state == APPROVED and row.decided_by == by:
        return
    _insist_waiting(row)
    refuse_frozen(row.member_id)
    refuse_disputed(row.member_id)
    if purse.owed:  # Held points are not taken back: a return meanwhile has made a debt instead.
        raise OwesByNow(owed=purse.owed)
    request = _request(row.id)
    approvals.approve(request.id, by=by, at=at, other_approvers=other_approvers)
    ledger.cash_out(purse, reference=reference_of(row.id), at=at)
    _decide(row, APPROVED, by=by, reason="", at=at)


def decline(
    cash_out_id: int, *, reason: str, own_member_id: int | None, terms: programme.Programme, by: str, at: datetime
) -> None:
    """Decline a request: its points go back to their lots, and the member is told why. Again: done.

    Raises OwnCashOut, NotWaiting, NotFound.
    """
    row, purse = _lock(cash_out_id, terms=terms)
    if row.member_id == own_member_id:
        raise OwnCashOut
    if row.state == DECLINED and row.decided_by == by:
        return
    _insist_waiting(row)
    approvals.decline(_request(row.id).id, by=by, at=at, reason=reason)
    ledger.release(purse, reference=reference_of(row.id), at=at)
    _decide(row, DECLINED, by=by, reason=reason, at=at)
    notices.tell(
        row.member_id,
        "points_cash_declined",
        values={"points": row.points, "words": reason},
        key=f"{reference_of(row.id)}:declined",
        at=at,
    )


def withdraw(member_id: int, cash_out_id: int, *, terms: programme.Programme, at: datetime) -> None:
    """Take a member's own request back while it waits: the points are theirs again. Again: done.

    Raises NotWaiting, NotFound.
    """
    row, purse = _lock(cash_out_id, terms=terms, member_id=member_id)
    if row.state == WITHDRAWN:
        return
    _insist_waiting(row)
    by = f"member:{member_id}"
    approvals.decline(_request(row.id).id, by=by, at=at, reason="")
    ledger.release(purse, reference=reference_of(row.id), at=at)
    _decide(row, WITHDRAWN, by=by, reason="", at=at)


def note_paid(
    cash_out_id: int,
    *,
    payout_reference: str,
    own_member_id: int | None,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> None:
    """Note that the money of an approved request was paid, with the bank's reference; the member is told. Again: done.

    Raises NoReference, OwnCashOut, NotApproved, SentBack, NotFound.
    """
    if not 1 <= len(payout_reference) <= LONGEST_REFERENCE:
        raise NoReference(most=LONGEST_REFERENCE)
    row, _purse = _lock(cash_out_id, terms=terms)
    if row.member_id == own_member_id:
        raise OwnCashOut
    if row.state == PAID and row.payout_reference == payout_reference:
        return
    if row.state == BOUNCED:
        raise SentBack
    if row.state != APPROVED:
        raise NotApproved
    execute(
        update(CashOut)
        .where(CashOut.id == row.id)
        .values(state=PAID, paid_at=at, paid_by=by, payout_reference=payout_reference)
    )
    pays = row.gross_cents - row.fee_cents
    audit.write(
        "points.cash_out.paid",
        by=by,
        subject=f"member:{row.member_id}",
        at=at,
        after={"cash_out": row.id, "amount_cents": pays, "document": payout_reference},
    )
    notices.tell(
        row.member_id,
        "points_cash_paid",
        values={"cents": pays, "account_end": row.account_end},
        key=f"{reference_of(row.id)}:paid",
        at=at,
    )


def note_bounced(
    cash_out_id: int,
    *,
    reason: str,
    bounce_reference: str,
    own_member_id: int | None,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> None:
    """Note that the bank sent a payment back: the points return to the lots they came from, and the member is told.

    `bounce_reference` is what the bank calls the money that came back. Also of a frozen member: the points are theirs,
    out of reach until they are let in again. It is paid again only by a new request. Noted before in the same words:
    done. Raises NoReference, NoBounceReason, OwnCashOut, NotPaid, BouncedOtherwise, NotFound.
    """
    if not 1 <= len(bounce_reference) <= LONGEST_REFERENCE:
        raise NoReference(most=LONGEST_REFERENCE).about("reference")
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise NoBounceReason(most=LONGEST_REASON).about("reason")
    row, purse = _lock(cash_out_id, terms=terms)
    if row.member_id == own_member_id:
        raise OwnCashOut
    if row.state == BOUNCED:
        if (row.bounce_reference, row.bounce_reason) == (bounce_reference, reason):
            return
        raise BouncedOtherwise(reference=row.bounce_reference, reason=row.bounce_reason)
    if row.state != PAID:
        raise NotPaid
    lines = ledger.undo_cash_out(purse, reference=reference_of(row.id), at=at)
    execute(
        update(CashOut)
        .where(CashOut.id == row.id)
        .values(state=BOUNCED, bounced_at=at, bounced_by=by, bounce_reason=reason, bounce_reference=bounce_reference)
    )
    repaid = sum(line.points for line in lines if line.kind == "repay")
    _say_bounced(row, reason=reason, bounce_reference=bounce_reference, repaid=repaid, by=by, at=at)


def _say_bounced(row: Any, *, reason: str, bounce_reference: str, repaid: int, by: str, at: datetime) -> None:
    """Write to the audit log that a payment came back, and tell the member."""
    audit.write(
        "points.cash_out.bounced",
        by=by,
        subject=f"member:{row.member_id}",
        at=at,
        after={
            "cash_out": row.id,
            "points": row.points,
            "amount_cents": row.gross_cents - row.fee_cents,
            "document": bounce_reference,
        },
        reason=reason,
    )
    notices.tell(
        row.member_id,
        "points_cash_bounced",
        values={
            "points": row.points,
            "repaid": repaid,
            "words": reason,
            "account_end": row.account_end,
        },
        key=f"{reference_of(row.id)}:bounced",
        at=at,
    )


def note_not_apart(cash_out_id: int, *, by: str, at: datetime) -> None:
    """Keep for the auditors that someone tried to approve whose access a colleague had touched."""
    approvals.note_not_apart(_request(cash_out_id).id, by=by, at=at)


def _lock(
    cash_out_id: int, *, terms: programme.Programme, member_id: int | None = None
) -> tuple[Row[Any], ledger.LockedPurse]:
    """Lock the purse and then the request itself. Raises NotFound, also for another member's."""
    whose = execute(select(CashOut.member_id).where(CashOut.id == cash_out_id)).scalar_one_or_none()
    if whose is None or (member_id is not None and whose != member_id):
        raise NotFound(N_("There is no such request."))
    purse = ledger.lock(whose, zone=terms.zone)
    row = execute(select(CashOut).where(CashOut.id == cash_out_id).with_for_update(key_share=True)).one()
    return row, purse


def _insist_waiting(row: Any) -> None:
    if row.state != ASKED:
        raise NotWaiting


def _decide(row: Any, state: str, *, by: str, reason: str, at: datetime) -> None:
    execute(
        update(CashOut)
        .where(CashOut.id == row.id)
        .values(state=state, decided_at=at, decided_by=by, reason=reason[:LONGEST_REASON])
    )


def _request(cash_out_id: int) -> approvals.Request:
    request = approvals.request_with(reference_of(cash_out_id))
    assert request is not None, "a cash-out without a request"
    return request
