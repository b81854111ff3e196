"""What must always be true of returns and exchanges: each is of its order, nothing ended before it, and nobody has
both the money and the new piece: what is set aside, what is sent once more and what is refunded say the same.
"""

from sqlalchemy import Select, String, and_, cast, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import catalogue, checkout

from .credits import CreditLine, CreditNote
from .exchanges import RETURN_REFERENCE, is_of_return
from .returns import APPROVED, EXCHANGED, FOR_EXCHANGE, OPEN, REPLACED, TO_SEND, Return, ReturnLine

Order, Line = checkout.Order, checkout.OrderLine

# The reference of the order that a return is of.
ORDER_OF_RETURN = literal("order:").concat(cast(Return.order_id, String))


def returns_checks() -> list[Check]:
    """Return the checks of returns and exchanges against orders, credit notes, stock and parcels."""
    return [
        Check(N_("a return that was refunded has a credit note for the same pieces"), _returns_agree()),
        Check(
            N_("no return window was closed, and no order refunded whole, while a return was open"),
            _closed_too_early(),
        ),
        Check(N_("a return is of its order's member"), _returns_of_others()),
        Check(N_("what is set aside for exchanges are the new pieces of those that are under way"), _set_aside()),
        Check(N_("what was sent once more of a line are the pieces of its exchanges"), _replaced_agree()),
        Check(N_("a replacement's parcel holds what its exchange is about"), _parcels_agree()),
        Check(
            N_("what counts as being exchanged is in an open exchange, and not refunded as well"), _exchanging_agree()
        ),
        Check(N_("no more of an order comes back to the shelf than left it"), _out_and_back()),
        Check(N_("open returns are about pieces that were sent and not refunded, none of them twice"), _are_there()),
    ]


def _returns_agree() -> Select:
    """Find pieces of refunded returns that their credit note does not have; the note has no others."""
    return (
        select(Return.id, ReturnLine.line)
        .join(ReturnLine, ReturnLine.return_id == Return.id)
        .outerjoin(CreditLine, (CreditLine.credit_id == Return.credit_id) & (CreditLine.line == ReturnLine.line))
        .outerjoin(CreditNote, CreditNote.id == Return.credit_id)
        .where(
            Return.credit_id.is_not(None),
            or_(
                func.coalesce(CreditLine.quantity, 0) != ReturnLine.quantity,
                CreditLine.restocked.not_in((0, ReturnLine.restocked)),
                CreditNote.order_id != Return.order_id,
            ),
        )
    )


def _closed_too_early() -> Select:
    return (
        select(Return.id, Return.state)
        .join(Order, Order.id == Return.order_id)
        .where(Return.state.in_(OPEN), or_(Order.window_closed_at.is_not(None), Order.state == checkout.REFUNDED))
    )


def _returns_of_others() -> Select:
    return (
        select(Return.id, Return.member_id, Order.member_id.label("member_of_the_order"))
        .join(Order, Order.id == Return.order_id)
        .where(Return.member_id != Order.member_id)
    )


def _set_aside() -> Select:
    """Find exchanges under way with more or less reserved than they are about, and reservations of no such exchange.

    Approved, or on their way without the goods: from then until the new ones are sent, they are set aside.
    """
    reservation = catalogue.Reservation
    held = (
        select(reservation.reference, reservation.variant_id, reservation.open)
        .where(is_of_return(reservation.reference), reservation.open > 0)
        .subquery("held_for_exchanges")
    )
    under_way = (
        select(RETURN_REFERENCE.label("reference"), Line.variant_id, func.sum(ReturnLine.quantity).label("pieces"))
        .select_from(Return)
        .join(ReturnLine, ReturnLine.return_id == Return.id)
        .join(Line, and_(Line.order_id == Return.order_id, Line.line == ReturnLine.line))
        .where(Return.wish == FOR_EXCHANGE, Return.state.in_((APPROVED, *TO_SEND)))
        .group_by(Return.id, Line.variant_id)
        .subquery("exchanges_under_way")
    )
    same = and_(held.c.reference == under_way.c.reference, held.c.variant_id == under_way.c.variant_id)
    short = (
        select(under_way.c.reference).outerjoin(held, same).where(func.coalesce(held.c.open, 0) != under_way.c.pieces)
    )
    of_none = select(held.c.reference).outerjoin(under_way, same).where(under_way.c.reference.is_(None))
    return select(union_all(short, of_none).subquery("set_aside_otherwise"))


