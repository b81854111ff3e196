"""What is chosen on an item's page: variant, way to pay, points and quantity, as far as they can be had."""

from flask import request
from msgspec import Struct
from msgspec.structs import replace

from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, checkout
from mall.web.shared.numbers import stepped, whole

MOST_TYPED = 20


class NoNumber(Refusal):
    message = N_("Type a whole number.")


class Choosing(Struct, frozen=True):
    """What is chosen on the page now. Points and cents are per piece; `list_cents` before the level's discount.

    `trouble` is what is wrong with the quantity as `typed`, `points_trouble` with the points; the page counts with the
    nearest that can be had.
    `left_after` is what the purse holds afterwards, below 0 what is missing; None where the purse is not known.
    """

    variant: catalogue.ItemVariant
    choice: catalogue.Choice
    points: int
    cents: int
    list_cents: int
    quantity: int
    most: int
    typed: str
    trouble: Refusal | None
    points_typed: str
    points_trouble: Refusal | None
    left_after: int | None


def choosing(item: catalogue.Item, *, viewer: catalogue.Viewer, mine: checkout.PieceFor) -> Choosing | None:
    """Return what is chosen: what the address says, as far as it can be had; else the fewest points. None: nothing."""
    variant = item.variant(whole(sent("variant_id")))
    if variant is None or not variant.choices:
        return None
    choice = next((each for each in variant.choices if each.id == whole(sent("option_id"))), variant.cheapest)
    most = checkout.MOST_PIECES if item.product.kind != catalogue.MEMBERSHIP else 1
    most = max(1, min(most, variant.left, item.product.limit_per_member or most))
    typed = sent("quantity")
    asked_for = whole(typed or "1")
    quantity = min(max(asked_for or 1, 1), most)
    points_typed = sent("points")
    wanted = whole(points_typed or str(choice.least))
    points = choice.nearest(choice.least if wanted is None else wanted)
    points_trouble: Refusal | None = None
    if not choice.price.is_fixed and points != wanted:
        points_trouble = (
            NoNumber() if wanted is None else catalogue.BadMix(least=choice.least, most=choice.most, step=choice.step)
        )
    list_cents = choice.at(points)
    return Choosing(
        variant=variant,
        choice=choice,
        points=points,
        cents=mine.cents(list_cents, form=choice.form),
        list_cents=list_cents,
        quantity=quantity,
        most=most,
        typed="" if quantity == asked_for else typed,
        trouble=None if quantity == asked_for else checkout.BadQuantity(most=most),
        points_typed=points_typed[:MOST_TYPED] if points_trouble else "",
        points_trouble=points_trouble,
        left_after=None if viewer.ready_points is None else viewer.ready_points - points * quantity,
    )


def at_its_field(chosen: Choosing, refusal: Refusal) -> tuple[Choosing, Refusal | None]:
    """Return the choice with a refusal put at its field, and the refusal again where the page has no such field."""
    if isinstance(refusal, checkout.BadQuantity):
        return replace(chosen, trouble=chosen.trouble or refusal), None
    if isinstance(refusal, NoNumber | catalogue.BadMix) and chosen.points_trouble:
        return chosen, None
    return chosen, refusal


def wrong_boxes(chosen: Choosing) -> list[tuple[str, Refusal]]:
    """Return what is wrong with what was typed: (id of the box, why), in the order of the page."""
    points = chosen.points_trouble if chosen.choice.form == "mix" else None
    boxes = (("points", points), ("quantity", chosen.trouble))
    return [(box, trouble) for box, trouble in boxes if trouble is not None]


def sent(name: str) -> str:
    """Return what the form or the address says of a choice; a pressed stepper's button wins."""
    return (stepped(name) or request.args.get(name, "")).strip()
