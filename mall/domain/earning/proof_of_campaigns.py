"""What must always be true of campaigns: they give no more than their cap, once an order, and count what they gave."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import approvals, ledger

from .campaigns import CampaignRow
from .drafts import DRAFT


def campaign_checks() -> list[Check]:
    """Return the checks of campaigns (LEDGER 6.14)."""
    return [
        Check(N_("a campaign with a cap has counted the points it gave"), _counters()),
        Check(N_("no campaign gave more points than its cap"), _beyond_caps()),
        Check(N_("campaign points come from a campaign that was approved"), _from_nowhere()),
        Check(N_("a campaign that may give points was approved by a person"), _nobody_approved()),
    ]


def campaign_rule(campaign_id: Any) -> ColumnElement[str]:
    """Return the rule of a campaign in SQL, to compare with what lots keep."""
    return literal("campaign:") + cast(campaign_id, String)


def _given() -> Any:
    lot = ledger.Lot
    return (
        select(func.coalesce(func.sum(lot.points), 0))
        .where(lot.rule == campaign_rule(CampaignRow.id), lot.parent_id.is_(None))
        .correlate(CampaignRow)
        .scalar_subquery()
    )


def _counters() -> Select[*tuple[Any, ...]]:
    row, given = CampaignRow, _given()
    return select(row.id, row.issued_points, given.label("given")).where(
        row.cap_points.is_not(None), row.issued_points != given
    )


def _beyond_caps() -> Select[*tuple[Any, ...]]:
    row, given = CampaignRow, _given()
    return select(row.id, row.cap_points, given.label("given")).where(given > row.cap_points)


def _from_nowhere() -> Select[*tuple[Any, ...]]:
    lot, row = ledger.Lot, CampaignRow
    return (
        select(lot.id, lot.member_id, lot.rule)
        .outerjoin(row, campaign_rule(row.id) == lot.rule)
        .where(
            lot.parent_id.is_(None),
            or_(lot.origin == "campaign", lot.rule.like("campaign:%")),
            or_(row.id.is_(None), row.state == DRAFT, lot.origin != "campaign", lot.made_at < row.starts_at),
        )
    )


def _nobody_approved() -> Select[*tuple[Any, ...]]:
    row, request = CampaignRow, approvals.Approval
    approved = (
        select(request.id)
        .where(
            request.kind == "campaign",
            request.subject == literal("campaign:") + cast(row.id, String),
            request.decision == approvals.APPROVED,
            and_(request.decided_at == row.approved_at),
        )
        .correlate(row)
        .exists()
    )
    return select(row.id, row.state).where(row.state != DRAFT, ~approved)
