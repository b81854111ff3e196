"""Refunding: what a partner gave back of a purchase takes back what that part had given, by the rates of then."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import earning, ledger, programme

from .answers import Given, earlier_answer, keep_answer
from .purchases import Purchase, PurchaseRefund, refunded_cents, reported_in
from .reporting import ReferenceTaken, Reporting, refuse_odd


class BeforePurchase(Refusal):
    message = N_("occurred_at lies before the purchase that is refunded.")


class UnknownPurchase(Refusal):
    message = N_("No purchase was reported with this reference.")


class TooMuchBack(Refusal):
    message = N_("Of this purchase {left} cents are left to refund.")


def refund(
    partner_id: int,
    told: Reporting,
    *,
    purchase: str,
    key: str,
    of_body: str,
    terms: programme.Programme,
    at: datetime,
) -> Given:
    """Take back what the refunded part of a purchase had given, once per `key`. `purchase` is its reference.

    Raises KeyOfOther, OtherCurrency, InTheFuture, TooLongAgo, UnknownPurchase, BeforePurchase, ReferenceTaken,
    TooMuchBack.
    """
    if earlier := earlier_answer(partner_id, key, of_body=of_body):
        return earlier
    refuse_odd(told, terms=terms, at=at)
    row = _reported_as(purchase, partner_id=partner_id)
    if told.occurred_at < row.occurred_at:
        raise BeforePurchase
    purse = ledger.lock(row.member_id, zone=terms.zone)
    if earlier := earlier_answer(partner_id, key, of_body=of_body):
        return earlier
    _refuse_if_taken(partner_id, told.reference)
    left = row.cents - refunded_cents(row.id)
    if told.cents > left:
        raise TooMuchBack(left=left)
    kept = reported_in(row, kept_cents=left - told.cents)
    gone = earning.purchase_refunded(
        kept, cents=told.cents, key=f"refund:{partner_id}:{told.reference}", purse=purse, terms=terms, at=at
    )
    _write(told, row, gone, at=at)
    answer = {
        "reference": told.reference,
        "purchase": purchase,
        "points_taken": gone.points,
        "growth_taken": gone.growth,
        "left_cents": left - told.cents,
    }
    return keep_answer(partner_id, key, answer, of_body=of_body, at=at)


def _reported_as(reference: str, *, partner_id: int) -> Row[Any]:
    """Return the purchase that a partner reported under a reference. Raises UnknownPurchase."""
    wanted = select(Purchase).where(Purchase.partner_id == partner_id, Purchase.reference == reference)
    row = execute(wanted).one_or_none()
    if row is None:
        raise UnknownPurchase
    return row


def _refuse_if_taken(partner_id: int, reference: str) -> None:
    taken = select(PurchaseRefund.id).where(
        PurchaseRefund.partner_id == partner_id, PurchaseRefund.reference == reference
    )
    if execute(taken).first() is not None:
        raise ReferenceTaken


def _write(told: Reporting, purchase: Row[Any], gone: earning.Earned, *, at: datetime) -> None:
    execute(
        insert(PurchaseRefund).values(
            partner_id=purchase.partner_id,
            purchase_id=purchase.id,
            reference=told.reference,
            cents=told.cents,
            points=gone.points,
            growth=gone.growth,
            occurred_at=told.occurred_at,
            reported_at=at,
        )
    )
