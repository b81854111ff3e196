"""What must always be true of what credit notes did elsewhere: to points, to growth, and on the shelf."""

from sqlalchemy import Select, String, cast, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import catalogue, checkout, earning, ledger, membership

from .credits import CREDIT_REFERENCE, CreditLine, CreditNote
from .exchanges import RETURN_REFERENCE
from .returns import Return, ReturnLine

Order, Line = checkout.Order, checkout.OrderLine
# What the key of debt that was forgiven ends with; what brought it about comes before.
FORGIVEN = ":forgiven"


def notes_checks() -> list[Check]:
    """Return the checks of credit notes against the ledger, growth and stock."""
    return [
        Check(N_("points and growth taken back are what credit notes say"), _taken_agree()),
        Check(N_("what of an order went back on the shelf is what credit notes and returns say"), _shelved_agree()),
        Check(N_("no points are forgiven but where something went back"), _forgiven_by_nothing()),
    ]


def _taken_agree() -> Select:
    posting, event = ledger.Posting, membership.GrowthEvent
    points = (
        select(func.coalesce(func.sum(posting.points), 0))
        .where(posting.move == CREDIT_REFERENCE.concat(":points"), posting.kind == "clawback")
        .correlate(CreditNote)
        .scalar_subquery()
    )
    growth = (
        select(func.coalesce(func.sum(-event.points), 0))
        .where(event.key == CREDIT_REFERENCE.concat(":growth"))
        .correlate(CreditNote)
        .scalar_subquery()
    )
    return select(CreditNote.id).where(or_(points != CreditNote.earned_points, growth != CreditNote.growth))


def _shelved_agree() -> Select:
    """Find goods of orders that went back on the shelf, or did not, otherwise than is said of their lines.

    Of what came by a return the return says it, since its goods may have come later; of any other refund the credit
    note. Goods of an exchange move under its own reference.
    """
    of_return = select(Return.credit_id).where(Return.credit_id.is_not(None))
    by_credit = (
        select(CreditNote.order_id, CreditLine.line, CreditLine.restocked)
        .join(CreditLine, CreditLine.credit_id == CreditNote.id)
        .where(CreditNote.id.not_in(of_return))
    )
    by_return = select(Return.order_id, ReturnLine.line, ReturnLine.restocked).join(
        ReturnLine, ReturnLine.return_id == Return.id
    )
    said = union_all(by_credit, by_return).subquery("said")
    of_variant = (
        select(Line.order_id, Line.variant_id, func.sum(said.c.restocked).label("pieces"))
        .join(said, (said.c.order_id == Line.order_id) & (said.c.line == Line.line))
        .group_by(Line.order_id, Line.variant_id)
        .subquery("said_of_variants")
    )
    moved = catalogue.StockMove
    order = func.coalesce(literal("order:").concat(cast(Return.order_id, String)), moved.reference)
    of_orders = (
        select(order.label("reference"), moved.variant_id, moved.on_hand_change)
        .outerjoin(Return, moved.reference == RETURN_REFERENCE)
        .where(moved.kind == "return")
        .subquery("of_orders")
    )
    back = (
        select(of_orders.c.reference, of_orders.c.variant_id, func.sum(of_orders.c.on_hand_change).label("pieces"))
        .group_by(of_orders.c.reference, of_orders.c.variant_id)
        .subquery("back")
    )
    lines = select(Line.order_id, Line.variant_id).distinct().subquery("lines")
    return (
        select(Order.id, lines.c.variant_id, of_variant.c.pieces.label("said"), back.c.pieces.label("pieces_back"))
        .join(lines, lines.c.order_id == Order.id)
        .outerjoin(of_variant, (of_variant.c.order_id == Order.id) & (of_variant.c.variant_id == lines.c.variant_id))
        .outerjoin(back, (back.c.reference == checkout.REFERENCE) & (back.c.variant_id == lines.c.variant_id))
        .where(func.coalesce(of_variant.c.pieces, 0) != func.coalesce(back.c.pieces, 0))
    )


def _forgiven_by_nothing() -> Select:
    """Find debt that was forgiven without a credit note, a refund at a partner's or something that was undone."""
    posting, fact = ledger.Posting, earning.FactRow
    by_credit = select(CREDIT_REFERENCE.concat(FORGIVEN))
    key = func.substr(posting.move, 1, func.length(posting.move) - len(FORGIVEN))
    by_fact = (
        select(fact.id)
        .where(fact.key == key, fact.member_id == posting.member_id, fact.kind.in_(earning.WENT_BACK))
        .correlate(posting)
        .exists()
    )
    return select(posting.id, posting.move).where(
        posting.kind == "adjust",
        posting.actor == "system",
        posting.move.not_in(by_credit),
        or_(~posting.move.endswith(FORGIVEN), ~by_fact),
    )
