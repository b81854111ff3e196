"""What must always be true of refunds: credit notes, lines, cash and facts say the same, to the cent and the point."""

from sqlalchemy import Select, String, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.sql import whole_sum
from mall.base.text import N_
from mall.domain import cash, checkout, coupons, earning, ledger

from .credits import CREDIT_REFERENCE, CreditLine, CreditNote
from .proof_of_notes import notes_checks
from .proof_of_returns import returns_checks
from .proof_of_reviews import reviews_checks

Order, Line = checkout.Order, checkout.OrderLine


def checks() -> list[Check]:
    """Return the room's checks (LEDGER 6.10, 6.11, by line)."""
    return [
        Check(N_("what credit notes say of a line is its cumulative share of the pieces refunded"), _lines_agree()),
        Check(N_("a credit note is the sum of its lines"), _notes_add_up()),
        Check(N_("the delivery given back of an order is its cumulative share"), _delivery_agrees()),
        Check(N_("cash asked back for goods is what the credit notes say"), _cash_agrees()),
        Check(N_("points given back are what credit notes say, less what coupons used up"), _points_agree()),
        Check(N_("what was kept for a used coupon is within the piece that gave it"), _netted_agree()),
        Check(N_("the cash kept of an order that earns is what its facts say"), _facts_agree()),
        *returns_checks(),
        *notes_checks(),
        *reviews_checks(),
    ]


def _lines_agree() -> Select:
    credited = (
        select(
            CreditNote.order_id,
            CreditLine.line,
            func.sum(CreditLine.quantity).label("quantity"),
            func.sum(CreditLine.called_off).label("called_off"),
            func.sum(CreditLine.cash_cents).label("cents"),
            func.sum(CreditLine.points).label("points"),
            func.sum(CreditLine.tax_cents).label("tax"),
        )
        .join(CreditNote, CreditNote.id == CreditLine.credit_id)
        .group_by(CreditNote.order_id, CreditLine.line)
        .subquery()
    )

    def said(name: str):
        return func.coalesce(credited.c[name], 0)

    points = checkout.back_of(Line.price_points + Line.switch_points)
    return (
        select(Line.order_id, Line.line)
        .outerjoin(credited, (credited.c.order_id == Line.order_id) & (credited.c.line == Line.line))
        .where(
            or_(
                said("quantity") != Line.refunded,
                said("called_off") != Line.called_off,
                said("cents") != checkout.back_of(Line.cash_cents),
                said("points") != points,
                said("tax") != checkout.back_of(Line.tax_cents),
            )
        )
    )


def _notes_add_up() -> Select:
    sums = (
        select(
            CreditLine.credit_id,
            func.sum(CreditLine.cash_cents).label("cents"),
            func.sum(CreditLine.points).label("points"),
            func.sum(CreditLine.tax_cents).label("tax"),
        )
        .group_by(CreditLine.credit_id)
        .subquery()
    )
    return (
        select(CreditNote.id)
        .outerjoin(sums, sums.c.credit_id == CreditNote.id)
        .where(
            or_(
                func.coalesce(sums.c.cents, -1) != CreditNote.goods_cents,
                func.coalesce(sums.c.points, -1) != CreditNote.points,
                func.coalesce(sums.c.tax, -1) != CreditNote.tax_cents,
            )
        )
    )


def _delivery_agrees() -> Select:
    pieces = (
        select(
            Line.order_id,
            whole_sum(case((Line.digital, 0), else_=Line.quantity)).label("sent"),
            whole_sum(Line.shipping_back).label("back"),
        )
        .group_by(Line.order_id)
        .subquery()
    )
    said = (
        select(
            CreditNote.order_id,
            func.sum(CreditNote.shipping_cents).label("cents"),
            func.sum(CreditNote.shipping_tax_cents).label("tax"),
        )
        .group_by(CreditNote.order_id)
        .subquery()
    )
    of = case((pieces.c.sent > 0, pieces.c.sent), else_=1)
    return (
        select(Order.id)
        .join(pieces, pieces.c.order_id == Order.id)
        .outerjoin(said, said.c.order_id == Order.id)
        .where(
            or_(
                func.coalesce(said.c.cents, 0) != Order.shipping_cents * pieces.c.back // of,
                func.coalesce(said.c.tax, 0) != Order.shipping_tax_cents * pieces.c.back // of,
            )
        )
    )


