"""What the people of the demo's shop do: parcels leave and arrive, goods come back, the nights do their rounds."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import func, select

from mall import worker
from mall.base.clock import now
from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import aftersales, catalogue, checkout, ledger, notices

from .codes import stock_up
from .story import Story

CARRIERS = ("Swift Parcel", "Northern Post")
# One order of so many leaves in two parcels, if it can.
IN_TWO_OF = 7
# What looks at the whole of the books is done when the year is over, or its nights would take minutes.
ONCE_AT_THE_END = ("cashier.statement", "finance.add_up", "finance.prove", "points.tell", "coupons.tell")
# Mails of the last days stay in the outbox, so that a visitor of the demo can read some.
MAILS_LEFT = timedelta(days=2)


def plan_parcel(story: Story, order: Any) -> None:
    """Plan that a paid order is shipped, and of a few that they are called off before."""
    if story.chance.random() < 0.015:
        story.queue.at(now() + timedelta(hours=5), lambda: cancel(story, order))
    story.queue.at(now() + timedelta(hours=story.chance.uniform(16, 60)), lambda: ship(story, order))


def cancel(story: Story, order: Any) -> None:
    """Call a paid order off for its member."""
    attempt(lambda: aftersales.cancel(order.id, by=f"member:{order.member_id}", terms=story.terms, at=now()))


def ship(story: Story, order: Any) -> None:
    """Send an order, a few in two parcels, and plan that most are said to have arrived."""
    carrier = story.chance.choice(CARRIERS)
    number = f"{carrier[0]}{order.id:07}"
    with reading():
        collected = checkout.is_collected(order)
    if collected:
        attempt(lambda: checkout.make_ready(order.id, by="staff:1", at=now()))
        story.queue.at(now() + timedelta(hours=26), lambda: hand_over(order))
        return
    if order.id % IN_TWO_OF == 0:
        attempt(lambda: send_one(order, carrier=carrier, tracking=f"{number}A"))
    attempt(lambda: checkout.ship(order.id, carrier=carrier, tracking=number, by="staff:1", at=now()))
    if story.chance.random() < 0.9:
        story.queue.at(now() + timedelta(hours=story.chance.uniform(30, 110)), lambda: deliver(story, order))


def send_one(order: Any, *, carrier: str, tracking: str) -> None:
    """Send one piece of an order ahead of the others, where there are others."""
    left = checkout.left_to_ship(checkout.lines_of(order.id))
    if sum(left.values()) > 1:
        checkout.ship(order.id, carrier=carrier, tracking=tracking, pieces={min(left): 1}, by="staff:1", at=now())


def hand_over(order: Any) -> None:
    """Hand an order over at the counter."""
    attempt(lambda: checkout.hand_over(order.id, by="staff:1", at=now()))


def deliver(story: Story, order: Any) -> None:
    """Mark an order delivered, and plan that some come back."""
    attempt(lambda: checkout.deliver(order.id, by="staff:1", at=now()))
    luck = story.chance.random()
    if luck < 0.045:
        reason = story.chance.choice(("changed_mind", "changed_mind", "damaged", "wrong_item"))
        later = timedelta(days=story.chance.uniform(1, 24))
        story.queue.at(now() + later, lambda: take_back(story, order, reason))


def take_back(story: Story, order: Any, reason: str) -> None:
    """Take all of an order back."""
    attempt(
        lambda: aftersales.refund(
            order.id, reason=reason, restock=reason != "damaged", by="staff:1", terms=story.terms, at=now()
        )
    )


def exchange_two(story: Story) -> None:
    """Let two members have something once more that came damaged: one has it, of the other it is to be sent."""
    at, order = now(), checkout.Order
    for_exchange = (
        select(order.id)
        .where(order.state == checkout.COMPLETED, ~order.digital, order.window_ends_at > at, order.ready_at.is_(None))
        .order_by(order.member_id != story.members[0].member_id, order.id.desc())
        .limit(8)
    )
    with reading():
        found = [checkout.order_of(order_id) for order_id in execute(for_exchange).scalars()]
    exchanged = (row for each in found if (row := exchange(story, each)) is not None)
    rows = list(islice(exchanged, 2))
    for row in rows[:1]:
        attempt(partial(aftersales.send_replacement, row.id, carrier=CARRIERS[0], tracking=f"S{row.id:07}X",
                        by="staff:1", at=at))  # fmt: skip


def exchange(story: Story, order: Any) -> Any:
    """Let one piece of an order be exchanged up to the day its goods are in; None where it cannot be."""
    at = now()
    try:
        with transaction():
            line = next(each for each in checkout.lines_of(order.id) if each.shipped > each.refunded)
            plan = aftersales.plan_exchange(order, pieces={line.line: 1}, reason="damaged", at=at)
            row, _new = aftersales.ask_exchange(
                order.id, member_id=order.member_id, pieces={line.line: 1}, reason="damaged", pictures=(),
                words="It came with a crack.", shown=plan.fingerprint, terms=story.terms, at=at,
            )  # fmt: skip
            aftersales.approve_return(row.id, by="staff:1", at=at)
            return aftersales.receive_return(row.id, shelved={}, by="staff:1", terms=story.terms, shown=None, at=at)
    except (Refusal, StopIteration):
        return None


def night(story: Story) -> None:
    """Do the rounds of a night, and now and then what people at desks do."""
    for name, turn in worker.JOBS.items():
        if name not in ONCE_AT_THE_END:
            turn.job(now())
    if story.members and story.chance.random() < 0.12:
        adjust(story)
    if story.chance.random() < 0.4:
        restock(story)


def adjust(story: Story) -> None:
    """Adjust somebody's points by hand; above the limit a colleague approves it, all but the last one."""
    at, shopper = now(), story.chance.choice(story.members)
    points = story.chance.choice((100, 200, 250, 500, 1_500, 2_500))
    reason = story.chance.choice(("goodwill", "correction", "missing_points"))
    with transaction():
        asked = ledger.ask_adjustment(
            shopper.member_id, points, reason=reason, document=f"T-{story.chance.randrange(1000, 9999)}",
            key=f"demo-{at:%Y%m%d}", own_member_id=None, terms=story.terms, by="staff:1", at=at,
        )  # fmt: skip
    if asked.request_id is not None and at < story.end - timedelta(days=12):
        with transaction():
            ledger.approve_adjustment(
                asked.request_id, own_member_id=None, other_approvers=1, terms=story.terms, by="staff:2", at=at
            )


