"""What must always be true of orders in campaigns: placed while it ran, they earn by it for what is kept of them."""

from sqlalchemy import Select, String, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.sql import seconds_later, whole_sum
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import audit, catalogue, earning, ledger

from .order_lines import OrderLine
from .orders import REFERENCE, Order

# No transaction lives longer: an order that was being placed when a campaign was ended had read that it runs.
PLACING_SECONDS = 60


def campaign_checks() -> list[Check]:
    """Return the checks of orders against campaigns and the lots these gave."""
    return [
        Check(N_("an order is in a campaign that ran when it was placed, for its level and its goods"), _outside()),
        Check(N_("campaign points belong to an order of the campaign"), _of_no_order()),
        Check(N_("an order has by a campaign what it gives for what is kept, or more by what expired"), _points()),
    ]


def _outside() -> Select:
    campaign, scope = earning.CampaignRow, earning.CampaignScope
    named = (
        select(scope.id)
        .where(scope.campaign_id == campaign.id, scope.product_id == OrderLine.product_id)
        .correlate(campaign, OrderLine)
        .exists()
    )
    place, entry = catalogue.ProductCategory, audit.Entry
    in_category = (
        select(scope.id)
        .join(place, place.category_id == scope.category_id)
        .where(scope.campaign_id == campaign.id, place.product_id == OrderLine.product_id)
        .correlate(campaign, OrderLine)
        .exists()
    )
    moved_since = (
        select(entry.id)
        .where(
            entry.subject == literal("product:").concat(cast(OrderLine.product_id, String)),
            entry.act == "product.changed",
            entry.at >= Order.placed_at,
            cast(entry.before["categories"], String) != cast(entry.after["categories"], String),
        )
        .correlate(Order, OrderLine)
        .exists()
    )
    return (
        select(OrderLine.order_id, OrderLine.line, campaign.id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(campaign, campaign.id == OrderLine.campaign_id)
        .where(
            or_(
                campaign.approved_at.is_(None),
                Order.placed_at < campaign.starts_at,
                Order.placed_at >= campaign.ends_at,
                Order.placed_at >= seconds_later(campaign.ended_at, literal(PLACING_SECONDS)),
                Order.level_rank < campaign.min_rank,
                (campaign.scope == "product") & ~named,
                # What stood in a category then may have left it since, but not without a word in the audit.
                (campaign.scope == "category") & ~in_category & ~moved_since,
                # A membership earns nothing, and neither does what is had for points alone.
                OrderLine.plan_rank.is_not(None),
                OrderLine.cash_cents == 0,
            )
        )
    )


def _of_no_order() -> Select:
    lot = ledger.Lot
    mine = (
        select(Order.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(
            lot.reference == REFERENCE,
            Order.member_id == lot.member_id,
            Order.paid_at.is_not(None),
            lot.rule == earning.campaign_rule(OrderLine.campaign_id),
        )
        .correlate(lot)
        .exists()
    )
    return select(lot.id, lot.reference, lot.rule).where(lot.origin == "campaign", ~mine)


def _points() -> Select:
    """Find where not: 0 <= earned - taken back - what the campaign gives <= expired of the lot and its child."""
    lot, posting, campaign, of_family = ledger.Lot, ledger.Posting, earning.CampaignRow, aliased(ledger.Lot)
    back = aliased(posting)
    line = OrderLine
    kept = (
        select(
            line.order_id,
            line.campaign_id,
            whole_sum(line.cash_cents - line.cash_cents * line.refunded // line.quantity).label("cents"),
        )
        .where(line.campaign_id.is_not(None))
        .group_by(line.order_id, line.campaign_id)
        .subquery("kept")
    )
    rate = Order.earn_points * (campaign.multiplier_percent - 100)
    formula = kept.c.cents * rate // (Order.earn_per_cents * literal(100))
    gives = case((formula < lot.points, formula), else_=lot.points)
    taken_back = (
        select(func.coalesce(func.sum(back.points), 0))
        .join(posting, posting.id == back.reverses)
        .where(posting.lot_id == lot.id, posting.kind == "earn", back.kind == "clawback")
        .correlate(lot)
        .scalar_subquery()
    )
    expired = (
        select(func.coalesce(func.sum(posting.points), 0))
        .join(of_family, of_family.id == posting.lot_id)
        .where(or_(of_family.id == lot.id, of_family.parent_id == lot.id), posting.kind == "expire")
        .correlate(lot)
        .scalar_subquery()
    )
    over = lot.points - taken_back - gives
    return (
        select(lot.id, lot.reference, lot.rule, over.label("over"))
        .join(Order, lot.reference == REFERENCE)
        .join(kept, kept.c.order_id == Order.id)
        .join(campaign, campaign.id == kept.c.campaign_id)
        .where(
            lot.origin == "campaign",
            lot.rule == earning.campaign_rule(campaign.id),
            or_(over < 0, over > expired),
        )
    )
