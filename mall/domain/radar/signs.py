"""Signs: what speaks for points being farmed, asked of the other rooms. Each asks for all members at once.

None of it is a proof. Families share an address, colleagues check in over lunch, and things are returned.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import case, func, select

from mall.base.db import execute
from mall.base.tables import aliased
from mall.domain import aftersales, earning, ledger, partners, people

MOST_ABOUT = 20
# By so many of the others at a place each of them is known: those who joined first, so that who comes later to a crowd
# is seen and brings back nobody else. Without a limit a thousand accounts at one address were a million names.
MOST_WITH = 50
REFUNDED_ORDERS = 3
CAPPED_DAYS = 5


class Limits(Struct, frozen=True):
    """From when on something is a sign. All look back `days`."""

    days: int = 90
    # Per cent of the points of orders and purchases that were taken back.
    refund_percent: int = 50
    # Members who have things sent to one place.
    address_members: int = 5
    # Members who check in from one network within a minute.
    check_in_members: int = 5
    # Seconds within which all check-ins of a member fall, whatever the day.
    check_in_seconds: int = 3
    # Per cent of a partner's daily limit that is used on so many days.
    partner_percent: int = 90


class Sign(Struct, frozen=True):
    """What speaks for one kind of abuse by one member."""

    member_id: int
    kind: str
    strength: int
    evidence: tuple[dict[str, Any], ...]

    @property
    def keys(self) -> list[str]:
        """Return what tells this evidence from other, in order."""
        return sorted({f"{each['kind']}:{about}" for each in self.evidence for about in each["keys"]})


def strength(value: int, least: int) -> int:
    """Return how strong something is that is a sign from `least` on: 1, from half as much again 2, from twice 3."""
    return 3 if value >= 2 * least else 2 if 2 * value >= 3 * least else 1


def found(kind: str, about: Iterable[str], *, keys: Iterable[str] | None = None, **values: Any) -> dict[str, Any]:
    """Return one piece of evidence. `about` is what it is of; `keys` tell it from others, `about` unless given."""
    of = sorted(set(about))
    return {"kind": kind, "about": of[:MOST_ABOUT], "keys": sorted(set(keys)) if keys is not None else of, **values}


def refunds(limits: Limits, *, since: datetime) -> list[Sign]:
    """Earn and give back: much of what somebody earned by buying was taken back again. Two statements."""
    posting = ledger.Posting
    bought = (
        posting.kind.in_(("earn", "clawback")),
        posting.reference.startswith("order:") | posting.reference.startswith("purchase:"),
        posting.happened_at >= since,
    )
    gave_back = (
        select(posting.member_id)
        .where(*bought, posting.kind == "clawback")
        .group_by(posting.member_id)
        .having(func.count(posting.reference.distinct()) >= REFUNDED_ORDERS)
    )
    earned = func.sum(case((posting.kind == "earn", posting.points), else_=0))
    taken = func.sum(case((posting.kind == "clawback", posting.points), else_=0))
    much = (
        select(posting.member_id, earned.label("earned"), taken.label("taken"))
        .where(*bought, posting.member_id.in_(gave_back))
        .group_by(posting.member_id)
        .having(taken > 0, taken * 100 >= earned * limits.refund_percent)
        .subquery("much")
    )
    rows = execute(select(much).order_by(much.c.member_id)).all()
    about = defaultdict(set)
    gone = select(posting.member_id, posting.reference).where(*bought, posting.kind == "clawback").distinct()
    for row in execute(gone.where(posting.member_id.in_(select(much.c.member_id)))):
        about[row.member_id].add(row.reference)
    signs = []
    for row in rows:
        percent = min(100, int(row.taken) * 100 // max(1, int(row.earned)))
        evidence = found(
            "refunds",
            about[row.member_id],
            percent=percent,
            taken=int(row.taken),
            earned=int(row.earned),
            times=len(about[row.member_id]),
        )
        signs.append(Sign(row.member_id, "refunds", strength(percent, limits.refund_percent), (evidence,)))
    return signs


def addresses(limits: Limits, *, since: datetime) -> list[Sign]:
    """Many accounts at one place, by their books of addresses or by where their orders went. Two statements."""
    book, fact = people.Address, earning.FactRow
    line = func.lower(func.replace(func.replace(book.line1, " ", ""), ",", ""))
    postcode = func.lower(func.replace(book.postcode, " ", ""))
    in_books = select(line.label("line"), postcode.label("postcode"), book.country, book.member_id).subquery()
    place = (in_books.c.line, in_books.c.postcode, in_books.c.country)
    crowded = (
        select(*place)
        .group_by(*place)
        .having(func.count(in_books.c.member_id.distinct()) >= limits.address_members)
        .subquery()
    )
    same = (in_books.c.line == crowded.c.line) & (in_books.c.postcode == crowded.c.postcode)
    rows = execute(
        select(*place, in_books.c.member_id).join(crowded, same & (in_books.c.country == crowded.c.country))
    )
    at_place: dict[Any, set[int]] = defaultdict(set)
    for row in rows:
        at_place[("book", row.line, row.postcode, row.country)].add(row.member_id)
    sent_to = fact.attributes["sent_to"].as_string()
    paid = (fact.kind == "order_paid", fact.at >= since, func.coalesce(sent_to, "") != "")
    many = (
        select(sent_to.label("place"))
        .where(*paid)
        .group_by(sent_to)
        .having(func.count(fact.member_id.distinct()) >= limits.address_members)
    )
    for row in execute(select(sent_to.label("place"), fact.member_id).where(*paid, sent_to.in_(many)).distinct()):
        at_place[("sent", row.place)].add(row.member_id)
    others: dict[int, set[int]] = defaultdict(set)
    together: dict[int, int] = defaultdict(int)
    for members in at_place.values():
        first = sorted(members)[: MOST_WITH + 1]
        for member_id in members:
            others[member_id].update([other for other in first if other != member_id][:MOST_WITH])
            together[member_id] = max(together[member_id], len(members), len(others[member_id]) + 1)
    return [
        Sign(
            member_id,
            "address",
            strength(together[member_id], limits.address_members),
            (found("address", (f"member:{other}" for other in with_them), members=together[member_id]),),
        )
        for member_id, with_them in others.items()
    ]


def invitations() -> list[Sign]:
    """Invitations that wait because they look as if somebody had invited themselves, by inviter. One statement."""
    invitation = earning.Invitation
    waiting = defaultdict(list)
    for row in execute(
        select(invitation.inviter_id, invitation.friend_id, invitation.evidence).where(
            invitation.state == earning.SUSPECT
        )
    ):
        waiting[row.inviter_id].append(row)
    signs = []
    for inviter_id, rows in waiting.items():
        kinds = sorted({each["kind"] for row in rows for each in row.evidence})
        evidence = found("invitation", (f"member:{row.friend_id}" for row in rows), friends=len(rows), signs=kinds)
        how_strong = 3 if "ring" in kinds else min(3, len(rows))
        signs.append(Sign(inviter_id, "invitation", how_strong, (evidence,)))
    return signs


def reviews(*, since: datetime) -> list[Sign]:
    """Reviews whose words came before: of the same member, or of several others. One statement."""
    review = aftersales.ProductReview
    alike = defaultdict(list)
    for row in execute(
        select(review.id, review.member_id).where(
            review.written_at >= since,
            review.state.in_((aftersales.WAITING, aftersales.PUBLISHED)),
            aftersales.is_suspicious(),
        )
    ):
        alike[row.member_id].append(row.id)
    return [
        Sign(
            member_id,
            "review",
            min(3, len(ids)),
            (found("review", (f"review:{each}" for each in ids), times=len(ids)),),
        )
        for member_id, ids in alike.items()
    ]


def near_caps(limits: Limits, *, since: datetime) -> list[Sign]:
    """Members whose purchases at a partner fill its daily limit, day after day. One statement."""
    bought = partners.Purchase
    daily = (
        select(bought.member_id, bought.partner_id, bought.day)
        .where(bought.reported_at >= since, bought.member_day_points.is_not(None))
        .group_by(bought.member_id, bought.partner_id, bought.day)
        .having(func.sum(bought.points) * 100 >= func.max(bought.member_day_points) * limits.partner_percent)
        .subquery()
    )
    partner = aliased(partners.Partner)
    rows = execute(
        select(
            daily.c.member_id,
            daily.c.partner_id,
            partner.name,
            func.count().label("days"),
            func.max(daily.c.day).label("last"),
        )
        .join(partner, partner.id == daily.c.partner_id)
        .group_by(daily.c.member_id, daily.c.partner_id, partner.name)
        .having(func.count() >= CAPPED_DAYS)
    )
    by_member = defaultdict(list)
    for row in rows:
        by_member[row.member_id].append(row)
    return [
        Sign(
            member_id,
            "partner",
            strength(max(row.days for row in of_member), CAPPED_DAYS),
            tuple(
                found(
                    "partner",
                    [f"partner:{row.partner_id}"],
                    keys=[f"{row.partner_id}:{row.last}"],
                    partner=row.name,
                    days=row.days,
                    percent=limits.partner_percent,
                )
                for row in of_member
            ),
        )
        for member_id, of_member in by_member.items()
    ]