def ask_for_more(story: Story) -> None:
    """Leave one adjustment waiting for a second person."""
    shopper = story.members[0]
    with transaction():
        ledger.ask_adjustment(
            shopper.member_id, 2_500, reason="goodwill", document="T-4711", key="demo-waiting",
            own_member_id=None, terms=story.terms, by="staff:1", at=now(),
        )  # fmt: skip


def restock(story: Story) -> None:
    """Book a delivery of what runs low; the last pieces of some items are left to run out."""
    at = now()
    with reading():
        variants = [variant for shelf in story.shelves for variant in shelf.variants if shelf.goods.stock > 20]
        short = [offer for offer in catalogue.offers(variants, at=at) if offer.free < 15]
    with transaction():
        for offer in short[:12]:
            stock_up(offer.variant_id, offer.kind, 40, by="staff:1", at=at, note="delivery")


def tidy_outbox(story: Story) -> None:
    """Count the mails of the year as sent and its notices as read, but for the last days'."""
    last = story.end - MAILS_LEFT
    while True:
        with transaction():
            claimed = notices.claim(at=last, limit=500)
            for notice in claimed:
                notices.done(notice, at=last)
        if not claimed:
            break
    with transaction():
        newest = select(func.max(notices.Notice.id)).where(notices.Notice.written_at <= last)
        told = execute(newest).scalar_one() or 0
        for shopper in story.members:
            notices.mark_all_read(shopper.member_id, last=told, at=last)


def attempt(act: Callable[[], object]) -> None:
    """Do what somebody at a desk does; when the order has moved on meanwhile, they leave it."""
    try:
        with transaction():
            act()
    except Refusal:
        return
