"""Signs about who works here: points, coupons or levels by their own hand, or purchases at a partner they run.

What is plainly one's own is refused where it is done. Looked for is what a refusal cannot see: an e-mail that was
changed since, or an account at the address where the colleague's own has its parcels sent.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import String, func, literal, select, union
from sqlalchemy import cast as as_type

from mall.base.db import execute
from mall.base.tables import aliased
from mall.domain import audit, partners, people

from .signs import Sign, found

GIVING = (
    "points.adjustment",
    "points.adjustment.asked",
    "points.adjustment.approved",
    "coupon.given",
    "level.granted",
    "invitation.accepted",
)


def by_own_hand(*, since: datetime) -> list[Sign]:
    """What staff gave themselves or who lives with them, or earned by a partner they run. Three statements."""
    near = _near_staff()
    if not near:
        return []
    staff = sorted({f"staff:{row.staff_id}" for row in near})
    entry, bought = audit.Entry, partners.Purchase
    whose: dict[tuple[str, str], str] = {(f"staff:{row.staff_id}", f"member:{row.member_id}"): row.how for row in near}
    acts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    given = select(entry.id, entry.act, entry.by, entry.subject).where(
        entry.by.in_(staff), entry.at >= since, entry.act.in_(GIVING), entry.subject.startswith("member:")
    )
    for row in execute(given.order_by(entry.id)):
        if how := whose.get((row.by, row.subject)):
            acts[int(row.subject[7:])].append(
                found("given", [row.by], keys=[str(row.id)], act=row.act, by=row.by, how=how)
            )
    runs = (
        select(entry.by, bought.member_id, bought.partner_id, bought.partner_name, func.max(bought.id).label("last"))
        .join(bought, entry.subject == literal("partner:") + as_type(bought.partner_id, String))
        .where(entry.by.in_(staff), bought.reported_at >= since, bought.member_id.in_({row.member_id for row in near}))
        .group_by(entry.by, bought.member_id, bought.partner_id, bought.partner_name)
    )
    for row in execute(runs):
        if how := whose.get((row.by, f"member:{row.member_id}")):
            acts[row.member_id].append(
                found(
                    "runs",
                    [row.by, f"partner:{row.partner_id}"],
                    keys=[f"{row.by}:{row.partner_id}:{row.last}"],
                    partner=row.partner_name,
                    by=row.by,
                    how=how,
                )
            )
    return [
        Sign(member_id, "staff", 3 if any(each["how"] == "own" for each in evidence) else 2, tuple(evidence))
        for member_id, evidence in acts.items()
    ]


def _near_staff() -> Any:
    """Return who of the members is one of the staff ("own"), or has things sent to the same place ("address")."""
    staff, own, home, there = people.Staff, people.Member, people.Address, aliased(people.Address)
    theirs = select(staff.id.label("staff_id"), own.id.label("member_id"), literal("own").label("how")).join(
        own, own.email_key == staff.email_key
    )
    same_place = (
        (func.lower(func.replace(home.line1, " ", "")) == func.lower(func.replace(there.line1, " ", "")))
        & (func.lower(func.replace(home.postcode, " ", "")) == func.lower(func.replace(there.postcode, " ", "")))
        & (home.country == there.country)
        & (home.member_id != there.member_id)
    )
    kin = (
        select(staff.id, there.member_id, literal("address"))
        .join(own, own.email_key == staff.email_key)
        .join(home, home.member_id == own.id)
        .join(there, same_place)
    )
    return execute(union(theirs, kin)).all()
