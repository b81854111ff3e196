"""What members did in the three months before a night: who checks in, buys and gives back as people do, and who farms.

Of the many nobody shows a sign; a known few show one each, so that what the radar finds can be held against them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, String, case, cast, func, insert, literal, select, true, update

from mall.base.clock import Instant, end_of, now, start_of
from mall.base.db import execute, reading, transaction
from mall.base.sql import days_later, seconds_later
from mall.domain import (
    aftersales,
    audit,
    checkout,
    coupons,
    earning,
    ledger,
    membership,
    partners,
    people,
    programme,
    radar,
)

from .shop import LOT_POINTS, MANY, Shop, add_pending, copy_rows, count_to, filling, go_on_after, insert_rows

DAYS_BACK, YEAR = 90, 365
# Each member is here on one day of so many; so is who shops by a network that many share.
EVERY, CARRIERS = 10, 20
FAMILY = 3
# How many farm in which way; two more kinds have friends or a list of their own.
FARMERS = {
    "refunds": 6,
    "address": 8,
    "burst": 7,
    "clockwork": 5,
    "invitation": 3,
    "review": 4,
    "partner": 5,
    "staff": 1,
}
FARM = sum(FARMERS.values())
DAY_LIMIT = 100
# One in so many has a coupon that ends this week, a level that was granted and ends in some days, an order given back.
ENDING, GRANTED, GAVE_BACK = 30, 50, 20
# Of what is near a night tells.
TOLD = ("coupon_expiring", "level_ending", "campaign_ahead")


def to_be_told(shop: Shop, member_ids: list[int], *, at: datetime) -> dict[str, int]:
    """Return how many members a night tells of what is near, {kind of notice: members}.

    Of a coupon one in so many; of a level one in ten of those who were granted one; of the campaign everybody whose
    level hears of it a day before it begins: the reviews of that night have been.
    """
    shares = [len(share) for share in _shares(member_ids)]
    granted = [number for share in shares for number in range(1, share // GRANTED + 1)]
    hear = [level.rank for level in shop.terms.levels if level.event_notice_days >= 1]
    member = people.Member.id
    with reading(scan=True):
        rank = membership.rank_of(member, at=at)
        heard = execute(select(func.count()).select_from(people.Member).where(rank.in_(hear))).scalar_one()
    return {
        "coupon_expiring": sum(share // ENDING for share in shares),
        "level_ending": sum(number % 10 == 1 for number in granted),
        "campaign_ahead": heard,
    }


def farmers(member_ids: list[int]) -> dict[str, list[int]]:
    """Return who of the members farms in which way: the first of them, {kind: ids}."""
    first, theirs = iter(member_ids), {}
    for kind, count in FARMERS.items():
        theirs[kind] = [next(first) for _ in range(count)]
    return theirs


def suspected() -> dict[str, list[int]]:
    """Return whom the radar shows, {kind: ids}."""
    found: dict[str, list[int]] = {}
    with reading():
        suspect = radar.Suspect
        waiting = select(suspect.kind, suspect.member_id).where(suspect.state == radar.OPEN)
        for row in execute(waiting.order_by(suspect.member_id)):
            found.setdefault(row.kind, []).append(row.member_id)
    return found


def add_habits(shop: Shop, member_ids: list[int], *, at: datetime) -> None:
    """Let the members have lived in the months before the night of an instant, and some have farmed.

    The last of them have bought at a partner's, whose days are over in that night. An order of each farmer by reviews
    is there.
    """
    farm = farmers(member_ids)
    for share in _shares(member_ids):
        _add_addresses(share)
        _add_orders(share, at=at)
    for share in _shares(member_ids[FARM:]):
        _add_check_ins(share, terms=shop.terms, at=at)
    _farm_addresses(farm["address"])
    _farm_check_ins(farm["burst"], farm["clockwork"], terms=shop.terms, at=at)
    _farm_refunds(farm["refunds"], at=at)
    _farm_invitations(farm["invitation"], member_ids[FARM : 2 * FARM], at=at)
    _add_reviews(farm["review"], at=at)
    _farm_by_hand(farm["staff"], at=at)
    _add_purchases(shop, member_ids, farm["partner"], at=at)
    _add_ends(shop, member_ids, at=at)


def _shares(member_ids: list[int]) -> Iterator[list[int]]:
    """Yield the members in shares, each well within a statement's time limit."""
    assert member_ids == list(range(member_ids[0], member_ids[0] + len(member_ids)))
    for begin in range(0, len(member_ids), MANY):
        yield member_ids[begin : begin + MANY]


