"""What must always be true of interest: who counts as told of stock was told."""

from sqlalchemy import String, cast, exists, literal, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import notices

from .requests import StockRequest


def checks() -> list[Check]:
    """Return the invariants of requests."""
    told = exists().where(notices.Notice.key == literal("back_in_stock:") + cast(StockRequest.id, String))
    return [
        Check(
            N_("whoever counts as told that an item is back has a notice that says so"),
            select(StockRequest.id).where(StockRequest.told_at.is_not(None), ~told),
        ),
    ]
