"""What must always be true of campaigns and stamp cards: they run with the figures that were asked for and approved.

The audit keeps what was asked, whole when it was made, and what differs with every change. Once approved nothing of it
may change: a later edit would have made it a draft again.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)

from mall.base.proof import Check
from mall.base.sql import each_in, has_named, instant_in, named_in
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import audit

from .campaigns import CampaignRow, CampaignScope
from .drafts import ENDED
from .stamp_cards import StampCardRow, StampScope

Entry = audit.Entry
CAMPAIGN, STAMP_CARD = "campaign", "stamp_card"
WHOLE = {
    CAMPAIGN: ("multiplier_percent", "cap_points", "min_rank"),
    STAMP_CARD: ("stamps_needed", "least_cents", "template_id", "member_limit", "total_limit", "min_rank"),
}
WORDS: dict[str, tuple[str, ...]] = {CAMPAIGN: ("scope",), STAMP_CARD: ("scope", "counts")}


def approved_checks() -> list[Check]:
    """Return the checks of what runs against what was asked for."""
    return [
        Check(N_("a campaign has the figures, the window and the goods that were asked for"), _campaigns()),
        Check(N_("a stamp card has the figures, the window and the goods that were asked for"), _stamp_cards()),
        Check(N_("a campaign or a stamp card was ended early when the audit says so"), _ended_otherwise()),
    ]


def _campaigns() -> Select[*tuple[Any, ...]]:
    row, asked = CampaignRow, _asked_for(CampaignRow, CAMPAIGN)
    return (
        select(row.id, row.multiplier_percent, row.cap_points, row.ends_at)
        .join(asked, asked.c.id == row.id)
        .where(
            or_(
                _differs(row, asked, CAMPAIGN),
                _of_other_goods(row, CampaignScope, CampaignScope.campaign_id, CAMPAIGN),
            )
        )
    )


def _stamp_cards() -> Select[*tuple[Any, ...]]:
    row, asked = StampCardRow, _asked_for(StampCardRow, STAMP_CARD)
    return (
        select(row.id, row.stamps_needed, row.least_cents, row.ends_at)
        .join(asked, asked.c.id == row.id)
        .where(
            or_(
                _differs(row, asked, STAMP_CARD),
                _of_other_goods(row, StampScope, StampScope.card_id, STAMP_CARD),
            )
        )
    )


def _differs(row: Any, asked: Subquery, kind: str) -> ColumnElement[bool]:
    """Tell whether the figures of a row are other than what was asked for last."""
    # Approved late, it begins when it was approved.
    begins = case((asked.c.starts_at < row.approved_at, row.approved_at), else_=asked.c.starts_at)
    return or_(
        *(getattr(row, name).is_distinct_from(asked.c[name]) for name in (*WHOLE[kind], *WORDS[kind], "ends_at")),
        row.starts_at.is_distinct_from(begins),
    )


def _asked_for(row: Any, kind: str) -> Subquery:
    """Return what was asked for last of each row, NULL where that is nothing."""
    return select(
        row.id,
        *(_asked(row, kind, name, _whole).label(name) for name in WHOLE[kind]),
        *(_asked(row, kind, name, _as_told).label(name) for name in WORDS[kind]),
        *(_asked(row, kind, name, instant_in).label(name) for name in ("starts_at", "ends_at")),
    ).subquery("asked")


def _as_told(told: Any) -> Any:
    return told


def _whole(told: Any) -> ColumnElement[int]:
    return cast(told, Integer)


def _asked(row: Any, kind: str, name: str, read: Callable[[Any], Any]) -> Any:
    # No bound value: SQLAlchemy leaves them in a CAST for SQLite, also where it was told to write them out.
    told = named_in(Entry.after, literal_column(f"'{name}'"))
    return (
        select(read(told))
        .where(*_asking(row, kind, name))
        .order_by(Entry.id.desc())
        .limit(1)
        .correlate(row)
        .scalar_subquery()
    )


def _asking(row: Any, kind: str, name: str) -> tuple[ColumnElement[bool], ...]:
    acts = (f"{kind}.made", f"{kind}.changed")
    return Entry.subject == _subject(row, kind), Entry.act.in_(acts), has_named(Entry.after, literal(name))


def _subject(row: Any, kind: str) -> ColumnElement[str]:
    return literal(f"{kind}:") + cast(row.id, String)


def _of_other_goods(row: Any, scope: Any, owner: Any, kind: str) -> ColumnElement[bool]:
    """Tell whether a row is for other categories or items than were asked for: one too many, or one too few."""
    its = func.coalesce(scope.category_id, scope.product_id)
    last = select(func.max(Entry.id)).where(*_asking(row, kind, "scope_ids")).correlate(row).scalar_subquery()
    told = aliased(Entry)
    each = each_in(told.after["scope_ids"], "each_asked")
    asked = select(cast(each.c.value, Integer).label("id")).select_from(told).join(each, true()).where(told.id == last)
    kept = select(its).where(owner == row.id).correlate(row)
    return or_(
        select(scope.id).where(owner == row.id, its.not_in(asked.correlate(row))).correlate(row).exists(),
        select(told.id)
        .select_from(told)
        .join(each, true())
        .where(told.id == last, cast(each.c.value, Integer).not_in(kept))
        .correlate(row)
        .exists(),
        last.is_(None),
    )


def _ended_otherwise() -> Select[*tuple[Any, ...]]:
    """Find what ended at another instant than somebody ended it at, and what goes on though somebody did."""

    def of(row: Any, kind: str) -> Any:
        ended = select(Entry.id).where(Entry.subject == _subject(row, kind), Entry.act == f"{kind}.ended")
        then = ended.where(Entry.at == row.ended_at).correlate(row).exists()
        return select(_subject(row, kind).label("subject"), row.ended_at).where(
            or_(and_(row.state == ENDED, ~then), and_(row.state != ENDED, ended.correlate(row).exists()))
        )

    both = of(CampaignRow, CAMPAIGN).union_all(of(StampCardRow, STAMP_CARD)).subquery("ended_otherwise")
    return select(both.c.subject, both.c.ended_at)
