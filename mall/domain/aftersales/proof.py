"""What must always be true of refunds: credit notes, lines, cash and facts say the same, to the cent and the point.

And of exchanges: what is set aside, what is sent once more, and that nobody has both the money and the new piece.
"""

from sqlalchemy import BigInteger, Select, String, and_, case, cast, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import cash, catalogue, checkout, coupons, earning, ledger

from .credits import CREDIT_REFERENCE, CreditLine, CreditNote
from .exchanges import RETURN_REFERENCE, is_of_return
from .proof_of_notes import notes_checks
from .returns import APPROVED, EXCHANGED, FOR_EXCHANGE, OPEN, REPLACED, TO_SEND, Return, ReturnLine

Order, Line = checkout.Order, checkout.OrderLine
# The reference of the order that a return is of.
ORDER_OF_RETURN = literal("order:").concat(cast(Return.order_id, String))


def checks() -> list[Check]:
    """Return the room's checks (LEDGER 6.10, 6.11, by line)."""
    return [
        Check(N_("what credit notes say of a line is its cumulative share of the pieces refunded"), _lines_agree()),
        Check(N_("a credit note is the sum of its lines"), _notes_add_up()),
        Check(N_("the delivery given back of an order is its cumulative share"), _delivery_agrees()),
        Check(N_("cash asked back for goods is what the credit notes say"), _cash_agrees()),
        Check(N_("points given back are what credit notes say, less what coupons used up"), _points_agree()),
        Check(N_("what was kept for a used coupon is within the piece that gave it"), _netted_agree()),
        Check(N_("the cash kept of an order is what its facts say"), _facts_agree()),
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
        *notes_checks(),
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

    points = (Line.price_points + Line.switch_points) * Line.refunded // Line.quantity
    return (
        select(Line.order_id, Line.line)
        .outerjoin(credited, (credited.c.order_id == Line.order_id) & (credited.c.line == Line.line))
        .where(
            or_(
                said("quantity") != Line.refunded,
                said("called_off") != Line.called_off,
                said("cents") != Line.cash_cents * Line.refunded // Line.quantity,
                said("points") != points,
                said("tax") != Line.tax_cents * Line.refunded // Line.quantity,
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
            # PostgreSQL adds up to a decimal, which would not be divided as whole numbers are.
            cast(func.sum(case((Line.digital, 0), else_=Line.quantity)), BigInteger).label("sent"),
            cast(func.sum(Line.shipping_back), BigInteger).label("back"),
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
        .where(coupon.netted_for.is_not(None))
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
            Line.order_id, func.sum(Line.cash_cents - Line.cash_cents * Line.refunded // Line.quantity).label("cents")
        )
        .group_by(Line.order_id)
        .subquery()
    )
    return (
        select(Order.id, facts.c.cents, kept.c.cents.label("kept"))
        .join(facts, facts.c.reference == checkout.REFERENCE)
        .join(kept, kept.c.order_id == Order.id)
        .where(facts.c.cents != kept.c.cents)
    )


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
