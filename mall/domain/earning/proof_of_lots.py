"""What must always be true of lots: they last as long as the rule of their version says, renewed ones some days."""

from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select

from mall.base.proof import Check
from mall.base.sql import days_later, month_ends_later
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import ledger, programme

# What gives points by the rule, besides who adjusts by hand: lots are named by it.
GIVING = ("order", "task", "level_pack", "purchase")


def lot_checks() -> list[Check]:
    """Return the checks of lots against the version they were made under."""
    return [
        Check(N_("points last as long as the rule says that was in force when they were given"), _otherwise()),
        Check(N_("points that came back after their last day last so many days more, and no longer"), _renewed()),
        Check(N_("points of one version that end on one day end at one instant"), _instants()),
    ]


def _otherwise() -> Select[*tuple[Any, ...]]:
    """Find lots that end on another day. Who adjusts by hand may name an earlier one: of points brought over, say."""
    lot, posting, version = ledger.Lot, ledger.Posting, programme.ProgrammeVersion
    last = month_ends_later(posting.happened_on, version.settings["validity_months"].as_integer())
    return (
        select(lot.id, lot.member_id, lot.expires_on)
        .join(posting, and_(posting.lot_id == lot.id, posting.source.in_(("issuance", "adjustment"))))
        .outerjoin(version, version.id == lot.version)
        .where(
            lot.parent_id.is_(None),
            or_(lot.origin == "adjustment", *(lot.reference.startswith(f"{giving}:") for giving in GIVING)),
            or_(
                version.id.is_(None),
                lot.expires_on > last,
                and_(lot.origin != "adjustment", lot.expires_on < last),
                lot.expires_on < posting.happened_on,
            ),
        )
    )


def _renewed() -> Select[*tuple[Any, ...]]:
    """Find children that end on another day than what brought their points back gives them."""
    lot, renew, back = ledger.Lot, ledger.Posting, aliased(ledger.Posting)
    shipped = lot.expires_on == days_later(renew.happened_on, ledger.DAYS_AFTER_RETURN)
    unshipped = lot.expires_on == days_later(renew.happened_on, ledger.DAYS_AFTER_RELEASE)
    return (
        select(lot.id, lot.member_id, lot.expires_on)
        .outerjoin(renew, and_(renew.lot_id == lot.id, renew.source == "renewal"))
        .outerjoin(
            back,
            and_(back.move == renew.move, back.lot_id == lot.parent_id, back.destination == "renewal"),
        )
        .where(
            lot.parent_id.is_not(None),
            ~func.coalesce(
                case((back.kind == "release", unshipped), (back.kind == "give_back", or_(shipped, unshipped))), False
            ),
        )
    )


def _instants() -> Select[*tuple[Any, ...]]:
    lot = ledger.Lot
    return (
        select(lot.version, lot.expires_on)
        .where(lot.parent_id.is_(None))
        .group_by(lot.version, lot.expires_on)
        .having(func.min(lot.expires_at) != func.max(lot.expires_at))
    )
