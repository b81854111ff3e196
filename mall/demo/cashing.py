"""Points to cash: Grace has had some paid out, and Wei's request waits for finance."""

from datetime import timedelta
from functools import partial

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import cash_outs

from .desk import attempt
from .story import Shopper, Story

SETTINGS = {
    "cash_out_least_points": 500,
    "cash_out_points": 100,
    "cash_out_cents": 80,
    "cash_out_fee_cents": 100,
}
FINANCE = "staff:3"
# By name: so many days ago, so many points, whose account, and its number.
ASKED = {
    "grace": (6, 2_500, "Grace Oduya", "US12 3456 7890 1234"),
    "wei": (2, 500, "王伟", "6222 0212 3456 7890"),
}
PAID = ("grace",)


def plan(story: Story, shopper: Shopper) -> None:
    """Plan that a member asks for cash, and what finance does about it."""
    if shopper.name not in ASKED:
        return
    days, points, payee, account = ASKED[shopper.name]
    asked_at = story.end - timedelta(days=days)
    story.queue.at(asked_at, partial(_ask, story, shopper, points, payee, account))
    if shopper.name in PAID:
        story.queue.at(asked_at + timedelta(hours=20), partial(_approve, story, shopper))
        story.queue.at(asked_at + timedelta(hours=44), partial(_pay, story, shopper))


def _ask(story: Story, shopper: Shopper, points: int, payee: str, account: str) -> None:
    attempt(
        lambda: cash_outs.ask(
            shopper.member_id, points, payee=payee, account=account, key=f"demo-{shopper.name}", terms=story.terms,
            at=now(),
        )
    )  # fmt: skip


def _approve(story: Story, shopper: Shopper) -> None:
    for each in cash_outs_of(shopper):
        attempt(
            partial(cash_outs.approve, each, own_member_id=None, other_approvers=1, terms=story.terms, by=FINANCE,
                    at=now())
        )  # fmt: skip


def _pay(story: Story, shopper: Shopper) -> None:
    for each in cash_outs_of(shopper):
        attempt(
            partial(cash_outs.note_paid, each, payout_reference="TR-2201", own_member_id=None, terms=story.terms,
                    by=FINANCE, at=now())
        )  # fmt: skip


def cash_outs_of(shopper: Shopper) -> list[int]:
    """Return the ids of a member's requests."""
    with reading():
        return [each.id for each in cash_outs.cash_outs_of(shopper.member_id)]
