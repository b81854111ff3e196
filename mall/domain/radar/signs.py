"""Signs: what speaks for points being farmed, asked of the other rooms. Each asks for all members at once.

None of it is a proof. Families share an address, colleagues check in over lunch, and things are returned.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Select, case, extract, func, select

from mall.base.db import execute
from mall.base.sql import seconds_later
from mall.base.tables import aliased
from mall.domain import aftersales, earning, ledger, partners, people

MOST_ABOUT = 20
# By so many of the others at a place each of them is known: those who joined first, so that who comes later to a crowd
# is seen and brings back nobody else. Without a limit a thousand accounts at one address were a million names.
MOST_WITH = 50
BURST_SECONDS = 60
CLOCKWORK_DAYS = 10
# Times of day no further apart are one.
SAME_TIME_SECONDS, DAY_SECONDS = 60, 86_400
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


def bursts(limits: Limits, *, since: datetime) -> list[Sign]:
    """Many members checked in from one network within a minute. One statement."""
    least = limits.check_in_members
    with_whom: dict[int, Sequence[int]] = {}
    together: dict[int, int] = defaultdict(int)
    days: dict[int, set[str]] = defaultdict(set)
    rows = execute(_in_full_minutes(least, since=since))
    for (_network, day), visits in groupby(rows, key=lambda row: (row.network, row.day)):
        times, visitors = zip(*((row.at, row.member_id) for row in visits), strict=True)
        for member_id, (first, last) in zip(visitors, minutes(times), strict=True):
            days[member_id].add(day.isoformat())
            if last - first + 1 > together[member_id]:
                together[member_id] = last - first + 1
                near = visitors[first : min(last, first + MOST_ABOUT) + 1]
                with_whom[member_id] = [other for other in near if other != member_id]
    return [
        Sign(
            member_id,
            "burst",
            strength(together[member_id], least),
            (
                found(
                    "burst",
                    (f"member:{other}" for other in others),
                    keys=days[member_id],
                    members=together[member_id],
                    days=len(days[member_id]),
                ),
            ),
        )
        for member_id, others in with_whom.items()
    ]


def _in_full_minutes(least: int, *, since: datetime) -> Select[*tuple[Any, ...]]:
    """Ask for the check-ins within a minute in which there are so many from one network: network, day, at, member_id.

    The database looks through the days, and returns these alone.
    """
    seen = earning.CheckInNetwork
    nth = func.lead(seen.at, least - 1).over(partition_by=(seen.network, seen.day), order_by=(seen.at, seen.member_id))
    visits = (
        select(
            seen.network,
            seen.day,
            seen.member_id,
            seen.at,
            case((nth <= seconds_later(seen.at, BURST_SECONDS), seen.at)).label("begins"),
        )
        .where(seen.at >= since)
        .subquery("visits")
    )
    order = (visits.c.at, visits.c.member_id)
    began = func.max(visits.c.begins).over(partition_by=(visits.c.network, visits.c.day), order_by=order)
    close = select(visits, began.label("began")).subquery("close")
    return (
        select(close.c.network, close.c.day, close.c.at, close.c.member_id)
        .where(close.c.at <= seconds_later(close.c.began, BURST_SECONDS))
        .order_by(close.c.network, close.c.day, close.c.at, close.c.member_id)
    )


def minutes(instants: Sequence[datetime]) -> list[tuple[int, int]]:
    """Return for each of some ascending instants the fullest minute it is in: the places of the first and the last.

    Pure. Of minutes that are equally full the earliest.
    """
    span, last, ends = timedelta(seconds=BURST_SECONDS), 0, []
    for first, instant in enumerate(instants):
        while last + 1 < len(instants) and instants[last + 1] - instant <= span:
            last += 1
        ends.append(last)
        last = max(last, first + 1)
    fullest = []
    # Places where a minute begins that may still be the fullest, the fullest first.
    begun: deque[int] = deque()
    for place in range(len(instants)):
        while begun and ends[begun[-1]] - begun[-1] < ends[place] - place:
            begun.pop()
        begun.append(place)
        while ends[begun[0]] < place:
            begun.popleft()
        fullest.append((begun[0], ends[begun[0]]))
    return fullest


def clockwork(limits: Limits, *, since: datetime) -> list[Sign]:
    """All check-ins of a member at the same second, day after day, as a program would. One statement.

    The key is that second. The earliest of the window moves with the window: as_known() holds it to the one known.
    """
    check_in = earning.CheckIn
    second = (
        extract("hour", check_in.at) * 3_600 + extract("minute", check_in.at) * 60 + extract("second", check_in.at)
    )
    spread = func.max(second) - func.min(second)
    rows = execute(
        select(check_in.member_id, func.count().label("days"), func.min(second).label("second"))
        .where(check_in.at >= since)
        .group_by(check_in.member_id)
        .having(func.count() >= CLOCKWORK_DAYS, spread <= limits.check_in_seconds)
    )
    return [
        Sign(
            row.member_id,
            "clockwork",
            strength(row.days, CLOCKWORK_DAYS),
            (found("clockwork", (), keys=[str(int(row.second))], days=row.days, within=limits.check_in_seconds),),
        )
        for row in rows
    ]


def as_known(sign: Sign, keys: Collection[str]) -> Sign:
    """Return a sign of a time of day under the key by which that time is known, where it is. Pure.

    The days looked at move on with every night, and the earliest second among them with the days.
    """
    if sign.kind != "clockwork":
        return sign
    [evidence] = sign.evidence
    [second] = map(int, evidence["keys"])
    for key in keys:
        known = int(key.rpartition(":")[2])
        apart = abs(second - known)
        if min(apart, DAY_SECONDS - apart) <= SAME_TIME_SECONDS:
            return replace(sign, evidence=(evidence | {"keys": [str(known)]},))
    return sign


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
