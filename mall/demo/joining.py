"""How the demo's members come: who joins when, with which address, and how much each will buy."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select

from mall.base.clock import end_of, now
from mall.base.db import execute, transaction
from mall.base.text import N_, say
from mall.domain import audit, earning, ledger, notices, people

from . import buying, cashing, habits, rides
from .cast import FAMILY_NAMES, GIVEN_NAMES, STARS, STREETS, TOWNS
from .invitations import invited
from .story import Shopper, Story

SAVERS = {star.slug for star in STARS if star.saves}


def plan_members(story: Story, members: int, orders: int) -> None:
    """Plan who joins when: the cast first, then the others, of whom few buy much and many little."""
    names = [(star.slug, star.name, star.language, star.orders) for star in STARS]
    appetites = {star.slug: star.appetite for star in STARS}
    for number in range(max(0, members - len(names))):
        given, family = story.chance.choice(GIVEN_NAMES), story.chance.choice(FAMILY_NAMES)
        names.append((f"{given}.{family}.{number}".lower(), f"{given} {family}", "en", -1))
    weights = [story.chance.paretovariate(1.1) for _name in names]
    fixed = sum(wanted for *_rest, wanted in names if wanted > 0)
    open_ended = [weight for weight, (*_rest, wanted) in zip(weights, names, strict=True) if wanted < 0]
    share = _share(open_ended, orders - fixed, most=orders // 12)
    for (slug, name, language, wanted), weight in zip(names, weights, strict=True):
        count = wanted if wanted >= 0 else min(round(weight * share), orders // 12)
        early = slug in {star.slug for star in STARS[:1] + STARS[2:]} or story.chance.random() < 0.45
        joined = story.begin + timedelta(
            days=story.chance.uniform(0, 40) if early else story.chance.uniform(20, 350),
            minutes=story.chance.randrange(600),
        )
        if slug == "tom":
            joined = story.end - timedelta(days=9)
        appetite = appetites.get(slug, 1 + min(7, round(weight / 2.5)))
        story.queue.at(joined, partial(join, story, slug, name, language, count, appetite))


def join(story: Story, slug: str, name: str, language: str, orders: int, appetite: int) -> None:
    """Let a member join, and plan what they will buy."""
    at, street = now(), f"{story.chance.randrange(1, 90)} {story.chance.choice(STREETS)}"
    town, postcode, region = story.chance.choice(TOWNS)
    by_invitation = invited(story)
    with transaction():
        new = earning.Newcomer(
            email=people.read_email(f"{slug}@tessera.example"),
            password=story.password,
            display_name=name,
            language=language,
            wants_news=story.chance.random() < 0.4,
            verify_page="",
            invited=by_invitation,
        )
        member_id = earning.sign_up(new, terms=story.terms, at=at)
        assert member_id is not None
        people.verify(token_mailed_to(member_id), at=at)
        lines = people.AddressLines(
            recipient=name, line1=street, city=town, postcode=postcode, country="US", region=region
        )
        people.add_address(member_id, lines, at=at)
        earning.told(member_id, earning.EMAIL_VERIFIED, earning.ADDRESS_ADDED, terms=story.terms, at=at)
    address = {"recipient": name, "line1": street, "line2": "", "city": town, "postcode": postcode,
               "region": region, "country": "US", "phone": ""}  # fmt: skip
    thrift = 0.1 if slug in SAVERS else story.chance.uniform(0.2, 0.6)
    shopper = Shopper(member_id, slug, address, thrift, appetite)
    story.members.append(shopper)
    welcome_gift(story, shopper, at)
    habits.plan(story, shopper)
    rides.plan(story, shopper)
    cashing.plan(story, shopper)
    for moment in sorted(story.chance.random() for _order in range(orders)):
        when = at + (story.end - at) * moment
        story.queue.at(when, lambda: buying.shop(story, shopper))
    if slug == "omar":
        buying.plan_debt(story, shopper)
    if slug == "mei":
        story.queue.at(story.end - timedelta(days=2), lambda: buying.shop(story, shopper, form="cash", ending="paid"))
        story.queue.at(
            story.end - timedelta(minutes=1), lambda: buying.shop(story, shopper, form="mix", ending="leave")
        )


def welcome_gift(story: Story, shopper: Shopper, at: datetime) -> None:
    """Move the balance of the old stamp card in: points that last four months, so that some expire."""
    if shopper.name != "tom" and story.chance.random() > 0.35:
        return
    points = 300 if shopper.name == "tom" else story.chance.randrange(4, 30) * 50
    last = story.terms.today(at) + timedelta(days=120)
    with transaction():
        ledger.adjust_up(
            ledger.lock(shopper.member_id, zone=story.terms.zone),
            points,
            key=f"stamp-card:{shopper.member_id}",
            reference=f"stamp-card:{shopper.member_id}",
            expiry=(last, end_of(last, story.terms.zone)),
            version=story.terms.version,
            worth=story.terms.worth,
            why=say(N_("Moved in from the stamp card")),
            by="staff:1",
            at=at,
        )
        subject, given = f"member:{shopper.member_id}", {"points": points}
        audit.write(ledger.ADJUSTMENT_KIND, by="staff:1", subject=subject, at=at, after=given, reason="moved_in")


def token_mailed_to(member_id: int) -> str:
    """Return the token of the mail a new member was sent: the demo opens it for them."""
    notice = notices.Notice
    wanted = select(notice.details).where(notice.member_id == member_id, notice.kind == "verify_email")
    return str(execute(wanted).scalar_one()["link"]).rpartition("/")[2]


def _share(weights: list[float], wanted: int, *, most: int) -> float:
    """Return how many orders one unit of weight gives, so that all come to about `wanted` with `most` for one."""
    share = 0.0
    for _step in range(20):
        given = sum(min(weight * share, most) for weight in weights)
        free = sum(weight for weight in weights if weight * share < most)
        if not free or given >= wanted:
            break
        share += (wanted - given) / free
    return share
