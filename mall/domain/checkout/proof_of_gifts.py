"""What must always be true of an order's coupons and codes: those it used, those it gave, those that were issued."""

from sqlalchemy import Select, String, and_, case, cast, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import catalogue, coupons

from .life import OVER
from .order_lines import OrderLine
from .orders import REFERENCE, Order

_CODE = catalogue.PoolCode


def gifts_checks() -> list[Check]:
    """Return the checks of orders against coupons and the pool of codes."""
    return [
        Check(N_("the coupons used for an order are those it names, while it stands"), _coupons_agree()),
        Check(N_("a paid order gave the coupons that were bought with it, one that is over none"), _given_agree()),
        Check(N_("of every line of codes as many are issued as are kept, and none before it is paid"), _codes_agree()),
        Check(N_("a code is issued for one line that bought its item"), _codes_have_a_line()),
        Check(N_("a code was issued when its piece left the shelf, and shown to whose order it is"), _other_codes()),
    ]  # fmt: skip


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


def _other_codes() -> Select:
    """Find codes that took the place of those that were issued: at another time, or seen by another member."""
    move, shown = catalogue.StockMove, catalogue.CodeShown
    left_then = (
        select(move.id)
        .where(
            move.reference == _CODE.reference,
            move.variant_id == _CODE.variant_id,
            move.kind == "ship",
            move.at == _CODE.issued_at,
        )
        .correlate(_CODE)
        .exists()
    )
    seen_by_another = (
        select(shown.id)
        .where(
            shown.code_id == _CODE.id,
            or_(shown.by != literal("member:").concat(cast(Order.member_id, String)), shown.at < _CODE.issued_at),
        )
        .correlate(_CODE, Order)
        .exists()
    )
    return (
        select(_CODE.id, _CODE.reference)
        .join(Order, _CODE.reference == REFERENCE)
        .where(or_(~left_then, seen_by_another))
    )
