"""Rounds: which jobs come round, every night or few minutes, and how each turn is started once."""

from collections.abc import Callable
from datetime import date, datetime

from msgspec import Struct

from mall.base.db import transaction
from mall.domain import notices, programme

from . import of_cash, of_members, of_orders, of_the_house, telling
from .many import terms_at

Job = Callable[[datetime], None]


class Round(Struct, frozen=True):
    """A job that comes round: every night of the shop when `minutes` is 0, else every so many minutes."""

    job: Job
    minutes: int = 0

    def key(self, name: str, at: datetime, day: date) -> str:
        """Return the key of the turn that an instant and its day in the shop fall in: the same for every worker."""
        if self.minutes == 0:
            return f"{name}:{day.isoformat()}"
        return f"{name}:{self.minutes}m:{int(at.timestamp()) // (self.minutes * 60)}"


JOBS: dict[str, Round] = {
    "points.expire": Round(of_members.expire_points),
    "points.tell": Round(telling.tell_of_points),
    # Before the review: what dormancy gives back may raise.
    "growth.dormancy": Round(of_members.take_off_dormant),
    "levels.review": Round(of_members.review_levels),
    "members.celebrate": Round(of_members.celebrate),
    "reviews.take_down": Round(of_orders.take_reviews_down),
    "levels.follow": Round(of_members.follow_levels, minutes=1),
    "coupons.tell": Round(telling.tell_of_coupons),
    "campaigns.tell": Round(telling.tell_of_campaigns, minutes=60),
    "levels.tell": Round(telling.tell_of_levels),
    "cashier.catch_up": Round(of_cash.catch_up),
    "cashier.statement": Round(of_cash.reconcile),
    # Not nightly: a day is over for finance a minute after midnight.
    "finance.add_up": Round(of_the_house.add_up_days, minutes=10),
    "finance.prove": Round(of_the_house.keep_proof),
    "radar.look": Round(of_the_house.look_around),
    "house.tidy": Round(of_the_house.tidy),
    # Each of these by itself: what is wrong with one keeps none of the others from running.
    "cashier.hear": Round(of_cash.hear_cashier, minutes=1),
    "payments.look_after": Round(of_cash.look_after_payments, minutes=1),
    "refunds.send": Round(of_cash.send_refunds, minutes=1),
    "orders.complete": Round(of_orders.complete_orders, minutes=10),
    "windows.close": Round(of_orders.close_windows, minutes=10),
    "invitations.reward": Round(of_members.reward_invitations, minutes=1),
    "stock.tell": Round(telling.tell_of_stock, minutes=1),
    "returns.lapse": Round(of_orders.lapse_returns),
    "purchases.keep": Round(of_orders.keep_purchases, minutes=10),
}


def start_rounds(at: datetime, started: set[str]) -> int:
    """Write to the outbox whatever comes round now, once however many workers do. Returns how many were new.

    `started` is this worker's memory of the turns it need not write again.
    """
    try:
        day = terms_at(at).today(at)
    except programme.NoProgramme:
        return 0
    turns = {turn.key(name, at, day): name for name, turn in JOBS.items()}
    if turns.keys() <= started:
        return 0
    with transaction():
        new = sum(notices.later(name, {}, key=key, at=at) for key, name in turns.items() if key not in started)
    started.clear()
    started.update(turns)
    return new
