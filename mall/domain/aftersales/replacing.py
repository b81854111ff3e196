"""Replacing: the new pieces of an exchange are sent; or there are none, and the money is offered instead."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, update

from mall.base.db import execute
from mall.base.text import N_, say
from mall.domain import checkout, people, programme

from .exchanges import let_go, reference_of
from .planning import plan_refund
from .returns import (
    APPROVED,
    FOR_EXCHANGE,
    FOR_REFUND,
    LONGEST_WORDS,
    SEND,
    UNSETTLED,
    Return,
    ReturnMoved,
    becomes,
    done_already,
    move,
    pieces_of,
    return_of,
    tell,
    write_down,
)


def send_replacement(return_id: int, *, carrier: str = "", tracking: str = "", by: str, at: datetime) -> Row[Any]:
    """Send the new pieces of an exchange as a parcel of its order, or hand them over at the counter.

    Done again, changes nothing. Refuses: ReturnMoved, OwnMatter, WrongState, UnderDispute, NoTracking, AnotherParcel.
    """
    order = checkout.lock_order(return_of(return_id).order_id)
    people.not_for_oneself(order.member_id, by=by)
    row = return_of(return_id)
    if done_already(row, SEND):
        return row
    becomes(row, SEND)
    pieces = pieces_of(return_id)
    parcel_id = checkout.send_once_more(
        order, pieces, reference=reference_of(return_id), carrier=carrier, tracking=tracking, by=by, at=at
    )
    row, moved = move(return_id, SEND, by=by, answer=row.answer, at=at, parcel_id=parcel_id)
    assert moved, "an exchange moved while its order was locked"
    sent = checkout.parcel_of(parcel_id)
    write_down("return.send", row, by=by, reason="", at=at, carrier=sent.carrier, tracking=sent.tracking)
    tell(row, "exchange_sent", at=at, carrier=sent.carrier, tracking=sent.tracking)
    return row


def offer_money(return_id: int, *, by: str, terms: programme.Programme, words: str = "", at: datetime) -> Row[Any]:
    """Offer the money back instead of an exchange: it is a return like any other then, and approved.

    The member agrees by sending the goods, and may withdraw it. Done again, changes nothing. Refuses: ReturnMoved,
    OwnMatter, and what refund() refuses.
    """
    order = checkout.lock_order(return_of(return_id).order_id)
    people.not_for_oneself(order.member_id, by=by)
    row = return_of(return_id)
    if (row.wish, row.state) == (FOR_REFUND, APPROVED):
        return row
    if row.wish != FOR_EXCHANGE or row.state not in UNSETTLED:
        raise ReturnMoved()
    plan_refund(order, reason=row.reason, at=at, zone=terms.zone, pieces=pieces_of(return_id), instead_of=return_id)
    let_go(row, by=by, at=at)
    values = {
        "wish": FOR_REFUND, "state": APPROVED, "decided_at": at, "decided_by": by,
        "answer": (words or row.answer)[:LONGEST_WORDS],
    }  # fmt: skip
    row = execute(
        update(Return).where(Return.id == return_id).values(**values).returning(*Return.__table__.columns)
    ).one()
    said = say(N_("The money is offered instead of the exchange"))
    checkout.note(row.order_id, "exchange_offered", said, by=by, at=at)
    write_down("return.offer", row, by=by, reason=words, at=at)
    tell(row, "return_offered", at=at)
    return row
