"""What of an order stamp cards count, and the stamps that a quote will bring. Nothing here gives any."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from mall.domain import earning

from .order_lines import LineRow
from .quote import Quote, QuoteLine


def bought_of(lines: Sequence[LineRow], *, back: Mapping[int, int] | None = None) -> tuple[earning.Bought, ...]:
    """Return the lines of an order as stamp cards see them, once so many more pieces are refunded, {line: n}.

    A piece that a gift coupon took off was not paid for; memberships give no stamp, as they earn nothing.
    """
    return tuple(
        _bought(
            line,
            number=line.line,
            product_id=line.product_id,
            quantity=line.quantity,
            refunded=line.refunded + (back or {}).get(line.line, 0),
        )
        for line in lines
        if line.plan_rank is None
    )


def will_stamp(
    quote: Quote,
    cards: Iterable[earning.OpenCard],
    *,
    standings: Mapping[int, earning.Standing],
    rank: int,
    at: datetime,
) -> list[earning.Filling]:
    """Return the stamps that an order of a quote, placed now, will bring once it is kept. Pure."""
    bought = [
        _bought(line, number=number, product_id=line.wanted.product_id, quantity=line.wanted.quantity)
        for number, line in enumerate(quote.lines, 1)
        if line.wanted.plan is None
    ]
    categories = {line.wanted.product_id: line.wanted.categories for line in quote.lines}
    return earning.stamps_to_come(cards, bought, categories, standings=standings, rank=rank, at=at)


def _bought(
    line: LineRow | QuoteLine,
    *,
    number: int,
    product_id: int,
    quantity: int,
    refunded: int = 0,
) -> earning.Bought:
    paid = quantity - line.gift_pieces if line.cash_cents else 0
    return earning.Bought(
        line=number,
        product_id=product_id,
        paid=paid,
        cents_each=line.cash_cents // paid if paid else 0,
        kept=quantity - refunded,
        kept_cents=line.cash_cents - line.cash_cents * refunded // quantity,
    )
