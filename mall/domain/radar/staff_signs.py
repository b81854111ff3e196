"""Signs about who works here: points, coupons or levels by their own hand, or purchases at a partner they run.

What is plainly one's own is refused where it is done. Looked for is what a refusal cannot see: an e-mail that was
changed since, an account at the address where the colleague's own has its parcels sent, or one that was opened in a
browser in which the other had signed in. Who has made a partner's key, too, runs it.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, func, literal, select, union
from sqlalchemy import cast as as_type

from mall.base.db import execute
from mall.base.tables import aliased
from mall.domain import audit, coupons, earning, partners, people

from .signs import Sign, found

GIVING = (
    "points.adjustment",
    "points.adjustment.asked",
    "points.adjustment.approved",
    "coupon.given",
    "level.granted",
    "invitation.accepted",
)
# How a member may be near somebody of the staff, the closest first.
NEAR = ("own", "address", "browser")


def by_own_hand(*, since: datetime) -> list[Sign]:
    """What staff gave themselves or who is near them, by a list as well, or earned by a partner they run.

    Four statements.
    """
    near = _near_staff()
    if not near:
        return []
    staff = sorted({f"staff:{row.staff_id}" for row in near})
    entry, bought = audit.Entry, partners.Purchase
    # Of several ways in which one is near, the closest.
    whose: dict[tuple[str, str], str] = {
        (f"staff:{row.staff_id}", f"member:{row.member_id}"): row.how
        for row in sorted(near, key=lambda row: NEAR.index(row.how), reverse=True)
    }
    acts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    given = select(entry.id, entry.act, entry.by, entry.subject).where(
        # Of these members alone: who adjusts many in a night is not read through.
        entry.subject.in_({f"member:{row.member_id}" for row in near}),
        entry.by.in_(staff),
        entry.at >= since,
        entry.act.in_(GIVING),
    )
    for row in execute(given.order_by(entry.id)):
        if how := whose.get((row.by, row.subject)):
            acts[int(row.subject[7:])].append(
                found("given", [row.by], keys=[str(row.id)], act=row.act, by=row.by, how=how)
            )
    for row in execute(_by_lists({row.member_id for row in near}, staff, since=since)):
        if how := whose.get((row.by, f"member:{row.member_id}")):
            acts[row.member_id].append(
                found("given", [row.by], keys=[f"list:{row.id}"], act="coupon.list_given", by=row.by, how=how)
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


def _by_lists(members: Collection[int], staff: Collection[str], *, since: datetime) -> Select[*tuple[Any, ...]]:
    """Ask for the lists from which staff gave any of these members a coupon: id, by, member_id."""
    given, opened = coupons.Coupon, coupons.CouponList
    return (
        select(opened.id, opened.by, given.member_id)
        .join(opened, given.reference == literal("list:") + as_type(opened.id, String))
        .where(given.member_id.in_(members), opened.by.in_(staff), opened.at >= since)
        .distinct()
        .order_by(opened.id, given.member_id)
    )


def _near_staff() -> Any:
    """Return who of the members is one of the staff ("own"), has things sent to the same place ("address"), or was
    invited from one of their browsers, or by one of theirs ("browser").
    """
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
    invitation = earning.Invitation
    shared = [
        select(staff.id, other, literal("browser"))
        .join(own, own.email_key == staff.email_key)
        .join(invitation, mine == own.id)
        .where(invitation.same_browser)
        for mine, other in (
            (invitation.inviter_id, invitation.friend_id),
            (invitation.friend_id, invitation.inviter_id),
        )
    ]
    return execute(union(theirs, kin, *shared)).all()