def _cash_agrees() -> Select:
    """Find where not: the cash refunds asked with a credit note's key add up to what it says, less what was gone."""
    key = CREDIT_REFERENCE.concat(":cash:")
    asked = (
        select(func.coalesce(func.sum(cash.Refund.amount_cents), 0))
        .join(cash.Payment, cash.Payment.id == cash.Refund.payment_id)
        .where(cash.Refund.key == key.concat(cast(cash.Payment.id, String)))
        .correlate(CreditNote)
        .scalar_subquery()
    )
    said = CreditNote.goods_cents + CreditNote.shipping_cents - CreditNote.gone_cents
    return select(CreditNote.id).where(asked != said)


def _points_agree() -> Select:
    """Find credit notes of which other points went back than they say; what is kept stands with the coupons."""
    reference = literal("credit:").concat(cast(CreditNote.id, String))
    given = (
        select(func.coalesce(func.sum(ledger.Posting.points), 0))
        .where(ledger.Posting.move == reference.concat(":give_back"), ledger.Posting.kind == "give_back")
        .correlate(CreditNote)
        .scalar_subquery()
    )
    kept = (
        select(func.coalesce(func.sum(coupons.Coupon.netted_points), 0))
        .where(coupons.Coupon.netted_for == reference)
        .correlate(CreditNote)
        .scalar_subquery()
    )
    return select(CreditNote.id).where(given + kept != CreditNote.points)


def _netted_agree() -> Select:
    """Find netted coupons of another order than the one refunded, and points beyond their piece's.

    What came in a pack is of one piece, together.
    """
    coupon, pack = coupons.Coupon, coupons.GivenPack
    key = func.coalesce(pack.key, coupon.key)
    netted = (
        select(key.label("key"), coupon.reference, coupon.netted_for, func.sum(coupon.netted_points).label("points"))
        .outerjoin(pack, pack.id == coupon.pack_id)
        .where(coupon.netted_for.is_not(None), ~coupon.netted_for.startswith("fact:"))
        .group_by(key, coupon.reference, coupon.netted_for)
        .subquery("netted")
    )
    line = netted.c.key.startswith(checkout.REFERENCE.concat(":").concat(cast(Line.line, String)).concat(":"))
    piece = (Line.price_points + Line.switch_points + Line.quantity - 1) // Line.quantity
    return (
        select(netted.c.key)
        .outerjoin(CreditNote, literal("credit:").concat(cast(CreditNote.id, String)) == netted.c.netted_for)
        .outerjoin(Order, (Order.id == CreditNote.order_id) & (netted.c.reference == checkout.REFERENCE))
        .outerjoin(Line, (Line.order_id == Order.id) & line)
        .where(or_(Line.line.is_(None), netted.c.points > piece))
    )


def _facts_agree() -> Select:
    facts = (
        select(earning.FactRow.reference, func.sum(earning.FactRow.cents).label("cents"))
        .where(earning.FactRow.reference.like("order:%"))
        .group_by(earning.FactRow.reference)
        .subquery()
    )
    kept = (
        select(
            Line.order_id,
            func.sum(
                case((Line.plan_rank.is_(None), Line.cash_cents - checkout.back_of(Line.cash_cents)), else_=0)
            ).label("cents"),
        )
        .group_by(Line.order_id)
        .subquery()
    )
    return (
        select(Order.id, facts.c.cents, kept.c.cents.label("kept_cents"))
        .join(facts, facts.c.reference == checkout.REFERENCE)
        .join(kept, kept.c.order_id == Order.id)
        .where(facts.c.cents != kept.c.cents)
    )
