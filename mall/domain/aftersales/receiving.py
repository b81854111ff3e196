"""Receiving a return: the goods are in, sound or not, and the money goes or new ones do; or they go without them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, bindparam, select, update

from mall.base.db import execute
from mall.base.errors import NotFound
from mall.base.text import N_, say
from mall.domain import catalogue, checkout, people, programme

from . import credits
from .exchanges import free, set_aside, shelve
from .planning import plan_refund
from .plans import Plan
from .refunds import MoreThanReturned, RefundChanged, refund_locked
from .returns import (
    ASKED,
    FOR_EXCHANGE,
    PAID_OUT,
    PAY,
    RECEIVE,
    REFUNDED,
    WAIVE,
    WAIVED,
    ReturnLine,
    ReturnPicture,
    becomes,
    done_already,
    end_with_order,
    move,
    return_of,
    tell,
    write_down,
)


class ReturnPage(Struct, frozen=True):
    """Everything a return's page shows. `pieces` are {line: n}; `lines` the order's lines it is about.

    `parcel` is the one with the new pieces of an exchange.
    """

    row: Row[Any]
    order: Row[Any]
    pieces: dict[int, int]
    restocked: dict[int, int]
    lines: list[Row[Any]]
    pictures: list[Row[Any]]
    credit: Row[Any] | None
    parcel: Row[Any] | None


def return_page(return_id: int, *, member_id: int | None = None) -> ReturnPage:
    """Return everything a return's page shows; with `member_id`, only if it is that member's. Raises NotFound."""
    row = return_of(return_id)
    if member_id is not None and row.member_id != member_id:
        raise NotFound(N_("There is no such return."))
    pieces = execute(select(ReturnLine).where(ReturnLine.return_id == return_id).order_by(ReturnLine.line)).all()
    numbers = {each.line for each in pieces}
    credit = None
    if row.credit_id is not None:
        credit = execute(select(credits.CreditNote).where(credits.CreditNote.id == row.credit_id)).one()
    return ReturnPage(
        row=row,
        order=checkout.order_of(row.order_id),
        pieces={each.line: each.quantity for each in pieces},
        restocked={each.line: each.restocked for each in pieces},
        lines=[line for line in checkout.lines_of(row.order_id) if line.line in numbers],
        pictures=list(
            execute(select(ReturnPicture).where(ReturnPicture.return_id == return_id).order_by(ReturnPicture.position))
        ),
        credit=credit,
        parcel=checkout.parcel_of(row.parcel_id) if row.parcel_id is not None else None,
    )


def plan_receipt(page: ReturnPage, *, terms: programme.Programme, at: datetime) -> Plan:
    """Return what a return would refund now. Refuses: NotRefundable, TooManyPieces, UnderDispute."""
    return plan_refund(
        page.order, reason=page.row.reason, at=at, zone=terms.zone, pieces=page.pieces, instead_of=page.row.id
    )


def receive_return(
    return_id: int,
    *,
    shelved: Mapping[int, int],
    by: str,
    terms: programme.Programme,
    shown: str | None,
    at: datetime,
) -> Row[Any]:
    """Take in the goods of a return: so many pieces of lines go on the shelf, {line: n}, the rest is written off.

    The return is refunded, unless that was done before they came; `shown` is the fingerprint of the refund that was
    confirmed. Of an exchange the new ones can be sent then, and nothing is refunded. Done again, changes nothing.
    Refuses: ReturnMoved, RefundChanged, MoreThanReturned, and what refund() refuses, OwnMatter among it.
    """
    return _settle(return_id, RECEIVE, shelved=shelved, by=by, terms=terms, shown=shown, at=at)


def waive_return(
    return_id: int, *, by: str, terms: programme.Programme, shown: str | None, words: str = "", at: datetime
) -> Row[Any]:
    """Refund a return without the goods: they are missing, or not worth sending. As receive_return() otherwise.

    Of an exchange the new ones can be sent then; they are set aside where they were not. Refuses: NoneLeft.
    """
    return _settle(return_id, WAIVE, shelved={}, by=by, terms=terms, shown=shown, words=words, at=at)


def pay_exchange(
    return_id: int, *, by: str, terms: programme.Programme, shown: str | None, words: str = "", at: datetime
) -> Row[Any]:
    """Refund an exchange whose new ones were to be sent, and cannot be. What was set aside is free again.

    As receive_return() otherwise.
    """
    return _settle(return_id, PAY, shelved={}, by=by, terms=terms, shown=shown, words=words, at=at)


def _settle(
    return_id: int,
    event: str,
    *,
    shelved: Mapping[int, int],
    by: str,
    terms: programme.Programme,
    shown: str | None,
    words: str = "",
    at: datetime,
) -> Row[Any]:
    purse, order = checkout.lock_with_purse(return_of(return_id).order_id, zone=terms.zone)
    people.not_for_oneself(order.member_id, by=by)
    page = return_page(return_id)
    if done_already(page.row, event):
        return page.row
    if becomes(page.row, event) not in (REFUNDED, WAIVED):
        return _go_on(page, event, shelved=shelved, by=by, words=words, at=at)
    changes: dict[str, Any] = {}
    takes_all = False
    if page.row.state in PAID_OUT:
        _shelve(page, shelved, by=by, at=at)
    else:
        plan = plan_receipt(page, terms=terms, at=at)
        if shown is not None and shown != plan.fingerprint:
            raise RefundChanged(number=checkout.number_of(order.id))
        done, changes["credit_id"] = refund_locked(
            order, purse, reason=plan.reason, restock=shelved, pieces=page.pieces, by=by, terms=terms, at=at,
            instead_of=return_id,
        )  # fmt: skip
        takes_all = done.takes_all
        if page.row.wish == FOR_EXCHANGE:
            free(page.row, by=by, at=at)
    row, moved = move(return_id, event, by=by, answer=words or page.row.answer, at=at, **changes)
    assert moved, "a return moved while its order was locked"
    if takes_all:
        end_with_order(order.id, by=by, at=at)
    _count_restocked(return_id, shelved)
    write_down(f"return.{event}", row, by=by, reason=words, at=at, shelved=sum(shelved.values()))
    if page.row.state in PAID_OUT:
        checkout.note(order.id, "return_received", say(N_("Returned goods received")), by=by, at=at)
        tell(row, "return_received", at=at)
    return row


def _go_on(page: ReturnPage, event: str, *, shelved: Mapping[int, int], by: str, words: str, at: datetime) -> Row[Any]:
    """Let an exchange go on, its order locked: the goods are in, or are not waited for. No money moves."""
    _no_more_than(page, shelved)
    row, moved = move(page.row.id, event, by=by, answer=words or page.row.answer, at=at)
    assert moved, "an exchange moved while its order was locked"
    if event == WAIVE:
        if page.row.state == ASKED:
            set_aside(row, by=by, at=at)
        said, kind, act = say(N_("Exchange goes on without the goods")), "exchange_spared", "return.spare"
    else:
        shelve(row, shelved, by=by, at=at)
        _count_restocked(row.id, shelved)
        said, kind, act = say(N_("Returned goods received")), "exchange_received", "return.receive"
    checkout.note(row.order_id, "return_received" if event == RECEIVE else "return_spared", said, by=by, at=at)
    write_down(act, row, by=by, reason=words, at=at, shelved=sum(shelved.values()))
    tell(row, kind, at=at)
    return row


def _count_restocked(return_id: int, shelved: Mapping[int, int]) -> None:
    if back := [{"of_return": return_id, "of_line": line, "n": n} for line, n in shelved.items() if n]:
        execute(_RESTOCKED, back)


def _no_more_than(page: ReturnPage, shelved: Mapping[int, int]) -> None:
    if any(not 0 <= count <= page.pieces.get(line, 0) for line, count in shelved.items()):
        raise MoreThanReturned()


def _shelve(page: ReturnPage, shelved: Mapping[int, int], *, by: str, at: datetime) -> None:
    """Put pieces on the shelf that were refunded before they came. Refuses: MoreThanReturned."""
    _no_more_than(page, shelved)
    back: dict[int, int] = {}
    for line in page.lines:
        if count := shelved.get(line.line):
            back[line.variant_id] = back.get(line.variant_id, 0) + count
    if back:
        catalogue.take_returned(checkout.reference_of(page.order.id), back, at=at, by=by)


_RESTOCKED = (
    update(ReturnLine)
    .where(ReturnLine.return_id == bindparam("of_return"), ReturnLine.line == bindparam("of_line"))
    .values(restocked=bindparam("n"))
)
