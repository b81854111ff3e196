"""What must always be true of an order's goods: what it says of them is what was set aside, left and can be bought."""

from sqlalchemy import Select, and_, func, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import catalogue

from .order_lines import OrderLine
from .orders import REFERENCE, Order

_move = catalogue.StockMove


def goods_checks() -> list[Check]:
    """Return the checks of orders against stock and catalogue, item by item."""
    return [
        Check(N_("what was set aside for an order is what its lines bought, item by item"), _set_aside()),
        Check(N_("what was sent of an order is what left the shelf for it"), _sent()),
        Check(N_("goods move only for orders that are there"), _moves_for_no_order()),
        Check(N_("a line is of the item, the variant and the price it names"), _lines_of_their_items()),
        Check(
            N_("an order that needs no parcel has no line that does, and codes are of an order with codes"), _kinds()
        ),
    ]


def _set_aside() -> Select:
    of_lines = (
        select(OrderLine.order_id, OrderLine.variant_id, func.sum(OrderLine.quantity).label("pieces"))
        .group_by(OrderLine.order_id, OrderLine.variant_id)
        .subquery("bought")
    )
    kept = catalogue.Reservation
    return (
        select(Order.id, of_lines.c.variant_id, of_lines.c.pieces, kept.quantity)
        .join(of_lines, of_lines.c.order_id == Order.id)
        .outerjoin(kept, and_(kept.reference == REFERENCE, kept.variant_id == of_lines.c.variant_id))
        .where(func.coalesce(kept.quantity, 0) != of_lines.c.pieces)
    )


def _sent() -> Select:
    left = (
        select(_move.reference, _move.variant_id, func.sum(-_move.on_hand_change).label("pieces"))
        .where(_move.kind == "ship")
        .group_by(_move.reference, _move.variant_id)
        .subquery("left_the_shelf")
    )
    sent = (
        select(OrderLine.order_id, OrderLine.variant_id, func.sum(OrderLine.shipped).label("pieces"))
        .group_by(OrderLine.order_id, OrderLine.variant_id)
        .subquery("sent")
    )
    return (
        select(Order.id, sent.c.variant_id, sent.c.pieces.label("sent"), left.c.pieces.label("left_the_shelf"))
        .join(sent, sent.c.order_id == Order.id)
        .outerjoin(left, and_(left.c.reference == REFERENCE, left.c.variant_id == sent.c.variant_id))
        .where(func.coalesce(left.c.pieces, 0) != sent.c.pieces)
    )


def _moves_for_no_order() -> Select:
    lost = select(_move.reference).where(_move.reference.like("order:%")).except_(select(REFERENCE)).subquery("lost")
    return select(lost.c.reference)


def _lines_of_their_items() -> Select:
    variant, option = catalogue.Variant, catalogue.PriceOption
    return (
        select(OrderLine.order_id, OrderLine.line)
        .join(variant, variant.id == OrderLine.variant_id)
        .join(option, option.id == OrderLine.option_id)
        .where(
            or_(
                variant.product_id != OrderLine.product_id,
                option.variant_id != OrderLine.variant_id,
                option.form != OrderLine.form,
            )
        )
    )


def _kinds() -> Select:
    def some(condition):
        return select(OrderLine.line).where(OrderLine.order_id == Order.id, condition).correlate(Order).exists()

    return select(Order.id).where(
        or_(Order.digital == some(~OrderLine.digital), Order.gives_codes != some(OrderLine.codes))
    )
