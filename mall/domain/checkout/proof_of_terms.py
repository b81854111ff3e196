"""What must always be true of the terms of an order: whose it is, the rates it was agreed under, what it was told to.

Each stands beside another row that was written for another reason, so that neither can be changed alone.
"""

from sqlalchemy import Select, String, and_, cast, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import audit, cash, coupons, earning, membership, programme

from .life import CANCELLED, REVIEW, SOLD, TIMED_OUT
from .order_lines import OrderLine
from .orders import REFERENCE, Order
from .redemptions import REDEEMED

# Columns of an order that are settings of its programme by the same name.
RATES = ("earn_points", "earn_per_cents", "growth_per_cents", "worth_points", "worth_cents", "return_window_days")


def terms_checks() -> list[Check]:
    """Return the checks of orders against programme, facts, levels, coupons and payments."""
    return [
        Check(N_("an order keeps the rates of the programme it was placed under"), _rates_agree()),
        Check(N_("an order was placed under a version that was approved"), _version_in_force()),
        Check(N_("a line is taxed at a rate that its programme has"), _tax_rates_agree()),
        Check(N_("a paid order is a fact of its member"), _facts_are_there()),
        Check(N_("a paid order gives what its rates make of its cash"), _gives_by_its_rates()),
        Check(N_("who has ordered has a level"), _levels_are_there()),
        Check(N_("a coupon is used by its own member"), _coupons_of_others()),
        Check(N_("what an order brought, growth or a coupon, is of its member"), _brought_to_others()),
        Check(N_("nobody has redeemed more in a month than their level allowed"), _redeemed_too_much()),
        Check(N_("a difference was accepted by a person"), _nobody_accepted()),
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


def _redeemed_too_much() -> Select:
    """Find orders with which a member had redeemed more in a month than was allowed when it was placed."""
    earlier, line = aliased(Order), OrderLine
    redeemed = (
        select(func.coalesce(func.sum(line.quantity - line.refunded), 0))
        .join(earlier, earlier.id == line.order_id)
        .where(
            earlier.member_id == Order.member_id,
            earlier.redeemed_in == Order.redeemed_in,
            earlier.id <= Order.id,
            earlier.state.in_(SOLD),
            line.form.in_(REDEEMED),
        )
        .correlate(Order)
        .scalar_subquery()
    )
    return select(Order.id, Order.member_id, Order.redeemed_in).where(
        Order.redeemed_in.is_not(None), Order.state.in_(SOLD), redeemed > Order.redemptions_allowed
    )


def _version_in_force() -> Select:
    approval = programme.ProgrammeApproval
    return (
        select(Order.id, Order.version)
        .outerjoin(approval, approval.version == Order.version)
        .where(approval.version.is_(None))
    )


def _tax_rates_agree() -> Select:
    """Find lines whose rate stands nowhere in the settings of their programme: [day, rate], as JSON is written."""
    version = programme.ProgrammeVersion
    rate = literal('%", ').concat(cast(OrderLine.tax_basis_points, String)).concat("]%")
    return (
        select(OrderLine.order_id, OrderLine.line, OrderLine.tax_basis_points)
        .join(Order, Order.id == OrderLine.order_id)
        .join(version, version.id == Order.version)
        .where(~cast(version.settings, String).like(rate))
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


def _gives_by_its_rates() -> Select:
    fact = earning.FactRow
    base = Order.goods_cents - func.coalesce(Order.plan_cents, 0)
    points = base * Order.earn_points * Order.multiplier_percent // (Order.earn_per_cents * 100)
    return (
        select(Order.id, points.label("points"))
        .join(fact, and_(fact.reference == REFERENCE, fact.kind == "order_paid"))
        .where(
            or_(
                fact.attributes["points"].as_integer() != points,
                fact.attributes["growth"].as_integer() != base // Order.growth_per_cents,
            )
        )
    )


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


def _brought_to_others() -> Select:
    growth, coupon = membership.GrowthEvent, coupons.Coupon
    found = union_all(
        select(Order.id, growth.member_id)
        .join(growth, growth.reference == REFERENCE)
        .where(growth.member_id != Order.member_id),
        select(Order.id, coupon.member_id)
        .join(coupon, coupon.reference == REFERENCE)
        .where(coupon.member_id != Order.member_id),
    ).subquery("of_others")
    return select(found.c.id, found.c.member_id)


def _nobody_accepted() -> Select:
    entry = audit.Entry
    accepted = (
        select(entry.id)
        .where(entry.subject == REFERENCE, entry.act == "order.review.accepted")
        .correlate(Order)
        .exists()
    )
    return select(Order.id, Order.accepted_difference_cents).where(Order.accepted_difference_cents != 0, ~accepted)


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
