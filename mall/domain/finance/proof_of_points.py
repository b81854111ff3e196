"""What must always be true of the points finance owes: worth what the programme said, given by hand by somebody."""

from sqlalchemy import BigInteger, Select, String, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import approvals, audit, ledger, programme

_posting = ledger.Posting
_SIGNED = case((_posting.source == "adjustment", _posting.points), else_=-_posting.points)


def points_checks() -> list[Check]:
    """Return the checks of lots against the programme, and of adjustments against the audit and their approvals."""
    return [
        Check(N_("a lot is worth what the programme said when it came about"), _worths()),
        Check(N_("points adjusted at the desk are what the audit says, member by member"), _adjusted()),
        Check(N_("an adjustment that was approved moved the points that were approved"), _approved()),
    ]


def _worths() -> Select:
    version, lot = programme.ProgrammeVersion, ledger.Lot
    return (
        select(lot.id, lot.version, lot.worth_points, lot.worth_cents)
        .join(version, version.id == lot.version)
        .where(
            or_(
                lot.worth_points != version.settings["worth_points"].as_integer(),
                lot.worth_cents != version.settings["worth_cents"].as_integer(),
            )
        )
    )


def _adjusted() -> Select:
    moved = (
        select(_posting.member_id, func.sum(_SIGNED).label("points"))
        .where(_posting.kind == "adjust", _posting.actor != "system")
        .group_by(_posting.member_id)
        .subquery("moved")
    )
    entry, purse = audit.Entry, ledger.Purse
    said = (
        select(entry.subject, func.sum(cast(entry.after["points"].as_integer(), BigInteger)).label("points"))
        .where(entry.act == ledger.ADJUSTMENT_KIND)
        .group_by(entry.subject)
        .subquery("said")
    )
    return (
        select(purse.member_id, moved.c.points.label("moved"), said.c.points.label("said"))
        .outerjoin(moved, moved.c.member_id == purse.member_id)
        .outerjoin(said, said.c.subject == literal("member:").concat(cast(purse.member_id, String)))
        .where(func.coalesce(moved.c.points, 0) != func.coalesce(said.c.points, 0))
    )


def _approved() -> Select:
    approval = approvals.Approval
    moved = (
        select(_posting.move, _posting.member_id, func.sum(_SIGNED).label("points"))
        .where(_posting.kind == "adjust")
        .group_by(_posting.move, _posting.member_id)
        .subquery("moved")
    )
    return (
        select(approval.id, approval.key, moved.c.points)
        .outerjoin(moved, moved.c.move == approval.key)
        .where(
            approval.kind == ledger.ADJUSTMENT_KIND,
            approval.decision == approvals.APPROVED,
            or_(
                moved.c.points.is_(None),
                moved.c.points != approval.what["points"].as_integer(),
                moved.c.member_id != approval.what["member_id"].as_integer(),
            ),
        )
    )
