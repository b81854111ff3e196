"""What must always be true of the terms of an order: whose it is, the rates it was agreed under, what it was told to.

Each stands beside another row that was written for another reason, so that neither can be changed alone.
"""

from sqlalchemy import Select, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import cash, coupons, earning, membership, programme

from .life import CANCELLED, REVIEW, TIMED_OUT
from .orders import REFERENCE, Order

# Columns of an order that are settings of its programme by the same name.
RATES = ("earn_points", "earn_per_cents", "growth_per_cents", "worth_points", "worth_cents", "return_window_days")


def terms_checks() -> list[Check]:
    """Return the checks of orders against programme, facts, levels, coupons and payments."""
    return [
        Check(N_("an order keeps the rates of the programme it was placed under"), _rates_agree()),
        Check(N_("a paid order is a fact of its member"), _facts_are_there()),
        Check(N_("who has ordered has a level"), _levels_are_there()),
        Check(N_("a coupon is used by its own member"), _coupons_of_others()),
        Check(N_("a payment brought what it asked for, unless a person accepted the difference"), _captured_agrees()),
    ]


def _rates_agree() -> Select:
    settings = programme.ProgrammeVersion.settings
    return (
        select(Order.id, Order.version)
        .join(programme.ProgrammeVersion, programme.ProgrammeVersion.id == Order.version)
        .where(
            or_(
                Order.currency != settings["currency"].as_string(),
                *(getattr(Order, name) != settings[name].as_integer() for name in RATES),
            )
        )
    )


def _facts_are_there() -> Select:
    fact = earning.FactRow
    told = (
        select(fact.id)
        .where(fact.kind == "order_paid", fact.reference == REFERENCE, fact.member_id == Order.member_id)
        .correlate(Order)
        .exists()
    )
    return select(Order.id, Order.member_id).where(Order.paid_at.is_not(None), ~told)


def _levels_are_there() -> Select:
    history = membership.LevelHistory
    known = select(history.id).where(history.member_id == Order.member_id).correlate(Order).exists()
    return select(Order.id, Order.member_id).where(~known)


def _coupons_of_others() -> Select:
    coupon = coupons.Coupon
    return (
        select(coupon.id, Order.id.label("order_id"))
        .join(Order, coupon.used_for == REFERENCE)
        .where(coupon.member_id != Order.member_id)
    )


def _captured_agrees() -> Select:
    payment = cash.Payment
    return (
        select(payment.id, payment.amount_cents, payment.captured_cents)
        .join(Order, payment.reference == REFERENCE)
        .where(
            payment.state == cash.PAID,
            payment.captured_cents != payment.amount_cents,
            Order.accepted_difference_cents == 0,
            Order.state.not_in((REVIEW, CANCELLED, TIMED_OUT)),
        )
    )
