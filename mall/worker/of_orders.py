"""Jobs of orders and partners' purchases: what is over by time is completed, closed, or made ready."""

from datetime import datetime

from mall.base.db import reading, transaction
from mall.domain import aftersales, checkout, notices, partners

from .many import insist, terms_at


def complete_orders(at: datetime) -> None:
    """Complete orders that were shipped long enough ago."""
    terms = terms_at(at)
    while checkout.complete_due(terms=terms, at=at):
        pass


def close_windows(at: datetime) -> None:
    """Close the return windows that have ended."""
    terms = terms_at(at)
    while aftersales.close_due_windows(terms=terms, at=at):
        pass


def lapse_returns(at: datetime) -> None:
    """Announce and end returns whose goods do not come."""
    terms = terms_at(at)
    while aftersales.lapse_due_returns(terms=terms, at=at):
        pass


def keep_purchases(at: datetime) -> None:
    """Make ready what purchases gave whose partner's days are over: one purchase at a time."""
    terms = terms_at(at)
    with reading():
        due = partners.to_keep(at=at)

    def one(purchase_id: int) -> None:
        with transaction():
            partners.keep(purchase_id, terms=terms, at=at)

    insist(notices.one_by_one("purchase.keep", due, one, at=at))


def take_reviews_down(at: datetime) -> None:
    """Show no longer reviews of what had gone back before reviews went along with it."""
    terms = terms_at(at)
    with reading():
        unkept = dict(aftersales.unkept_reviews())

    def one(review_id: int) -> None:
        with transaction():
            aftersales.take_unkept_review_back(review_id, unkept[review_id], terms=terms, at=at)

    insist(notices.one_by_one("review.unkept", list(unkept), one, at=at))