def _add_addresses(member_ids: list[int]) -> None:
    """Let every member live somewhere, up to three at one place."""
    home, family = people.Address, cast(people.Address.member_id / FAMILY, String)
    with filling():
        theirs = home.member_id.between(member_ids[0], member_ids[-1])
        execute(update(home).where(theirs).values(line1=family.concat(" Juniper Lane")))


def _add_orders(member_ids: list[int], *, at: datetime) -> None:
    """Let every member have earned by an order and spent it again; one in twenty gave one back.

    Facts tell where it went. Of who was here lately only: dormancy asks the facts as well.
    """
    n, number = count_to(len(member_ids))
    member = n + (member_ids[0] - 1)
    bought_at = literal(at - timedelta(days=15), Instant)
    _past_lot(number, n, member, reference="order:8", at=at, back=False)
    _past_lot(number, n, member, reference="order:9", at=at, back=True, which=n % GAVE_BACK == 0)
    place = literal('{"sent_to": "').concat(cast(member / FAMILY, String)).concat('"}')
    with filling():
        insert_rows(earning.FactRow, number, {
            "kind": literal("order_paid"), "member_id": member, "reference": literal("habit"), "cents": literal(900),
            "attributes": cast(place, JSON), "key": literal("habit:").concat(cast(member, String)), "at": bought_at,
        }, n % 3 == 2)  # fmt: skip


def _past_lot(
    number: Any, n: Any, member: Any, *, reference: str, at: datetime, back: bool, which: Any = None
) -> None:
    """Let members have earned a lot, and have spent it again or given it back with its order."""
    wanted = true() if which is None else which
    about = literal(reference).concat(cast(member, String))
    moves = [("earn", "issuance", "pending")]
    moves += [("clawback", "pending", "clawback")] if back else [
        ("unlock", "pending", "wallet"), ("redeem", "wallet", "redemption"),
    ]  # fmt: skip
    with filling():
        last = execute(select(func.max(ledger.Lot.id))).scalar_one()
        whose = {"member_id": member, "points": literal(LOT_POINTS), "reference": about}
        a_lot = ledger.Lot.id == select(func.min(ledger.Lot.id)).scalar_subquery()
        copy_rows(ledger.Lot, number, whose | {"id": n + last, "origin": literal("purchase")}, a_lot & wanted)
        a_posting = ledger.Posting.id == select(func.min(ledger.Posting.id)).scalar_subquery()
        for kind, source, destination in moves:
            copy_rows(ledger.Posting, number, whose | {
                "id": None, "lot_id": n + last, "move": about.concat(f":{kind}"), "kind": literal(kind),
                "source": literal(source), "destination": literal(destination),
                "happened_at": literal(at - timedelta(days=15), Instant),
            }, a_posting & wanted)  # fmt: skip
        go_on_after("lot")


def _add_check_ins(member_ids: list[int], *, terms: programme.Programme, at: datetime) -> None:
    """Let a tenth of the members check in on each day, most from home, some from a network that many share.

    On the day before the first that counts, too: from where that was is forgotten in the night.
    """
    n, number = count_to(len(member_ids))
    member, today = n + (member_ids[0] - 1), terms.today(at)
    carrier = literal("carrier-").concat(cast(member / EVERY / EVERY % CARRIERS, String))
    home = literal("home-").concat(cast(member, String))
    network = case((member / EVERY % EVERY == 0, carrier), else_=home)
    for back in range(1, DAYS_BACK + 2):
        day, which = today - timedelta(days=back), member % EVERY == back % EVERY
        # Those of one network are minutes apart, and the same member comes at another time each day.
        seconds = (member * 7 + back * 997) % 86_400
        here = {
            "member_id": member, "day": literal(day),
            "at": seconds_later(literal(start_of(day, terms.zone), Instant), seconds),
        }  # fmt: skip
        with filling():
            insert_rows(earning.CheckIn, number, here | {"streak": literal(1)}, which)
            insert_rows(earning.CheckInNetwork, number, here | {"network": network}, which)


def _farm_addresses(member_ids: list[int]) -> None:
    home = people.Address
    with transaction():
        execute(update(home).where(home.member_id.in_(member_ids)).values(line1="1 Farm Road"))


