"""What belongs to an order beside its lines: what it gave and brought, what went back, what can still be done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from mall.domain import aftersales, catalogue, checkout, coupons, earning, ledger, membership, programme
from mall.web.shared import layout
from mall.web.shared.level_words import length_words
from mall.web.shared.signing_in import me

from .order_words import ENDED
from .stamps import due_words, given_words


class Parts(Struct, frozen=True):
    """What is read for an order's page beside the order. `to_return`: pieces of it can be returned now; `voided` are
    the coupons it used that do not come back; `to_review` the lines that can be reviewed.
    """

    returns: Sequence[Any]
    to_return: bool
    points_back: int
    codes: Sequence[Any]
    on_the_way: int
    earned: Sequence[ledger.EarnedLot]
    plans: list[dict[str, Any]]
    stamps: list[tuple[dict[str, str], str]]
    gifts: Sequence[Any]
    voided: frozenset[int]
    to_review: Sequence[Any]
    reviews: Sequence[Any]


def parts_of(seen: checkout.OrderPage, *, at: datetime) -> Parts:
    """Read what belongs to an order, inside a reading()."""
    order = seen.order
    reference = checkout.reference_of(order.id)
    over, used = order.state in ENDED, order.coupons or ()
    kept = order.window_closed_at is not None
    returnable = aftersales.returnable(order, at=at)
    return Parts(
        returns=aftersales.returns_of(order.id),
        to_return=returnable and bool(aftersales.pieces_to_return(order.id, seen.lines)),
        points_back=aftersales.points_back_of(order.id),
        codes=catalogue.codes_of(reference) if order.gives_codes else (),
        on_the_way=ledger.on_the_way(me(), reference=reference),
        earned=ledger.lots_earned(reference, at=at) if order.campaigns and order.paid_at else (),
        plans=plans_of(seen, at=at) if order.plan_cents is not None else [],
        stamps=stamps_of_order(seen),
        gifts=coupons.given_for(reference) if order.gives_coupons and order.paid_at else (),
        voided=earning.voided_of([each["id"] for each in used]) if over and used else frozenset(),
        to_review=aftersales.reviewable(me(), order_id=order.id) if kept else (),
        reviews=aftersales.reviews_by(me(), order_id=order.id) if kept else (),
    )


def plans_of(seen: checkout.OrderPage, *, at: datetime) -> list[dict[str, Any]]:
    """Return the memberships of an order: the level of each, its days once it is paid, what it is now, and whether
    days are left that could be given back.
    """
    order, terms = seen.order, layout.terms()
    references = {
        line.line: checkout.plan_reference(order.id, line.line) for line in seen.lines if line.plan_rank is not None
    }
    periods = membership.paid_periods(list(references.values()))
    today = terms.today(at)
    plans = []
    for line in seen.lines:
        if line.plan_rank is None:
            continue
        period = periods.get(references[line.line])
        left = period.days - period.used_by(today) if period and period.how is None else 0
        plans.append(
            {
                "line": line,
                "level": level_of_line(line, order, terms),
                "length": length_words(line.plan_length, line.plan_unit),
                "period": period,
                "left": left,
                "begun": period is not None and period.begins_on <= today,
                "to_give_back": bool(left) and aftersales.refundable(order) and not line.refunded,
            }
        )
    return plans


def level_of_line(line: Any, order: Any, terms: programme.Programme) -> programme.Level:
    """Return the level that a membership gives, as the shop has it now."""
    return terms.level(max(2, membership.place_of(line.plan_rank, before=programme.version(order.version), now=terms)))


def campaigns_shown(order: Any, earned: Sequence[ledger.EarnedLot]) -> list[tuple[dict[str, Any], int | None]]:
    """Return the campaigns of an order, each with the points it has given and not taken back; None before payment."""
    given = {lot.rule: lot.points - lot.taken_back for lot in earned}
    return [
        (each, given.get(earning.rule_of(each["id"]), 0) if order.paid_at else None) for each in order.campaigns or ()
    ]


def stamps_of_order(seen: checkout.OrderPage) -> list[tuple[dict[str, str], str]]:
    """Return what an order has brought of stamps, or will when it is kept: [(title of a card, words)].

    No statement where there is no stamp card, or nothing of the order is left to be kept.
    """
    order = seen.order
    if not layout.strip().card_mark:
        return []
    if order.window_closed_at is not None:
        given = earning.given_by_order(checkout.reference_of(order.id))
        return [(each.title, given_words(each.given, went=each.went)) for each in given]
    if order.state in ENDED:
        return []
    bought = checkout.bought_of(seen.lines)
    due = earning.stamps_due(order.placed_at, rank=order.level_rank, bought=bought)
    return [(each.card.title, due_words(each.stamps)) for each in due]


def codes_by_line(codes: Sequence[Any]) -> dict[int, list[Any]]:
    """Return the codes that are the member's, line by line; what was given back is not there."""
    by_line: dict[int, list[Any]] = {}
    for code in codes:
        if code.state == catalogue.ISSUED:
            by_line.setdefault(code.line, []).append(code)
    return by_line
