"""What must always be true of stamp cards: full ones have their stamps and one coupon each, within their limits."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import approvals, coupons

from .drafts import DRAFT
from .facts import FactRow
from .stamp_cards import StampCardRow
from .stamps import STAMPED, FullCard, Stamp


def stamp_checks() -> list[Check]:
    """Return the checks of stamp cards."""
    return [
        Check(N_("stamps are given for an order that is kept, and taken back for what it gave"), _for_nothing()),
        Check(N_("a member's stamps fill the cards that are full, but for limits and used coupons"), _filled()),
        Check(N_("no coupon of a full card can be used while stamps are owed on the card"), _usable_and_owed()),
        Check(N_("a full card has its coupon, and a coupon of a stamp card its full card"), _coupons()),
        Check(N_("stamp cards are filled within their limits, and a total counts them"), _limits()),
        Check(N_("a stamp card that gives stamps was approved by a person"), _nobody_approved()),
    ]


def reference_of_card(card_id: Any) -> ColumnElement[str]:
    """Return in SQL what the coupons of a card, audit and approvals know it by."""
    return literal(STAMPED) + cast(card_id, String)


def _for_nothing() -> Select[*tuple[Any, ...]]:
    """Find stamps of a card without the fact that their member kept the order; and orders with fewer than none."""
    fact, card = FactRow, StampCardRow
    kept = select(fact.id).where(
        fact.kind == "order_kept", fact.reference == Stamp.reference, fact.member_id == Stamp.member_id
    )
    less = (
        select(func.min(Stamp.id).label("id"))
        .group_by(Stamp.reference, Stamp.card_id, Stamp.member_id)
        .having(func.sum(Stamp.stamps) < 0)
    )
    return (
        select(Stamp.id, Stamp.member_id, Stamp.reference)
        .join(card, card.id == Stamp.card_id)
        .where(or_(~kept.correlate(Stamp).exists(), card.state == DRAFT, Stamp.id.in_(less)))
    )


def _filled() -> Select[*tuple[Any, ...]]:
    """Find members with more full cards than stamps for them, as far as no used coupon accounts for it; or fewer."""
    card, full = StampCardRow, FullCard
    stamps = (
        select(Stamp.card_id, Stamp.member_id, func.sum(Stamp.stamps).label("stamps"))
        .group_by(Stamp.card_id, Stamp.member_id)
        .subquery("stamps")
    )
    cards = (
        select(full.card_id, full.member_id, func.count().label("live"), func.count(full.owed_at).label("owed"))
        .where(full.voided_at.is_(None))
        .group_by(full.card_id, full.member_id)
        .subquery("cards")
    )
    members = select(stamps.c.card_id, stamps.c.member_id).union(select(cards.c.card_id, cards.c.member_id)).subquery()
    # Multiplied, not divided: PostgreSQL adds up to a decimal, which would not be divided as whole numbers are.
    have, needed = func.coalesce(stamps.c.stamps, 0), card.stamps_needed
    live, owed = func.coalesce(cards.c.live, 0), func.coalesce(cards.c.owed, 0)
    bounded = or_(live >= card.member_limit, card.filled >= card.total_limit)
    return (
        select(members.c.card_id, members.c.member_id, have.label("stamps"), live.label("live"))
        .join(card, card.id == members.c.card_id)
        .outerjoin(stamps, _same(stamps, members))
        .outerjoin(cards, _same(cards, members))
        .where(or_((live - owed) * needed > have, and_((live + 1) * needed <= have, ~func.coalesce(bounded, False))))
    )


def _usable_and_owed() -> Select[*tuple[Any, ...]]:
    """Find members who can use a coupon of a card that has fewer stamps than their full ones need."""
    card, full, coupon = StampCardRow, FullCard, coupons.Coupon
    stamps = (
        select(Stamp.card_id, Stamp.member_id, func.sum(Stamp.stamps).label("stamps"))
        .group_by(Stamp.card_id, Stamp.member_id)
        .subquery("stamps")
    )
    usable = func.sum(case((coupon.state == coupons.USABLE, 1), else_=0))
    cards = (
        select(full.card_id, full.member_id, func.count().label("live"), usable.label("usable"))
        .join(coupon, coupon.id == full.coupon_id)
        .where(full.voided_at.is_(None))
        .group_by(full.card_id, full.member_id)
        .subquery("cards")
    )
    return (
        select(cards.c.card_id, cards.c.member_id, cards.c.live, cards.c.usable)
        .join(card, card.id == cards.c.card_id)
        .outerjoin(stamps, _same(stamps, cards))
        .where(cards.c.usable > 0, cards.c.live * card.stamps_needed > func.coalesce(stamps.c.stamps, 0))
    )


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    return and_(one.c.card_id == other.c.card_id, one.c.member_id == other.c.member_id)


def _coupons() -> Select[*tuple[Any, ...]]:
    """Find full cards whose coupon is another's, of another kind, or not void with them; and coupons of no card."""
    card, full, coupon = StampCardRow, FullCard, coupons.Coupon
    wrong = (
        select(full.member_id, coupon.reference)
        .join(card, card.id == full.card_id)
        .outerjoin(coupon, coupon.id == full.coupon_id)
        .where(
            or_(
                coupon.id.is_(None),
                coupon.member_id != full.member_id,
                coupon.template_id != card.template_id,
                coupon.reference != reference_of_card(card.id),
                and_(full.voided_at.is_not(None), coupon.state != coupons.REVOKED),
            )
        )
    )
    has_card = select(full.id).where(full.coupon_id == coupon.id).correlate(coupon).exists()
    loose = select(coupon.member_id, coupon.reference).where(coupon.reference.startswith(STAMPED), ~has_card)
    both = wrong.union_all(loose).subquery("astray")
    return select(both.c.member_id, both.c.reference)


def _limits() -> Select[*tuple[Any, ...]]:
    card, full = StampCardRow, FullCard
    filled = select(func.count()).where(full.card_id == card.id).correlate(card).scalar_subquery()
    beyond = (
        select(full.member_id)
        .where(full.card_id == card.id, full.voided_at.is_(None))
        .group_by(full.member_id)
        .having(func.count() > card.member_limit)
        .correlate(card)
        .exists()
    )
    counted = and_(card.total_limit.is_not(None), or_(card.filled != filled, filled > card.total_limit))
    return select(card.id, card.filled, filled.label("full")).where(or_(counted, beyond))


def _nobody_approved() -> Select[*tuple[Any, ...]]:
    row, request = StampCardRow, approvals.Approval
    approved = (
        select(request.id)
        .where(
            request.kind == "stamp_card",
            request.subject == reference_of_card(row.id),
            request.decision == approvals.APPROVED,
            request.decided_at == row.approved_at,
        )
        .correlate(row)
        .exists()
    )
    return select(row.id, row.state).where(row.state != DRAFT, ~approved)