def _farm_check_ins(together: list[int], by_program: list[int], *, terms: programme.Programme, at: datetime) -> None:
    """Let some check in together, second after second, on three days; others at the same second, day after day."""
    today, rows = terms.today(at), []
    for back in range(2, 5):
        day = today - timedelta(days=back)
        noon = start_of(day, terms.zone) + timedelta(hours=12)
        rows += [
            {"member_id": member_id, "day": day, "streak": 1, "at": noon + timedelta(seconds=second, hours=back)}
            for second, member_id in enumerate(together)
        ]
    with transaction():
        execute(insert(earning.CheckIn), rows)
        seen = [{"network": "farm", **{name: row[name] for name in ("member_id", "day", "at")}} for row in rows]
        execute(insert(earning.CheckInNetwork), seen)
        execute(insert(earning.CheckIn), [
            {"member_id": member_id, "day": today - timedelta(days=back), "streak": 1,
             "at": start_of(today - timedelta(days=back), terms.zone) + timedelta(hours=4, seconds=member_id)}
            for member_id in by_program for back in range(5, 35)
        ])  # fmt: skip


def _farm_refunds(member_ids: list[int], *, at: datetime) -> None:
    """Let members have given back what earned them points, six times."""
    n, number = count_to(len(member_ids))
    for order in range(6):
        _past_lot(number, n, n + (member_ids[0] - 1), reference=f"order:7{order}", at=at, back=True)


def _farm_invitations(inviters: list[int], friends: list[int], *, at: datetime) -> None:
    """Let members have invited friends in whose browser they had signed in."""
    joined = at - timedelta(days=30)
    with transaction():
        execute(insert(earning.Invitation), [
            {"friend_id": friend, "inviter_id": inviter, "invited_at": joined, "network": "", "same_browser": True,
             "state": earning.SUSPECT, "evidence": [{"kind": "browser", "members": [inviter]}], "suspected_at": joined,
             "decided_at": None, "decided_by": None, "reason": ""}
            for inviter, friend in zip(inviters, friends, strict=False)
        ])  # fmt: skip


def _add_reviews(copying: list[int], *, at: datetime) -> None:
    """Let everybody who has an order have reviewed it, each in words of their own but for those who copy."""
    order, line, review = checkout.Order, checkout.OrderLine, aftersales.ProductReview
    own = literal("own-").concat(cast(order.id, String))
    mark = case((order.member_id.in_(copying), literal("copied")), else_=own)
    written = {
        "member_id": order.member_id, "product_id": line.product_id, "order_id": order.id, "line": line.line,
        "state": literal(aftersales.PUBLISHED), "rating": literal(5),
        "words": literal("It does what it should. ") + mark,
        "pictures": literal([], JSON), "text_mark": mark, "key": own, "revision": literal(1),
        "written_at": literal(at - timedelta(days=1), Instant), "published_at": literal(at, Instant),
        "reason": literal(""), "reply": literal(""),
    }  # fmt: skip
    last = select(func.max(order.id).label("id")).group_by(order.member_id).subquery()
    rows = select(*written.values()).join(line, line.order_id == order.id).join(last, last.c.id == order.id)
    with transaction():
        execute(insert(review).from_select(list(written), rows))


def _farm_by_hand(member_ids: list[int], *, at: datetime) -> None:
    """Let one who works here, and lives alone, have given themselves a coupon."""
    [member_id] = member_ids
    hired = at - timedelta(days=30)
    with transaction():
        execute(update(people.Address).where(people.Address.member_id == member_id).values(line1="2 Farm Road"))
        email = execute(select(people.Member.email).where(people.Member.id == member_id)).scalar_one()
        staff_id, _token = people.add_staff(
            people.read_email(email), name="Ola", roles=["operator"], by="system", at=hired
        )
        audit.write("coupon.given", by=f"staff:{staff_id}", subject=f"member:{member_id}", at=hired)


