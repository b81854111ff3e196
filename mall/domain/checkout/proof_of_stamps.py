"""What must always be true of stamps against orders: each kept purchase less what was returned, and none left out."""

from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import earning

from .order_lines import OrderLine
from .orders import REFERENCE, Order


def stamp_checks() -> list[Check]:
    """Return the checks of orders against the stamps they gave."""
    return [
        Check(N_("an order has the stamps that its kept purchases give, less what was returned"), _stamps()),
        Check(N_("an order that gave stamps was placed while the card ran, for its level and its goods"), _outside()),
        Check(N_("a purchase that is kept while a stamp card runs has given its stamp"), _forgotten()),
    ]


def _cents() -> Any:
    """Return the cash of a line that is kept, in SQL."""
    return OrderLine.cash_cents - OrderLine.cash_cents * OrderLine.refunded // OrderLine.quantity


def _stamps() -> Select:
    """Find orders whose stamps on a card are not what their lines give that counted for it."""
    stamp, counts, card, line = earning.Stamp, earning.StampLine, earning.StampCardRow, OrderLine
    kept = line.quantity - line.refunded
    pieces = case((counts.paid < kept, counts.paid), else_=kept)
    of_lines = (
        select(
            stamp.card_id,
            stamp.reference,
            func.sum(case((line.cash_cents // counts.paid >= card.least_cents, pieces), else_=0)).label("pieces"),
            func.sum(_cents()).label("cents"),
        )
        .join(counts, counts.stamp_id == stamp.id)
        .join(card, card.id == stamp.card_id)
        .join(Order, stamp.reference == REFERENCE)
        .join(line, and_(line.order_id == Order.id, line.line == counts.line))
        .group_by(stamp.card_id, stamp.reference)
        .subquery("of_lines")
    )
    given = (
        select(stamp.card_id, stamp.reference, func.sum(stamp.stamps).label("stamps"))
        .group_by(stamp.card_id, stamp.reference)
        .subquery("given")
    )
    paid = and_(of_lines.c.cents > 0, of_lines.c.cents >= card.least_cents)
    due = case((card.counts == "piece", of_lines.c.pieces), (paid, 1), else_=0)
    return (
        select(given.c.card_id, given.c.reference, given.c.stamps, due.label("due"))
        .join(card, card.id == given.c.card_id)
        .outerjoin(of_lines, and_(of_lines.c.card_id == given.c.card_id, of_lines.c.reference == given.c.reference))
        .where(or_(of_lines.c.card_id.is_(None), given.c.stamps != due))
    )


def _outside() -> Select:
    stamp, counts, card, scope = earning.Stamp, earning.StampLine, earning.StampCardRow, earning.StampScope
    named = (
        select(scope.id)
        .where(scope.card_id == card.id, scope.product_id == OrderLine.product_id)
        .correlate(card, OrderLine)
        .exists()
    )
    return (
        select(stamp.reference, counts.line, card.id)
        .join(counts, counts.stamp_id == stamp.id)
        .join(card, card.id == stamp.card_id)
        .join(Order, stamp.reference == REFERENCE)
        .join(OrderLine, and_(OrderLine.order_id == Order.id, OrderLine.line == counts.line))
        .where(
            or_(
                Order.window_closed_at.is_(None),
                Order.member_id != stamp.member_id,
                Order.placed_at < card.starts_at,
                Order.placed_at >= earning.ends_of(),
                Order.level_rank < card.min_rank,
                # What stood in a category then may have left it since; a named item stays named.
                (card.scope == "product") & ~named,
            )
        )
    )


def _forgotten() -> Select:
    """Find lines that would give a stamp by themselves, of orders without any: of all goods, or of named ones."""
    stamp, card, scope, line = earning.Stamp, earning.StampCardRow, earning.StampScope, OrderLine
    named = (
        select(scope.id)
        .where(scope.card_id == card.id, scope.product_id == line.product_id)
        .correlate(card, line)
        .exists()
    )
    has = (
        select(stamp.id).where(stamp.card_id == card.id, stamp.reference == REFERENCE).correlate(card, Order).exists()
    )
    return (
        select(Order.id, line.line, card.id)
        .join(line, line.order_id == Order.id)
        .join(card, and_(card.starts_at <= Order.placed_at, earning.ends_of() > Order.placed_at))
        .where(
            card.state != "draft",
            Order.window_closed_at.is_not(None),
            Order.level_rank >= card.min_rank,
            _cents() > 0,
            case((card.counts == "piece", line.cash_cents // line.quantity), else_=_cents()) >= card.least_cents,
            # A piece that a coupon took off gives none.
            line.coupon_cents == 0,
            line.plan_rank.is_(None),
            or_(card.scope == "all", (card.scope == "product") & named),
            ~has,
        )
    )
