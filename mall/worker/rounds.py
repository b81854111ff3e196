"""Rounds: which jobs come round, every night or few minutes, and how each turn is started once."""

from collections.abc import Callable
from datetime import date, datetime

from msgspec import Struct

from mall.base.db import transaction
from mall.domain import notices, programme

from .many import terms_at
from .of_cash import catch_up, hear_cashier, look_after_payments, reconcile, send_refunds
from .of_members import celebrate, expire_points, follow_levels, review_levels, reward_invitations, take_off_dormant
from .of_orders import close_windows, complete_orders, keep_purchases, lapse_returns, take_reviews_down
from .of_the_house import add_up_days, keep_proof, look_around, tidy
from .telling import tell_of_campaigns, tell_of_coupons, tell_of_levels, tell_of_points, tell_of_stock

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
    "points.expire": Round(expire_points),
    "points.tell": Round(tell_of_points),
    # Before the review: what dormancy gives back may raise.
    "growth.dormancy": Round(take_off_dormant),
    "levels.review": Round(review_levels),
    "members.celebrate": Round(celebrate),
    "reviews.take_down": Round(take_reviews_down),
    "levels.follow": Round(follow_levels, minutes=1),
    "coupons.tell": Round(tell_of_coupons),
    "campaigns.tell": Round(tell_of_campaigns, minutes=60),
    "levels.tell": Round(tell_of_levels),
    "cashier.catch_up": Round(catch_up),
    "cashier.statement": Round(reconcile),
    # Not nightly: a day is over for finance a minute after midnight.
    "finance.add_up": Round(add_up_days, minutes=10),
    "finance.prove": Round(keep_proof),
    "radar.look": Round(look_around),
    "house.tidy": Round(tidy),
    # Each of these by itself: what is wrong with one keeps none of the others from running.
    "cashier.hear": Round(hear_cashier, minutes=1),
    "payments.look_after": Round(look_after_payments, minutes=1),
    "refunds.send": Round(send_refunds, minutes=1),
    "orders.complete": Round(complete_orders, minutes=10),
    "windows.close": Round(close_windows, minutes=10),
    "invitations.reward": Round(reward_invitations, minutes=1),
    "stock.tell": Round(tell_of_stock, minutes=1),
    "returns.lapse": Round(lapse_returns),
    "purchases.keep": Round(keep_purchases, minutes=10),
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
