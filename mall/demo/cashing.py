"""Points to cash: Grace has had some paid out; the bank sent Wei's back, and the next request waits for finance."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec import Struct

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import cash_outs

from .cast import FINANCE
from .desk import attempt
from .story import Shopper, Story

SETTINGS = {
    "cash_out_least_points": 500,
    "cash_out_points": 100,
    "cash_out_cents": 80,
    "cash_out_fee_cents": 100,
}


class Asked(Struct, frozen=True):
    """What a member asks for, so many days before the end; the bank's reference where it is paid or sent back."""

    days: int
    points: int
    payee: str
    account: str
    paid: str = ""
    bounced: str = ""
    why: str = ""


ASKED = {
    "grace": (Asked(6, 2_500, "Grace Oduya", "2100 0021 7890 1234", paid="TR-2201"),),
    "wei": (
        Asked(
            9,
            500,
            "王伟",
            "6222 0212 3456 7809",
            paid="TR-2187",
            bounced="RT-0417",
            why="银行没有这个账号，款项已退回。",
        ),
        Asked(2, 500, "王伟", "6222 0212 3456 7890"),
    ),
}


def plan(story: Story, shopper: Shopper) -> None:
    """Plan that a member asks for cash, and what finance does about it."""
    for asked in ASKED.get(shopper.name, ()):
        at = story.end - timedelta(days=asked.days)
        story.queue.at(at, partial(_ask, story, shopper, asked))
        if asked.paid:
            _then(story, shopper, at + timedelta(hours=20), cash_outs.approve, other_approvers=1)
            _then(story, shopper, at + timedelta(hours=44), cash_outs.note_paid, payout_reference=asked.paid)
        if asked.bounced:
            said = {"bounce_reference": asked.bounced, "reason": asked.why}
            _then(story, shopper, at + timedelta(hours=116), cash_outs.note_bounced, **said)


def _then(story: Story, shopper: Shopper, at: datetime, verb: Callable[..., None], **said: Any) -> None:
    story.queue.at(at, partial(_decide, story, shopper, verb, **said))


def _ask(story: Story, shopper: Shopper, asked: Asked) -> None:
    attempt(
        lambda: cash_outs.ask(
            shopper.member_id, asked.points, payee=asked.payee, account=asked.account,
            key=f"demo-{shopper.name}-{asked.days}", terms=story.terms, at=now(),
        )
    )  # fmt: skip


def _decide(story: Story, shopper: Shopper, verb: Callable[..., None], **said: Any) -> None:
    """Let finance do something to what a member asked for last."""
    with reading():
        latest = cash_outs.cash_outs_of(shopper.member_id, limit=1)
    for each in latest:
        attempt(partial(verb, each.id, own_member_id=None, terms=story.terms, by=FINANCE, at=now(), **said))
