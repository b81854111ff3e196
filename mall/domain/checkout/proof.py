"""What must always be true of orders: they add up, and agree with points held, stock reserved and cash taken."""

from sqlalchemy import Select, and_, case, func, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import cash, catalogue, coupons, ledger

from .life import AWAITING, CANCELLED, COMPLETED, OVER, PAID, PROCESSING, REFUNDED, REVIEW, SHIPPED, TIMED_OUT
from .order_lines import OrderLine, back_of
from .orders import REFERENCE, Order, cash_cents_of
from .parcels import Parcel, ParcelLine
from .proof_of_campaigns import campaign_checks
from .proof_of_cash import cash_checks
from .proof_of_gifts import gifts_checks
from .proof_of_goods import goods_checks
from .proof_of_plans import plans_checks
from .proof_of_stamps import stamp_checks
from .proof_of_terms import terms_checks

SETTLED = (PAID, SHIPPED, COMPLETED, REFUNDED)


def checks() -> list[Check]:
    """Return the orders' invariants (3, 6, 7, 9 and 10 of the ledger's list)."""
    return [
        Check(N_("an order's lines add up to what is due"), _lines_add_up()),
        Check(N_("a line's price is that of its pieces"), _pieces_add_up()),
        Check(
            N_("an order's points are held while it is unpaid, redeemed once it is paid, released when it is let go"),
            _points_agree(),
        ),
        Check(N_("at most one hold or one direct redeem for an order"), _one_hold()),
        Check(N_("a paid order's cash was captured"), _cash_captured()),
        Check(N_("what is reserved for an order agrees with its state"), _reservations_agree()),
        Check(N_("what an order took of a total is within what it bought, and nothing once it was let go or refunded"),
              _quotas_agree()),
        Check(N_("no more is refunded than was bought"), _refunded_quantity()),
        Check(N_("an order's parcels hold what was sent of its lines"), _parcels_agree()),
        Check(N_("an order is refunded when all of its pieces are"), _refunded_whole()),
        Check(N_("an order is marked as disputed while a dispute of it is open"), _disputes_agree()),
        Check(N_("points are frozen for open disputes only"), _frozen_for_open_disputes()),
        *campaign_checks(),
        *stamp_checks(),
        *cash_checks(),
        *goods_checks(),
        *gifts_checks(),
        *plans_checks(),
        *terms_checks(),
    ]  # fmt: skip


def _lines_add_up() -> Select:
    lines = (
        select(
            OrderLine.order_id,
            func.sum(OrderLine.price_points + OrderLine.switch_points).label("points"),
            func.sum(OrderLine.cash_cents).label("cents"),
        )
        .group_by(OrderLine.order_id)
        .subquery()
    )
    return (
        select(Order.id)
        .outerjoin(lines, lines.c.order_id == Order.id)
        .where(
            or_(
                Order.points != func.coalesce(lines.c.points, -1),
                Order.goods_cents != func.coalesce(lines.c.cents, -1),
            )
        )
    )


def _pieces_add_up() -> Select:
    return select(OrderLine.order_id, OrderLine.line).where(
        or_(
            OrderLine.unit_cents * OrderLine.quantity != OrderLine.list_cents - OrderLine.level_discount_cents,
            OrderLine.unit_points * OrderLine.quantity != OrderLine.price_points,
        )
    )


def _points_agree() -> Select:
    posting = ledger.Posting

    def sum_where(*conditions):
        return func.sum(case((and_(*conditions), posting.points), else_=0))

    flows = (
        select(
            posting.reference,
            sum_where(posting.destination == "held").label("held"),
            sum_where(posting.destination == "redemption").label("redeemed"),
            sum_where(posting.kind == "release").label("released"),
            sum_where(posting.kind == "give_back").label("given_back"),
        )
        .where(posting.reference.like("order:%"))
        .group_by(posting.reference)
        .subquery()
    )
    held, redeemed = func.coalesce(flows.c.held, 0), func.coalesce(flows.c.redeemed, 0)
    released, given_back = func.coalesce(flows.c.released, 0), func.coalesce(flows.c.given_back, 0)
    back_of_line = back_of(OrderLine.price_points + OrderLine.switch_points)
    back = select(OrderLine.order_id, func.sum(back_of_line).label("points")).group_by(OrderLine.order_id).subquery()
    # What was kept for coupons that the order gave and that were used did not go back.
    coupon = coupons.Coupon
    netted = (
        select(coupon.reference, func.sum(coupon.netted_points).label("points"))
        .where(coupon.netted_for.is_not(None))
        .group_by(coupon.reference)
        .subquery("netted")
    )
    settled = given_back + func.coalesce(netted.c.points, 0)
    wrong = case(
        (Order.state.in_((AWAITING, PROCESSING)), or_(held != Order.points, redeemed != 0, released != 0)),
        (Order.state.in_((CANCELLED, TIMED_OUT)), or_(held != Order.points, released != Order.points, redeemed != 0)),
        (Order.state == REFUNDED, or_(redeemed != Order.points, settled != Order.points)),
        (Order.state.in_(SETTLED), or_(redeemed != Order.points, settled != func.coalesce(back.c.points, 0))),
        else_=False,
    )
    return (
        select(Order.id, Order.state)
        .outerjoin(flows, flows.c.reference == REFERENCE)
        .outerjoin(back, back.c.order_id == Order.id)
        .outerjoin(netted, netted.c.reference == REFERENCE)
        .where(wrong)
    )


