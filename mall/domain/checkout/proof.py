"""What must always be true of orders: they add up, and agree with points held, stock reserved and cash taken."""

from sqlalchemy import Select, and_, case, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import cash, catalogue, coupons, ledger

from .life import AWAITING, CANCELLED, COMPLETED, OVER, PAID, PROCESSING, REFUNDED, REVIEW, SHIPPED, TIMED_OUT
from .orders import REFERENCE, Order, OrderLine, cash_cents_of
from .parcels import Parcel, ParcelLine
from .proof_of_cash import cash_checks
from .proof_of_goods import goods_checks
from .proof_of_terms import terms_checks

_CODE = catalogue.PoolCode
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
        Check(N_("the coupons used for an order are those it names, while it stands"), _coupons_agree()),
        Check(N_("a paid order gave the coupons that were bought with it, one that is over none"), _given_agree()),
        Check(N_("of every line of codes as many are issued as are kept, and none before it is paid"), _codes_agree()),
        Check(N_("a code is issued for one line that bought its item"), _codes_have_a_line()),
        Check(N_("an order is marked as disputed while a dispute of it is open"), _disputes_agree()),
        Check(N_("points are frozen for open disputes only"), _frozen_for_open_disputes()),
        *cash_checks(),
        *goods_checks(),
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
    back_of_line = (OrderLine.price_points + OrderLine.switch_points) * OrderLine.refunded // OrderLine.quantity
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
        select(OrderLine.order_id, func.sum(OrderLine.quantity - OrderLine.refunded).label("pieces"))
        .group_by(OrderLine.order_id)
        .subquery()
    )
    return (
        select(Order.id, Order.state, kept.c.pieces)
        .join(kept, kept.c.order_id == Order.id)
        .where(Order.state != REVIEW, (Order.state == REFUNDED) != (kept.c.pieces == 0))
    )


def _coupons_agree() -> Select:
    """Find orders with fewer or more coupons used for them than they name, and coupons used for no order."""
    coupon = coupons.Coupon
    uses = (
        select(coupon.used_for, func.count().label("uses"))
        .where(coupon.used_for.is_not(None))
        .group_by(coupon.used_for)
        .subquery("coupons_used")
    )
    expected = case((Order.state.in_(OVER), 0), else_=Order.coupon_count)
    of_orders = (
        select(REFERENCE.label("reference"))
        .select_from(Order)
        .outerjoin(uses, uses.c.used_for == REFERENCE)
        .where(func.coalesce(uses.c.uses, 0) != expected)
    )
    of_none = select(uses.c.used_for).outerjoin(Order, uses.c.used_for == REFERENCE).where(Order.id.is_(None))
    return select(union_all(of_orders, of_none).subquery("unmatched"))


def _given_agree() -> Select:
    """Find orders that gave other coupons than their lines say, or keep more to use than pieces that are kept."""
    coupon, pack = coupons.Coupon, coupons.GivenPack
    # What a piece gave: one coupon, or a pack of several, which is there as long as one of them is to be used.
    piece = func.coalesce(-coupon.pack_id, coupon.id)
    to_use = case((and_(coupon.state == coupons.USABLE, coupon.netted_for.is_(None)), piece))
    kind = func.coalesce(pack.template_id, coupon.template_id).label("template_id")
    given = (
        select(
            coupon.reference,
            kind,
            func.count(func.distinct(piece)).label("pieces"),
            func.count(func.distinct(to_use)).label("usable"),
        )
        .outerjoin(pack, pack.id == coupon.pack_id)
        .where(coupon.source == "points")
        .group_by(coupon.reference, kind)
        .subquery("coupons_given")
    )
    bought = (
        select(
            OrderLine.order_id,
            OrderLine.template_id,
            func.sum(OrderLine.quantity).label("pieces"),
            func.sum(OrderLine.quantity - OrderLine.refunded).label("kept"),
        )
        .where(OrderLine.template_id.is_not(None))
        .group_by(OrderLine.order_id, OrderLine.template_id)
        .subquery("coupons_bought")
    )
    expected = case((Order.paid_at.is_not(None), bought.c.pieces), else_=0)
    of_orders = (
        select(Order.id, bought.c.template_id)
        .join(bought, bought.c.order_id == Order.id)
        .outerjoin(given, and_(given.c.reference == REFERENCE, given.c.template_id == bought.c.template_id))
        .where(
            or_(
                func.coalesce(given.c.pieces, 0) != expected,
                func.coalesce(given.c.usable, 0) > bought.c.kept,
            )
        )
    )
    of_none = (
        select(Order.id, given.c.template_id)
        .select_from(given)
        .outerjoin(Order, given.c.reference == REFERENCE)
        .outerjoin(bought, and_(bought.c.order_id == Order.id, bought.c.template_id == given.c.template_id))
        .where(bought.c.order_id.is_(None))
    )
    gives = select(bought.c.order_id).where(bought.c.order_id == Order.id).exists()
    of_two_minds = select(Order.id, literal(None)).where(
        or_(and_(Order.gives_coupons, ~gives), and_(~Order.gives_coupons, gives))
    )
    return select(union_all(of_orders, of_none, of_two_minds).subquery("unmatched_gifts"))


def _codes_agree() -> Select:
    """Find lines whose issued and void codes are not what was bought of them, or that are of two minds about codes."""
    codes = (
        select(
            _CODE.reference,
            _CODE.line,
            func.sum(case((_CODE.state == catalogue.ISSUED, 1), else_=0)).label("issued"),
            func.sum(case((_CODE.state == catalogue.VOID, 1), else_=0)).label("void"),
        )
        .where(_CODE.reference.is_not(None))
        .group_by(_CODE.reference, _CODE.line)
        .subquery("codes_of_lines")
    )
    issued, void = func.coalesce(codes.c.issued, 0), func.coalesce(codes.c.void, 0)
    kept = case((Order.paid_at.is_not(None), OrderLine.quantity - OrderLine.refunded), else_=0)
    return (
        select(OrderLine.order_id, OrderLine.line)
        .join(Order, Order.id == OrderLine.order_id)
        .outerjoin(codes, (codes.c.reference == REFERENCE) & (codes.c.line == OrderLine.line))
        .where(
            or_(
                and_(OrderLine.codes, or_(issued != kept, void > OrderLine.refunded, ~Order.gives_codes)),
                and_(~OrderLine.codes, issued + void > 0),
            )
        )
    )


def _codes_have_a_line() -> Select:
    return (
        select(_CODE.id)
        .outerjoin(Order, _CODE.reference == REFERENCE)
        .outerjoin(OrderLine, (OrderLine.order_id == Order.id) & (OrderLine.line == _CODE.line))
        .where(
            _CODE.reference.is_not(None),
            or_(OrderLine.variant_id.is_(None), OrderLine.variant_id != _CODE.variant_id),
        )
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