def _replaced_agree() -> Select:
    sent = (
        select(Return.order_id, ReturnLine.line, func.sum(ReturnLine.quantity).label("pieces"))
        .join(ReturnLine, ReturnLine.return_id == Return.id)
        .where(Return.state.in_((EXCHANGED, REPLACED)))
        .group_by(Return.order_id, ReturnLine.line)
        .subquery("sent_once_more")
    )
    return (
        select(Line.order_id, Line.line)
        .outerjoin(sent, and_(sent.c.order_id == Line.order_id, sent.c.line == Line.line))
        .where(func.coalesce(sent.c.pieces, 0) != Line.replaced)
    )


def _parcels_agree() -> Select:
    """Find exchanges whose parcel holds something else, or is another order's, and replacements of no exchange."""
    parcel, inside = checkout.Parcel, checkout.ParcelLine
    about = (
        select(Return.parcel_id, Return.order_id, ReturnLine.line, ReturnLine.quantity)
        .join(ReturnLine, ReturnLine.return_id == Return.id)
        .where(Return.parcel_id.is_not(None))
        .subquery("sent_in_exchange")
    )
    here = and_(inside.parcel_id == about.c.parcel_id, inside.line == about.c.line)
    not_inside = (
        select(about.c.parcel_id)
        .outerjoin(inside, here)
        .outerjoin(parcel, parcel.id == about.c.parcel_id)
        .where(
            or_(
                func.coalesce(inside.quantity, 0) != about.c.quantity,
                parcel.order_id != about.c.order_id,
                ~parcel.replacement,
            )
        )
    )
    of_none = (
        select(parcel.id)
        .join(inside, inside.parcel_id == parcel.id)
        .outerjoin(about, here)
        .where(parcel.replacement, about.c.parcel_id.is_(None))
    )
    return select(union_all(not_inside, of_none).subquery("parcels_of_others"))


def _exchanging_agree() -> Select:
    under_way = (
        select(Return.order_id, ReturnLine.line, func.sum(ReturnLine.quantity).label("pieces"))
        .join(ReturnLine, ReturnLine.return_id == Return.id)
        .where(Return.wish == FOR_EXCHANGE, Return.state.in_(OPEN))
        .group_by(Return.order_id, ReturnLine.line)
        .subquery("being_exchanged")
    )
    return (
        select(Line.order_id, Line.line)
        .outerjoin(under_way, and_(under_way.c.order_id == Line.order_id, under_way.c.line == Line.line))
        .where(
            or_(
                func.coalesce(under_way.c.pieces, 0) != Line.exchanging,
                Line.exchanging > Line.shipped + Line.called_off - Line.refunded,
            )
        )
    )


def _out_and_back() -> Select:
    """Find orders of which more came back to the shelf than left it, what was sent once more counted with them."""
    move = catalogue.StockMove
    moved = (
        select(
            func.coalesce(ORDER_OF_RETURN, move.reference).label("reference"),
            move.variant_id,
            move.on_hand_change,
        )
        .outerjoin(Return, move.reference == RETURN_REFERENCE)
        .where(move.kind.in_(("ship", "return")))
        .subquery("out_and_back")
    )
    return (
        select(moved.c.reference, moved.c.variant_id)
        .group_by(moved.c.reference, moved.c.variant_id)
        .having(func.sum(moved.c.on_hand_change) > 0)
    )


def _are_there() -> Select:
    """Find lines of which open returns are about more pieces than are left, and returns about lines there are not."""
    spoken_for = (
        select(Return.order_id, ReturnLine.line, func.sum(ReturnLine.quantity).label("pieces"))
        .join(ReturnLine, ReturnLine.return_id == Return.id)
        .where(Return.state.in_(OPEN))
        .group_by(Return.order_id, ReturnLine.line)
        .subquery("spoken_for")
    )
    return (
        select(spoken_for.c.order_id, spoken_for.c.line, spoken_for.c.pieces)
        .outerjoin(Line, and_(Line.order_id == spoken_for.c.order_id, Line.line == spoken_for.c.line))
        .where(or_(Line.line.is_(None), spoken_for.c.pieces > Line.shipped + Line.called_off - Line.refunded))
    )