def _one_hold() -> Select:
    posting = ledger.Posting
    return (
        select(posting.reference)
        .where(
            posting.reference.like("order:%"),
            posting.source == "wallet",
            posting.kind.in_(("hold", "redeem")),
        )
        .group_by(posting.reference)
        .having(func.count(func.distinct(posting.move)) > 1)
    )


def _cash_captured() -> Select:
    payment = cash.Payment
    captured = (
        select(payment.reference, func.sum(payment.captured_cents).label("cents"))
        .where(payment.state == cash.PAID)
        .group_by(payment.reference)
        .subquery()
    )
    due = cash_cents_of(Order) + Order.accepted_difference_cents
    return (
        select(Order.id, Order.state)
        .outerjoin(captured, captured.c.reference == REFERENCE)
        .where(Order.state.in_(SETTLED), func.coalesce(captured.c.cents, 0) != due)
    )


def _reservations_agree() -> Select:
    reservation = catalogue.Reservation
    open_pieces = (
        select(reservation.reference, func.sum(reservation.open).label("pieces"))
        .group_by(reservation.reference)
        .subquery()
    )
    unshipped = (
        select(
            OrderLine.order_id, func.sum(OrderLine.quantity - OrderLine.shipped - OrderLine.called_off).label("pieces")
        )
        .group_by(OrderLine.order_id)
        .subquery()
    )
    expected = case((Order.state.in_((AWAITING, PROCESSING, PAID)), func.coalesce(unshipped.c.pieces, 0)), else_=0)
    return (
        select(Order.id, Order.state)
        .outerjoin(open_pieces, open_pieces.c.reference == REFERENCE)
        .outerjoin(unshipped, unshipped.c.order_id == Order.id)
        .where(Order.state != REVIEW, func.coalesce(open_pieces.c.pieces, 0) != expected)
    )


def _quotas_agree() -> Select:
    draw = catalogue.QuotaDraw
    bought = (
        select(OrderLine.order_id, OrderLine.product_id, func.sum(OrderLine.quantity).label("pieces"))
        .group_by(OrderLine.order_id, OrderLine.product_id)
        .subquery()
    )
    allowed = case((Order.state.in_(OVER), 0), else_=func.coalesce(bought.c.pieces, 0))
    return (
        select(draw.reference, draw.product_id)
        .join(Order, draw.reference == REFERENCE)
        .outerjoin(bought, and_(bought.c.order_id == Order.id, bought.c.product_id == draw.product_id))
        .where(draw.quantity > allowed)
    )


def _refunded_quantity() -> Select:
    return select(OrderLine.order_id, OrderLine.line).where(
        or_(OrderLine.refunded > OrderLine.quantity, OrderLine.refunded < 0)
    )


def _parcels_agree() -> Select:
    """Find lines of which more or less was sent than their order's parcels hold, and pieces of no line in them.

    What was sent once more is in parcels of its own.
    """
    again = case((Parcel.replacement, ParcelLine.quantity), else_=0)
    held = (
        select(
            Parcel.order_id,
            ParcelLine.line,
            func.sum(ParcelLine.quantity - again).label("pieces"),
            func.sum(again).label("again"),
        )
        .join(ParcelLine, ParcelLine.parcel_id == Parcel.id)
        .group_by(Parcel.order_id, ParcelLine.line)
        .subquery("in_parcels")
    )
    here = and_(held.c.order_id == OrderLine.order_id, held.c.line == OrderLine.line)
    sent = case((OrderLine.digital, 0), else_=OrderLine.shipped)
    of_lines = (
        select(OrderLine.order_id, OrderLine.line)
        .outerjoin(held, here)
        .where(or_(func.coalesce(held.c.pieces, 0) != sent, func.coalesce(held.c.again, 0) != OrderLine.replaced))
    )
    of_none = select(held.c.order_id, held.c.line).outerjoin(OrderLine, here).where(OrderLine.line.is_(None))
    return select(union_all(of_lines, of_none).subquery("unmatched_pieces"))


def _refunded_whole() -> Select:
    kept = (
        select(
            OrderLine.order_id,
            # Of a membership that was given back in part, something is kept.
            func.sum(OrderLine.quantity - OrderLine.refunded + case((OrderLine.used_days > 0, 1), else_=0)).label(
                "pieces"
            ),
        )
        .group_by(OrderLine.order_id)
        .subquery()
    )
    return (
        select(Order.id, Order.state, kept.c.pieces)
        .join(kept, kept.c.order_id == Order.id)
        .where(Order.state != REVIEW, (Order.state == REFUNDED) != (kept.c.pieces == 0))
    )


def _disputes_agree() -> Select:
    dispute, payment = cash.Dispute, cash.Payment
    open_one = (
        select(dispute.id)
        .join(payment, payment.id == dispute.payment_id)
        .where(dispute.state == cash.DISPUTED, payment.reference == REFERENCE)
        .exists()
    )
    never_sold = Order.state.in_((AWAITING, PROCESSING, CANCELLED, TIMED_OUT))
    return select(Order.id, Order.state).where(
        or_(
            and_(Order.disputed_at.is_not(None), ~open_one),
            and_(Order.disputed_at.is_(None), open_one, ~never_sold),
        )
    )


def _frozen_for_open_disputes() -> Select:
    posting, dispute = ledger.Posting, cash.Dispute
    frozen = func.sum(
        case((posting.destination == "held", posting.points), (posting.source == "held", -posting.points), else_=0)
    )
    still_open = select(cash.DISPUTE_REFERENCE).where(dispute.state == cash.DISPUTED)
    return (
        select(posting.reference)
        .where(cash.is_of_dispute(posting.reference), posting.reference.not_in(still_open))
        .group_by(posting.reference)
        .having(frozen != 0)
    )
