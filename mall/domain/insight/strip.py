"""The strip above every page: points ready, level, pieces in the basket, and which programme is in force - at once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select

from mall.base.db import execute
from mall.domain import checkout, ledger, membership, programme


@dataclass(frozen=True)
class Strip:
    """What the frame of a page shows of a visitor. `version` is the programme's, None before the shop is set up."""

    version: int | None
    ready_points: int
    rank: int
    basket_count: int


def strip(*, member_id: int | None, basket_token: str | None, at: datetime) -> Strip:
    """Return the strip for a member, or for a visitor by the token of the basket. One statement."""
    position, lot, history = ledger.Position, ledger.Lot, membership.LevelHistory
    basket, line = checkout.Basket, checkout.BasketLine
    ready = (
        select(func.coalesce(func.sum(position.points), 0))
        .join(lot, lot.id == position.lot_id)
        .where(position.member_id == member_id, position.place == "wallet", lot.expires_at >= at)
        .scalar_subquery()
    )
    rank = (
        select(history.rank)
        .where(history.member_id == member_id)
        .order_by(history.step.desc())
        .limit(1)
        .scalar_subquery()
    )
    mine = basket.member_id == member_id if member_id is not None else basket.token == (basket_token or "")
    pieces = (
        select(func.coalesce(func.sum(line.quantity), 0))
        .join(basket, basket.id == line.basket_id)
        .where(mine)
        .scalar_subquery()
    )
    row = execute(
        select(
            programme.in_force(at).scalar_subquery().label("version"),
            (ready if member_id is not None else literal(0)).label("ready"),
            (func.coalesce(rank, 1) if member_id is not None else literal(0)).label("rank"),
            (pieces if member_id is not None or basket_token else literal(0)).label("pieces"),
        )
    ).one()
    return Strip(row.version, int(row.ready), row.rank, int(row.pieces))
