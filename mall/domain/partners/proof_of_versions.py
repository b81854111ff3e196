"""What must always be true of partners' versions: two people stand behind each, and no one of them has the key too."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import approvals

from .accounts import Partner, Rates
from .purchases import Purchase
from .versions import KIND, PartnerVersion

FIGURES = Rates.__struct_fields__
# Those that a purchase keeps.
RATES = ("earn_points", "earn_per_cents", "growth_per_cents", "purchase_points", "member_day_points", "month_points")


def checks() -> list[Check]:
    """Return what the proof asks of versions and keys."""
    return [
        Check(N_("what holds at a partner is the version approved last"), _otherwise()),
        Check(N_("nobody both approved what a partner gives and made its key"), _one_hand()),
        Check(N_("a reported purchase has the rates of the version that held"), _other_rates()),
    ]


def _same(one: Any, other: Any, names: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(*(getattr(one, name).is_not_distinct_from(getattr(other, name)) for name in names))


def _otherwise() -> Select[*tuple[Any, ...]]:
    """Ask for partners whose row is not that of their last approved version."""
    version, asked = PartnerVersion, approvals.Approval
    last = (
        select(version.partner_id, func.max(version.number).label("number"))
        .join(asked, asked.id == version.request_id)
        .where(asked.decision == approvals.APPROVED, asked.kind == KIND)
        .group_by(version.partner_id)
        .subquery("last")
    )
    return (
        select(Partner.id, Partner.version, last.c.number)
        .outerjoin(last, last.c.partner_id == Partner.id)
        .outerjoin(version, and_(version.partner_id == Partner.id, version.number == Partner.version))
        .where(
            or_(
                Partner.version.is_distinct_from(last.c.number),
                and_(Partner.version.is_not(None), ~_same(Partner, version, ("name", *FIGURES))),
            )
        )
    )


def _one_hand() -> Select[*tuple[Any, ...]]:
    version, asked = PartnerVersion, approvals.Approval
    return (
        select(Partner.id, Partner.key_made_by)
        .join(version, and_(version.partner_id == Partner.id, version.number == Partner.version))
        .join(asked, asked.id == version.request_id)
        .where(Partner.key_hash.is_not(None), asked.decided_by == Partner.key_made_by, ~asked.by_one_person)
    )


def _other_rates() -> Select[*tuple[Any, ...]]:
    """Ask for purchases of a version never approved, or of other rates than it has, or of one that held no more."""
    version, asked = PartnerVersion, approvals.Approval
    number = func.coalesce(Purchase.partner_version, 0)
    # Reports of a partner's month come one after another, by its row.
    before = func.max(number).over(partition_by=(Purchase.partner_id, Purchase.month), order_by=Purchase.id)
    bought = select(
        *(getattr(Purchase, name) for name in ("id", "partner_id", "partner_version", *RATES)),
        number.label("number"),
        before.label("before"),
    ).subquery("bought")
    return (
        select(bought.c.id, bought.c.partner_version)
        .outerjoin(
            version, and_(version.partner_id == bought.c.partner_id, version.number == bought.c.partner_version)
        )
        .outerjoin(asked, asked.id == version.request_id)
        .where(
            or_(
                bought.c.number < bought.c.before,
                and_(
                    bought.c.partner_version.is_not(None),
                    or_(func.coalesce(asked.decision, "") != approvals.APPROVED, ~_same(bought.c, version, RATES)),
                ),
            )
        )
    )
