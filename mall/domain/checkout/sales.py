"""Sales: an order as earning sees it."""

from collections.abc import Mapping

from mall.domain import earning, people

from . import orders


def sale_of(
    order: orders.OrderRow,
    *,
    kept: Mapping[int | None, int] | None = None,
    bought: tuple[earning.Bought, ...] = (),
) -> earning.Sale:
    """Return an order as earning sees it: the cash kept for goods, and the rates and campaigns of its placing.

    `kept` is the cash kept by campaign, as kept_of() says; without it that of all that was bought. Memberships earn
    nothing: a level that is bought is not earned as well. `bought` are its lines, as bought_of() says, where stamps
    are given for them.
    """
    return earning.Sale(
        order_id=order.id,
        reference=orders.reference_of(order.id),
        number=orders.number_of(order.id),
        member_id=order.member_id,
        placed_at=order.placed_at,
        version=order.version,
        rates=earning.Rates(order.multiplier_percent, order.earn_points, order.earn_per_cents, order.growth_per_cents),
        kept_cents=order.goods_cents - (order.plan_cents or 0) if kept is None else sum(kept.values()),
        campaigns=tuple(
            earning.CampaignPart(
                id=each["id"],
                title=each["title"],
                multiplier_percent=each["multiplier_percent"],
                capped=each["cap_points"] is not None,
                kept_cents=each["cents"] if kept is None else kept.get(each["id"], 0),
            )
            for each in order.campaigns or ()
        ),
        sent_to=place_of(order),
        rank=order.level_rank,
        bought=bought,
    )


def place_of(order: orders.OrderRow) -> str:
    """Return the mark of where an order goes; empty where it goes nowhere."""
    to = order.address or {}
    return people.place_mark(to["line1"], to["postcode"], to["country"]) if to else ""
