"""Rides: a ride app reports what some of the demo's members pay there, and gives one ride back."""

from datetime import datetime, timedelta
from functools import partial

from mall.base.clock import now
from mall.base.db import transaction
from mall.domain import partners, programme

from .story import Shopper, Story

NAME = "Hop Rides"
RATES = partners.Rates(
    earn_points=5,
    earn_per_cents=100,
    with_level=True,
    growth_per_cents=1_000,
    ready_after_days=2,
    purchase_points=300,
    member_day_points=500,
    month_points=20_000,
)
PARTNER = 1
# By name: so many days ago, and what the ride cost. Mei's last one is still on the way.
CAST = {
    "mei": ((40, 1_250), (33, 890), (21, 2_430), (12, 760), (6, 1_980), (1, 1_120)),
    "grace": ((28, 3_400), (15, 2_750), (3, 4_100)),
    "wei": ((9, 1_560),),
    "mira": ((19, 1_340), (5, 2_080)),
}
# The ride that did not come.
GIVEN_BACK = ("mei", 1)


def open_partner(*, by: str, approver: str, at: datetime) -> None:
    """Open the account of the ride app: proposed by one, approved by another, its key made by the first.

    Nobody keeps the key: who may have it makes a new one to try it.
    """
    with transaction():
        partner_id = partners.open_partner(NAME, RATES, by=by, at=at, reason="Members asked for it; agreed with Hop")
        partners.approve_version(partner_id, seen=1, by=approver, at=at, other_approvers=1)
        partners.make_key(partner_id, by=by, at=at)
    assert partner_id == PARTNER


def plan(story: Story, shopper: Shopper) -> None:
    """Plan that a member binds their account at the ride app, and rides."""
    rides = CAST.get(shopper.name, ())
    if not rides:
        return
    first = story.end - timedelta(days=rides[0][0], hours=2)
    story.queue.at(first, partial(_bind, story, shopper))
    for number, (days, cents) in enumerate(rides):
        story.queue.at(story.end - timedelta(days=days), partial(_ride, story, shopper, number, cents))


def _bind(story: Story, shopper: Shopper) -> None:
    with transaction():
        token, _ends_at = partners.invite(PARTNER, _account(shopper), at=now())
        partners.bind(shopper.member_id, token, terms=story.terms, at=now())


def _ride(story: Story, shopper: Shopper, number: int, cents: int) -> None:
    reference, at = f"ride-{shopper.name}-{number + 1}", now()
    told = _told(reference, cents, story.terms, at - timedelta(minutes=3))
    with transaction():
        partners.report(
            PARTNER, told, account=_account(shopper), key=reference, of_body=reference, terms=story.terms, at=at
        )
    if (shopper.name, number) == GIVEN_BACK:
        back = _told(f"{reference}-back", cents, story.terms, at)
        with transaction():
            partners.refund(
                PARTNER, back, purchase=reference, key=back.reference, of_body=reference, terms=story.terms, at=at
            )


def _account(shopper: Shopper) -> str:
    return f"rider-{20_000 + shopper.member_id}"


def _told(reference: str, cents: int, terms: programme.Programme, at: datetime) -> partners.Reporting:
    return partners.Reporting(reference, cents, terms.currency, at)
