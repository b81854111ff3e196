"""Jobs of the house: the books are added up and proved, abuse is looked for, what nobody asks for is deleted."""

from datetime import datetime, timedelta

from flask import current_app

from mall.base.db import again, reading, transaction
from mall.domain import cash, checkout, earning, finance, interest, notices, partners, people, radar

from .many import in_shares, terms_at

# Jobs done longer ago than this are forgotten, and rows put off that nobody had to try again.
KEEP_JOBS = timedelta(days=2)


def add_up_days(at: datetime) -> None:
    """Add up for finance the days that are over."""
    finance.roll_up(terms_at(at), at)


def keep_proof(at: datetime) -> None:
    """Prove the books and keep what was found, for the board of proofs."""
    finance.run_proof(by="system", at=at)


def look_around(at: datetime) -> None:
    """Look for signs of abuse, for the desk's radar: through everything at once, then what it makes of many members
    at a time.
    """
    limits = radar.Limits(**current_app.config["RADAR"])
    with reading(scan=True):
        signs = radar.all_signs(limits, at=at)
    in_shares(lambda after: radar.note_signs(signs, after=after, at=at))


def tidy(at: datetime) -> None:
    """Delete what nobody will ask for again: jobs done, links, sign-ins, counts of tries, the cashier's old events,
    from where members checked in, baskets visitors have left.
    """
    with transaction():
        notices.forget(before=at - KEEP_JOBS)
        notices.forget_setbacks(before=at - KEEP_JOBS)
    with transaction():
        people.sweep_tokens(before=at)
        people.sweep_sign_ins(before=at - people.SIGN_INS_KEPT)
        people.sweep_throttle(at=at)
    with transaction():
        cash.forget_events(at=at)
    with transaction():
        partners.forget_answers(at=at)
        partners.forget_invitations(at=at)
    with transaction():
        interest.forget_views(before=at - interest.VIEWS_KEPT)
        earning.forget_networks(before=at - earning.NETWORKS_KEPT)

    def baskets() -> int:
        with transaction():
            return checkout.forget_baskets(at=at)

    while again(baskets):
        pass
