"""Orders in review: what came is not what was agreed, so a person decides. Two exits: accept it, or give all back."""

import hashlib
import json
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row

from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, cash, checkout, ledger, people, programme

from . import returns
from .reasons import GIVEN_BACK
from .refunds import refund_locked

life = checkout.life


class NotInReview(Refusal):
    message = N_("Order {number} is not in review any more. Reload the page to see how it stands.")


class OtherCurrency(Refusal):
    """Never accepted: a price was agreed in one currency only."""

    message = N_("The money came in another currency than was agreed, so it can only be given back.")


class NothingCame(Refusal):
    message = N_("No money came for this order, so there is nothing to accept.")


class ReviewChanged(Refusal):
    message = N_("Something has happened to order {number} since it was shown. Nothing was done. Look at it again.")


class NoReason(Refusal):
    message = N_("Say why, so that others can follow the decision.")


class Review(Struct, frozen=True):
    """An order in review as a person sees it. Cents: what was agreed, what came, what went back already.

    `why_not` is the refusal that accepting it would meet, None where it can be accepted.
    """

    order: checkout.OrderRow
    payments: tuple[Row[Any], ...]
    due_cents: int
    came_cents: int
    back_cents: int
    why_not: Refusal | None

    @property
    def was_paid(self) -> bool:
        """Tell whether the order had been paid before it came into review."""
        return self.order.paid_at is not None

    @property
    def difference_cents(self) -> int:
        """How much more came than was agreed; less than nothing when it was less."""
        return self.came_cents - self.due_cents

    @property
    def left_cents(self) -> int:
        """What can still be given back."""
        return self.came_cents - self.back_cents

    @property
    def fingerprint(self) -> str:
        """Return what tells this review from any other: to be sent along with the decision."""
        parts = [
            self.order.id, self.order.state, self.order.state_before_review, self.came_cents, self.back_cents,
            [(payment.id, payment.state) for payment in self.payments],
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def review_of(order: checkout.OrderRow) -> Review:
    """Return what there is to decide about an order in review. Refuses: NotInReview."""
    may_accept = life.ACCEPT in life.follows(life.ACCEPTED, order.state)
    may_give_back = life.REFUND in life.follows(life.GIVEN_BACK, order.state)
    if not (may_accept and may_give_back):  # The table has both exits of review, or none.
        raise NotInReview(number=checkout.number_of(order.id))
    payments = tuple(cash.payments_of(checkout.reference_of(order.id)))
    wanted = [payment for payment in payments if payment.state == cash.PAID]
    return Review(
        order=order,
        payments=payments,
        due_cents=checkout.cash_cents_of(order),
        came_cents=sum(payment.captured_cents for payment in wanted),
        back_cents=sum(payment.refunded_cents for payment in wanted),
        why_not=_why_not(order, payments, wanted),
    )


def accept(
    order_id: int, *, by: str, reason: str, terms: programme.Programme, at: datetime, shown: str | None = None
) -> Row[Any]:
    """Accept what came. An unpaid order is settled with it; one that was paid goes back to the state it came from.

    `shown` is the fingerprint of the review that was looked at. Returns the order. Refuses: NotInReview, NoReason,
    ReviewChanged, OtherCurrency, NothingCame, StillPaying, UnderDispute, OwnMatter.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    people.not_for_oneself(order.member_id, by=by)
    seen = _look(order, reason=reason, shown=shown)
    if seen.why_not is not None:
        raise seen.why_not
    difference_cents = 0 if seen.was_paid else seen.difference_cents
    if seen.was_paid:
        said = say(N_("Looked at and accepted as it is"))
        order = checkout.move(
            order, order.state_before_review, kind="accepted", said=said, by=by, at=at, state_before_review=None
        ).order
    else:
        order = checkout.become_paid(
            order,
            purse=purse,
            terms=terms,
            at=at,
            said=say(N_("Paid; the amount that came was accepted")),
            by=by,
            state_before_review=None,
            accepted_difference_cents=difference_cents,
        )
    _write_down("order.review.accepted", order, {"difference_cents": difference_cents}, by=by, reason=reason, at=at)
    return order


def give_back(
    order_id: int,
    *,
    by: str,
    reason: str,
    terms: programme.Programme,
    at: datetime,
    restock: bool = False,
    shown: str | None = None,
) -> Row[Any]:
    """Give everything back: an unpaid order is cancelled, one that was paid is refunded in full. Returns the order.

    `restock` puts goods that were sent back on the shelf. Refuses: NotInReview, NoReason, ReviewChanged, StillPaying,
    UnderDispute, OwnMatter.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    people.not_for_oneself(order.member_id, by=by)
    seen = _look(order, reason=reason, shown=shown)
    if order.disputed_at is not None:
        raise checkout.UnderDispute(number=checkout.number_of(order.id))
    if seen.was_paid:
        refund_locked(order, purse, reason=GIVEN_BACK, restock=restock, by=by, terms=terms, at=at, note=reason)
        returns.end_with_order(order.id, by=by, at=at)
    else:
        call_off(seen, purse, by=by, at=at)
    _write_down("order.review.given_back", order, {"cash_cents": seen.left_cents}, by=by, reason=reason, at=at)
    return checkout.order_of(order.id)


def call_off(seen: Review, purse: ledger.LockedPurse, *, by: str, at: datetime, lost: Row[Any] | None = None) -> None:
    """Cancel an order in review that was never settled, and give back all that came. Refuses: StillPaying.

    `lost` is the dispute by which the bank took its payment's money back.
    """
    order = seen.order
    if any(payment.state in cash.UNSETTLED for payment in seen.payments):
        raise checkout.StillPaying()
    said = say(N_("Called off after review; points and items were released"))
    left_of = {payment.id: payment.captured_cents - payment.refunded_cents for payment in seen.payments}
    back_cents = sum(left for id_, left in left_of.items() if lost is None or id_ != lost.payment_id)
    checkout.call_off(
        order,
        by=by,
        purse=purse,
        at=at,
        said=said,
        back_cents=back_cents,
        gone_cents=sum(payment.captured_cents for payment in seen.payments) - back_cents,
        state_before_review=None,
    )
    for payment in seen.payments:
        left = left_of[payment.id]
        if left <= 0:
            continue
        key = f"{checkout.reference_of(order.id)}:review:{payment.id}"
        if lost is not None and lost.payment_id == payment.id:
            cash.taken_by_bank(lost, left, key=key, at=at)
        else:
            cash.ask_refund(payment.id, left, key=key, reason="given back after review", at=at, by=by)


def _look(order: checkout.OrderRow, *, reason: str, shown: str | None) -> Review:
    seen = review_of(order)
    if not reason.strip():
        raise NoReason()
    if shown is not None and shown != seen.fingerprint:
        raise ReviewChanged(number=checkout.number_of(order.id))
    return seen


def _why_not(order: checkout.OrderRow, payments: tuple[Row[Any], ...], wanted: list[Row[Any]]) -> Refusal | None:
    """Return why what came for an order cannot be accepted, or None."""
    if order.disputed_at is not None:
        return checkout.UnderDispute(number=checkout.number_of(order.id))
    if order.paid_at is not None:
        return None
    if any(payment.state in cash.UNSETTLED for payment in payments):
        return checkout.StillPaying()
    if not any(payment.captured_cents > payment.refunded_cents for payment in wanted):
        return NothingCame()
    if any(payment.captured_currency != order.currency for payment in wanted):
        return OtherCurrency()
    return None


def _write_down(
    act: str, order: checkout.OrderRow, after: dict[str, int], *, by: str, reason: str, at: datetime
) -> None:
    audit.write(act, by=by, subject=checkout.reference_of(order.id), at=at, after=after, reason=reason)