def _add_purchases(shop: Shop, member_ids: list[int], at_limit: list[int], *, at: datetime) -> None:
    """Let every member have bought at a partner's, and a day's share of a year so that its days are over tonight.

    Some fill the partner's daily limit for six days.
    """
    _open_partner(shop)
    today, bought = shop.terms.today(at), partners.Purchase
    with reading():
        first = bought.id == execute(select(func.max(bought.id))).scalar_one()
    past = {"ready_at": literal(at - timedelta(days=1), Instant), "cap": literal("")}
    kept = past | {"id": None, "kept_at": literal(at - timedelta(hours=1), Instant)}
    for share in _shares(member_ids):
        n, number = count_to(len(share))
        member, back = n + (share[0] - 1), n % 85 + 1
        with filling():
            copy_rows(bought, number, kept | {
                "member_id": member, "reference": literal("habit:").concat(cast(member, String)),
                "points": literal(LOT_POINTS), "day": days_later(literal(today), -back),
                "reported_at": seconds_later(literal(at, Instant), -back * 86_400),
            }, first)  # fmt: skip
    n, number = count_to(len(at_limit) * 6)
    member, back = n % len(at_limit) + at_limit[0], n / len(at_limit) + 1
    with filling():
        copy_rows(bought, number, kept | {
            "member_id": member, "reference": literal("limit:").concat(cast(n, String)),
            "points": literal(DAY_LIMIT - 5), "day": days_later(literal(today), -back),
            "reported_at": seconds_later(literal(at, Instant), -back * 86_400),
        }, first)  # fmt: skip
        go_on_after("partner_purchase")
    due = member_ids[-max(1, len(member_ids) // YEAR) :]
    with filling():
        last = execute(select(func.max(bought.id))).scalar_one()
        n, number = count_to(len(due))
        whose = {"member_id": n + (due[0] - 1), "reference": literal("purchase:").concat(cast(n + last, String))}
        copy_rows(bought, number, past | {
            "id": n + last, "member_id": whose["member_id"], "reference": literal("due:").concat(cast(n, String)),
            "points": literal(LOT_POINTS), "reported_at": literal(at - timedelta(days=15), Instant),
            "day": literal(today - timedelta(days=15)), "kept_at": literal(None, Instant),
        }, first)  # fmt: skip
        add_pending(number, n, whose)
        theirs = ledger.Purse.member_id.between(due[0], due[-1])
        execute(update(ledger.Purse).where(theirs).values(pending=ledger.Purse.pending + LOT_POINTS))
        go_on_after("partner_purchase", "lot")


def _open_partner(shop: Shop) -> None:
    """Open a partner with a daily limit; the first member has bought there."""
    opened, terms = now(), shop.terms
    rates = partners.Rates(1, 10, member_day_points=DAY_LIMIT)
    with transaction():
        partner_id = partners.open_partner("Rides", rates, by="staff:1", at=opened, reason="Agreed")
        partners.approve_version(partner_id, seen=1, by="staff:2", at=opened, other_approvers=1)
    with reading():
        number = execute(select(people.Member.number).where(people.Member.id == shop.member_id)).scalar_one()
    told = partners.Reporting("R-1", 500, terms.currency, opened)
    with transaction():
        partners.report(partner_id, told, member_number=number, key="R-1", of_body="", terms=terms, at=opened)


def _add_ends(shop: Shop, member_ids: list[int], *, at: datetime) -> None:
    """Let every member have a coupon, one in fifty a level that was granted; some of both end soon.

    A campaign comes.
    """
    opened, terms, today = now(), shop.terms, shop.terms.today(at)
    with transaction():
        kind = coupons.make_template(
            key="habit", terms=terms, by="staff:1", at=opened, title={"en": "Ten off"}, kind="amount",
            amount_cents=1_000, valid_days=200,
        )  # fmt: skip
        [given] = coupons.give_by_hand(kind, shop.member_id, key="habit", terms=terms, by="staff:1", at=opened)
        grant = membership.write_grant(
            membership.Grant(shop.member_id, 4, today + timedelta(days=200), "A friend", "staff:1", "habit"),
            terms=terms, at=opened,
        )  # fmt: skip
        campaign = earning.make_campaign(
            key="habit", terms=terms, by="staff:1", at=opened, reason="Spring", title={"en": "Double points"},
            starts_at=at + timedelta(days=1), ends_at=at + timedelta(days=3), multiplier_percent=200, min_rank=0,
            scope="all", cap_points=None,
        )  # fmt: skip
        earning.approve_campaign(campaign, seen_version=1, by="staff:2", at=opened, other_approvers=1)
    coupon, level = coupons.Coupon, membership.LevelGrant
    soon, later = literal(at + timedelta(days=5), Instant), literal(at + timedelta(days=100), Instant)
    for share in _shares(member_ids):
        n, number = count_to(len(share))
        member = n + (share[0] - 1)
        key = literal("habit:").concat(cast(member, String))
        with filling():
            copy_rows(coupon, number, {
                "id": None, "member_id": member, "key": key, "ends_at": case((n % ENDING == 0, soon), else_=later),
                "given_at": literal(at - timedelta(days=60), Instant),
            }, coupon.id == given)  # fmt: skip
            # Of ten of them one ends in three days, one ended yesterday.
            days = case((n / GRANTED % 10 == 0, -1), (n / GRANTED % 10 == 1, 3), else_=150)
            begins = today - timedelta(days=60)
            copy_rows(level, number, {
                "id": None, "member_id": member, "key": key, "begins_on": literal(begins),
                "begins_at": literal(start_of(begins, terms.zone), Instant),
                "last_day": days_later(literal(today), days),
                "ends_at": seconds_later(literal(end_of(today, terms.zone), Instant), days * 86_400),
            }, (level.id == grant) & (n % GRANTED == 0))  # fmt: skip
