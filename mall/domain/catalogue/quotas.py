"""Quotas: of some products only so many are given out in all, whatever the stock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, bindparam, case, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

from .figures import MOST_PIECES, whole


class Quota(db.Model):
    """How many of a product may ever be taken, and how many were. Without a row there is no such limit."""

    __tablename__ = "quota"
    __table_args__ = (
        CheckConstraint("taken >= 0", name="taken_not_negative"),
        CheckConstraint("total IS NULL OR taken <= total", name="taken_within_total"),
    )

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    total: Mapped[int | None]
    taken: Mapped[int]


class QuotaDraw(db.Model):
    """What one order took of a quota and still has."""

    __tablename__ = "quota_draw"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity_not_negative"),)

    reference: Mapped[str] = mapped_column(String(40), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("quota.product_id"), primary_key=True, index=True)
    quantity: Mapped[int]
    drawn_at: Mapped[datetime] = mapped_column(Instant)


class QuotaUsedUp(Refusal):
    """The limit for everybody together is reached. Carries product_id and left."""

    message = N_("Only {left} of this item can still be had by all members together. Lower the quantity.")

    def __init__(self, product_id: int, left: int) -> None:
        super().__init__(left=left)
        self.product_id, self.left = product_id, left


class QuotaBelowTaken(Refusal):
    field = "total_quota"
    message = N_("{taken} were already taken. Set the total to {taken} or more.")


TOTAL_SENTENCE = N_("A total is a whole number from {least} to {most}.")


def set_quota(product_id: int, total: int | None) -> None:
    """Allow so many in all from now on; None: as many as there are. Raises QuotaBelowTaken, BadFigure."""
    assert in_transaction()
    if total is not None:
        whole(total, TOTAL_SENTENCE, least=0, most=MOST_PIECES, field="total_quota")
    taken = execute(select(Quota.taken).where(Quota.product_id == product_id).with_for_update()).scalar_one_or_none()
    if taken is None:
        if total is not None:
            execute(insert(Quota).values(product_id=product_id, total=total, taken=0))
        return
    if total is not None and total < taken:
        raise QuotaBelowTaken(taken=taken)
    execute(update(Quota).where(Quota.product_id == product_id).values(total=total))


def draw_quota(pieces: Mapping[int, int], *, reference: str, at: datetime) -> None:
    """Take pieces of products {product_id: n} off their totals; products without one are passed over.

    All or nothing: the transaction ends with QuotaUsedUp when one is short. Products ascending.
    """
    assert in_transaction()
    drawn = _count(pieces, sign=1)
    if len(drawn) < len(pieces):
        rest = [product_id for product_id in pieces if product_id not in drawn]
        short = execute(
            select(Quota.product_id, Quota.total, Quota.taken)
            .where(Quota.product_id.in_(rest), Quota.total.is_not(None))
            .order_by(Quota.product_id)
        ).first()
        if short is not None:
            raise QuotaUsedUp(short.product_id, short.total - short.taken)
    if drawn:
        execute(
            insert(QuotaDraw),
            [
                {"reference": reference, "product_id": id_, "quantity": pieces[id_], "drawn_at": at}
                for id_ in sorted(drawn)
            ],
        )


def return_quota(reference: str, pieces: Mapping[int, int] | None = None) -> None:
    """Put back what an order took: all of it, or so many pieces of products; never more than it still has."""
    assert in_transaction()
    draws = execute(
        select(QuotaDraw.product_id, QuotaDraw.quantity)
        .where(QuotaDraw.reference == reference, QuotaDraw.quantity > 0)
        .order_by(QuotaDraw.product_id)
        .with_for_update()
    ).all()
    back = {
        draw.product_id: draw.quantity if pieces is None else min(draw.quantity, pieces.get(draw.product_id, 0))
        for draw in draws
    }
    back = {product_id: quantity for product_id, quantity in back.items() if quantity > 0}
    if not back:
        return
    for product_id, quantity in back.items():
        execute(
            update(QuotaDraw)
            .where(QuotaDraw.reference == reference, QuotaDraw.product_id == product_id)
            .values(quantity=QuotaDraw.quantity - quantity)
        )
    _count(back, sign=-1)


def _count(pieces: Mapping[int, int], *, sign: int) -> set[int]:
    """Move the counters of products, ascending, where there is room. Returns the products whose counter moved."""
    if not pieces:
        return set()
    ascending = sorted(pieces)
    moved: Any = case(
        *[(Quota.product_id == id_, bindparam(None, sign * pieces[id_], type_=Quota.taken.type)) for id_ in ascending],
        else_=0,
    )
    room = Quota.taken + moved <= Quota.total if sign > 0 else Quota.taken + moved >= 0
    locked = select(Quota.product_id).where(Quota.product_id.in_(ascending)).order_by(Quota.product_id)
    return set(
        execute(
            update(Quota)
            .where(Quota.product_id.in_(locked.with_for_update()), room)
            .values(taken=Quota.taken + moved)
            .returning(Quota.product_id)
        ).scalars()
    )
