"""Choosing: what somebody asks to have in a basket, by what the catalogue offers them now.

The price as it stands goes into the line as what was seen, so that a later change can be pointed out.
"""

from datetime import datetime

from mall.base.errors import NotFound
from mall.base.text import N_
from mall.domain import catalogue, programme

from .baskets import BasketRow, Owner, basket_of, put_in, set_line
from .pricing import PriceGone


def choose(
    owner: Owner,
    *,
    variant_id: int,
    option_id: int,
    points: int = 0,
    quantity: int = 1,
    viewer: catalogue.Viewer,
    terms: programme.Programme,
    at: datetime,
) -> None:
    """Put pieces of a variant in a basket at the price it is offered for now, so many points a piece.

    Refuses: NoSuchProduct where it is not for this viewer, PriceGone, BadMix, BadQuantity, BasketFull.
    """
    offer = next(iter(catalogue.offers([variant_id], at=at)), None)
    if offer is None or not offer.may_be_seen_by(viewer):
        raise catalogue.NoSuchProduct()
    option = offer.option(option_id)
    if option is None:
        raise PriceGone(title=offer.title)
    points = catalogue.points_of_piece(option, points)
    put_in(
        owner,
        variant_id=variant_id,
        option_id=option_id,
        points_each=points,
        quantity=quantity,
        seen_cents=catalogue.cash_part(option, points, terms),
        seen_points=points,
        at=at,
    )


def change(
    owner: Owner,
    line_id: int,
    *,
    quantity: int | None = None,
    points: int | None = None,
    terms: programme.Programme,
    at: datetime,
) -> None:
    """Change how many pieces a line has, or how many points a piece; what is None stays. It was seen at today's price.

    Refuses: NotFound, BadQuantity, BadMix.
    """
    line = line_of(owner, line_id)
    offer = next(iter(catalogue.offers([line.variant_id], at=at)), None)
    option = offer.option(line.option_id) if offer else None
    seen_cents = seen_points = None
    if option is not None:
        seen_points = catalogue.points_of_piece(option, line.points_each if points is None else points)
        seen_cents = catalogue.cash_part(option, seen_points, terms)
    set_line(owner, line_id, quantity=quantity, points_each=points, seen_cents=seen_cents, seen_points=seen_points)


def line_of(owner: Owner, line_id: int) -> BasketRow:
    """Return a line of a basket. Raises NotFound where it is not in this one."""
    line = next((line for line in basket_of(owner).lines if line.id == line_id), None)
    if line is None:
        raise NotFound(N_("This item is not in your basket."))
    return line
