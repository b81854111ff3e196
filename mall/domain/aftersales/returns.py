"""Returns: a member asks for goods to go back, an operator decides, the goods arrive, the money goes.

While one is open its pieces are spoken for, and the return window of its order does not close.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, bindparam, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, say
from mall.domain import audit, catalogue, checkout, ledger, notices, programme

from . import credits
from .plans import REASONS, NoReason, Plan, TooManyPieces, plan_refund
from .refunds import MoreThanReturned, RefundChanged, refund_locked

ASKED = "asked"  # An operator decides.
APPROVED = "approved"  # The goods are on their way back.
ADVANCED = "advanced"  # Refunded at once; the goods are still to come.
REFUNDED = "refunded"
DECLINED = "declined"
WITHDRAWN = "withdrawn"
STATES = (ASKED, APPROVED, ADVANCED, REFUNDED, DECLINED, WITHDRAWN)
# Nothing is refunded yet: the pieces are spoken for and the window stays open.
OPEN = (ASKED, APPROVED)

APPROVE, WAIVE, DECLINE, WITHDRAW, RECEIVE = "approve", "waive", "decline", "withdraw", "receive"
EVENTS = (APPROVE, WAIVE, DECLINE, WITHDRAW, RECEIVE)
# A return's life: what may happen in each state, and what comes of it. To waive is to refund without the goods.
NEXT: dict[str, dict[str, str]] = {
    ASKED: {APPROVE: APPROVED, WAIVE: REFUNDED, DECLINE: DECLINED, WITHDRAW: WITHDRAWN},
    APPROVED: {RECEIVE: REFUNDED, WAIVE: REFUNDED, DECLINE: DECLINED, WITHDRAW: WITHDRAWN},
    ADVANCED: {RECEIVE: REFUNDED},
    REFUNDED: {},
    DECLINED: {},
    WITHDRAWN: {},
}
# In these states an event has been done already: done again, it answers the same.
DONE_ALREADY = {
    APPROVE: (APPROVED,),
    WAIVE: (REFUNDED,),
    DECLINE: (DECLINED,),
    WITHDRAW: (WITHDRAWN,),
    RECEIVE: (REFUNDED,),
}
# Why a member may send something back; goodwill is the desk's.
RETURN_REASONS = tuple(reason for reason in REASONS if reason != "goodwill")
MOST_PICTURES = 4
LONGEST_WORDS = 500


class NotReturnable(Refusal):
    message = N_("Nothing of order {number} can be returned now. Its page says until when it could be.")


class ReturnMoved(Refusal):
    message = N_("This return has moved on meanwhile. Reload the page to see how it stands.")


class ReturnChanged(Refusal):
    message = N_("What you get back has changed since it was shown. Nothing was done. Look at it again, then confirm.")


class NoSentence(Refusal):
    field = "words"
    message = N_("Write the member a sentence that says why.")


class TooManyReturnPictures(Refusal):
    field = "pictures"
    message = N_("Send {most} pictures at most.")


class Return(db.Model):
    """Goods that a member wants to send back. `credit_id` is the credit note that refunded them."""

    __tablename__ = "goods_return"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("(state IN ('advanced', 'refunded')) = (credit_id IS NOT NULL)", name="refunded_has_its_note"),
        CheckConstraint("(state IN ('asked', 'advanced')) = (decided_at IS NULL)", name="decided_has_its_time"),
        Index(None, "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(String(LONGEST_WORDS))
    answer: Mapped[str] = mapped_column(String(LONGEST_WORDS))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(40))
    credit_id: Mapped[int | None] = mapped_column(ForeignKey("credit_note.id"), unique=True)


class ReturnLine(db.Model):
    """The pieces of one order line in a return; so many of them went back on the shelf."""

    __tablename__ = "goods_return_line"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND restocked >= 0 AND restocked <= quantity", name="pieces_within"),
    )

    return_id: Mapped[int] = mapped_column(ForeignKey("goods_return.id"), primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quantity: Mapped[int]
    restocked: Mapped[int]


class ReturnPicture(db.Model):
    """A picture that a member sent along, by the random name of its files."""

    __tablename__ = "goods_return_picture"

    return_id: Mapped[int] = mapped_column(ForeignKey("goods_return.id"), primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    file: Mapped[str] = mapped_column(String(32), unique=True)
    width: Mapped[int]
    height: Mapped[int]


@dataclass(frozen=True)
class ReturnPlan:
    """What a return would bring: the refund, and whether it comes at once. Who confirms sends the `fingerprint`."""

    refund: Plan
    at_once: bool
    fingerprint: str


@dataclass(frozen=True)
class ReturnPage:
    """Everything a return's page shows. `pieces` are {line: n}; `lines` the order's lines it is about."""

    row: Row[Any]
    order: Row[Any]
    pieces: dict[int, int]
    restocked: dict[int, int]
    lines: list[Row[Any]]
    pictures: list[Row[Any]]
    credit: Row[Any] | None


def returnable(order: Row[Any], *, at: datetime) -> bool:
    """Tell whether a member may ask for goods of an order to go back: sent, and the return window not over."""
    if order.digital or order.return_window_days == 0 or order.window_closed_at is not None:
        return False
    return order.state == checkout.SHIPPED or (order.state == checkout.COMPLETED and at < order.window_ends_at)


def pieces_to_return(order_id: int, lines: Sequence[Row[Any]]) -> dict[int, int]:
    """Return how many pieces of each line were sent and are neither back nor in an open return, {line: n}."""
    spoken_for = {row.line: int(row.pieces) for row in execute(_SPOKEN_FOR, {"of_order": order_id})}
    left = {
        line.line: line.shipped + line.called_off - line.refunded - spoken_for.get(line.line, 0)
        for line in lines
        if not line.digital
    }
    return {number: pieces for number, pieces in left.items() if pieces > 0}


def plan_return(
    order: Row[Any],
    *,
    pieces: Mapping[int, int],
    reason: str,
    level: programme.Level,
    terms: programme.Programme,
    at: datetime,
) -> ReturnPlan:
    """Think out a return: what it would bring, by the code that refunds, and whether the level has it at once.

    Refuses: NotReturnable, NoReason, NothingChosen, TooManyPieces.
    """
    if not returnable(order, at=at):
        raise NotReturnable(number=checkout.number_of(order.id))
    if reason not in RETURN_REASONS:
        raise NoReason(N_("Say why it goes back."))
    lines = checkout.lines_of(order.id)
    left = pieces_to_return(order.id, lines)
    by_number = {line.line: line for line in lines}
    for number, quantity in pieces.items():
        if number in by_number and quantity > left.get(number, 0):
            raise TooManyPieces(number, title=by_number[number].title, left=left.get(number, 0))
    plan = plan_refund(order, reason=reason, at=at, zone=terms.zone, pieces=pieces, lines=lines)
    earlier = execute(_HOW_MANY, {"of_order": order.id}).scalar_one()
    fingerprint = hashlib.sha256(f"{earlier}:{plan.fingerprint}".encode()).hexdigest()[:32]
    worth_cents = plan.cash_cents + plan.points * order.worth_cents // order.worth_points
    return ReturnPlan(plan, 0 < worth_cents <= level.instant_refund_cents, fingerprint)


def ask_return(
    order_id: int,
    *,
    member_id: int,
    pieces: Mapping[int, int],
    reason: str,
    words: str,
    pictures: Sequence[catalogue.Prepared],
    shown: str,
    level: programme.Level,
    terms: programme.Programme,
    at: datetime,
) -> tuple[Row[Any], bool]:
    """Ask for pieces of an order's lines, {line: n}, to go back; refunded at once where the level has that.

    `shown` is the fingerprint of the plan that was confirmed; confirmed again, it answers the first. Returns (the
    return, whether it is new). Raises NotFound for another's order; refuses: NotReturnable, NoReason, NothingChosen,
    TooManyPieces, TooManyReturnPictures, ReturnChanged.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    if order.member_id != member_id:
        raise NotFound(N_("There is no such order."))
    if found := execute(_WITH_KEY, {"of_key": shown, "of_order": order_id}).one_or_none():
        return found, False
    plan = plan_return(order, pieces=pieces, reason=reason, level=level, terms=terms, at=at)
    if plan.fingerprint != shown:
        raise ReturnChanged()
    if len(pictures) > MOST_PICTURES:
        raise TooManyReturnPictures(most=MOST_PICTURES)
    by = f"member:{member_id}"
    credit_id = None
    words_of_reason, _our_fault = REASONS[reason]
    said = say(N_("Return asked for, {pieces} in all: {reason}"), pieces=plan.refund.pieces, reason=words_of_reason)
    checkout.note(order_id, "return_asked", said, by=by, at=at)
    if plan.at_once:
        credit_id = _refund(order, purse, plan.refund, restock=False, by=by, terms=terms, at=at)
    row = execute(
        _ASK,
        {
            "order_id": order_id,
            "member_id": member_id,
            "key": shown,
            "state": ADVANCED if plan.at_once else ASKED,
            "reason": reason,
            "words": words[:LONGEST_WORDS],
            "answer": "",
            "asked_at": at,
            "credit_id": credit_id,
        },
    ).one()
    execute(
        insert(ReturnLine).inline(),
        [
            {"return_id": row.id, "line": each.line.line, "quantity": each.quantity, "restocked": 0}
            for each in plan.refund.lines
        ],
    )
    if pictures:
        execute(
            insert(ReturnPicture).inline(),
            [
                {"return_id": row.id, "position": number, "file": each.name, "width": each.width,
                 "height": each.height}
                for number, each in enumerate(pictures, start=1)
            ],
        )  # fmt: skip
    _tell(row, "return_advanced" if plan.at_once else "return_asked", at=at)
    return row, True


def approve_return(return_id: int, *, by: str, words: str = "", at: datetime) -> Row[Any]:
    """Let goods be sent back: the member is told to send them. Done again, changes nothing. Refuses: ReturnMoved."""
    row, moved = _move(return_id, APPROVE, by=by, answer=words, at=at)
    if moved:
        checkout.note(row.order_id, "return_approved", say(N_("Return approved")), by=by, at=at)
        _write_down("return.approve", row, by=by, reason=words, at=at)
        _tell(row, "return_approved", at=at)
    return row


def decline_return(return_id: int, *, by: str, words: str, at: datetime) -> Row[Any]:
    """Decline a return with a sentence to the member. Done again, changes nothing.

    Refuses: NoSentence, ReturnMoved.
    """
    if not words.strip():
        raise NoSentence()
    row, moved = _move(return_id, DECLINE, by=by, answer=words, at=at)
    if moved:
        said = say(N_("Return declined: {words}"), words=row.answer)
        checkout.note(row.order_id, "return_declined", said, by=by, at=at)
        _write_down("return.decline", row, by=by, reason=words, at=at)
        _tell(row, "return_declined", at=at)
    return row


def withdraw_return(return_id: int, *, member_id: int, at: datetime) -> Row[Any]:
    """Take a return back: the member keeps the goods. Done again, changes nothing.

    Raises NotFound for another's; refuses: ReturnMoved.
    """
    if return_of(return_id).member_id != member_id:
        raise NotFound(N_("There is no such return."))
    row, moved = _move(return_id, WITHDRAW, by=f"member:{member_id}", at=at)
    if moved:
        said = say(N_("Return withdrawn"))
        checkout.note(row.order_id, "return_withdrawn", said, by=f"member:{member_id}", at=at)
        _tell(row, "return_withdrawn", at=at)
    return row


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

    The return is refunded, unless that was done at once; `shown` is the fingerprint of the refund that was confirmed.
    Done again, changes nothing. Refuses: ReturnMoved, RefundChanged, MoreThanReturned, and what refund() refuses.
    """
    return _settle(return_id, RECEIVE, shelved=shelved, by=by, terms=terms, shown=shown, at=at)


def waive_return(
    return_id: int, *, by: str, terms: programme.Programme, shown: str | None, words: str = "", at: datetime
) -> Row[Any]:
    """Refund a return without the goods: they are missing, or not worth sending. As receive_return() otherwise."""
    return _settle(return_id, WAIVE, shelved={}, by=by, terms=terms, shown=shown, words=words, at=at)


def plan_receipt(page: ReturnPage, *, terms: programme.Programme, at: datetime) -> Plan:
    """Return what taking in a return's goods would refund now. Refuses: NotRefundable, TooManyPieces."""
    return plan_refund(page.order, reason=page.row.reason, at=at, zone=terms.zone, pieces=page.pieces)


def return_of(return_id: int) -> Row[Any]:
    """Return a return as it stands. Raises NotFound."""
    row = execute(_RETURN, {"of_id": return_id}).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such return."))
    return row


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
    )


def returns_of(order_id: int) -> list[Row[Any]]:
    """Return the returns of an order, each with how many `pieces` it is about, the first first."""
    pieces = (
        select(func.sum(ReturnLine.quantity))
        .where(ReturnLine.return_id == Return.id)
        .correlate(Return)
        .scalar_subquery()
    )
    rows = select(*Return.__table__.columns, pieces.label("pieces"))
    return list(execute(rows.where(Return.order_id == order_id).order_by(Return.id)))


def has_open(order_id: int) -> bool:
    """Tell whether a return of an order waits for something."""
    return execute(_OPEN_OF, {"of_order": order_id}).first() is not None


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
    page = return_page(return_id)
    if page.row.state in DONE_ALREADY[event]:
        return page.row
    if event not in NEXT[page.row.state]:
        raise ReturnMoved()
    changes: dict[str, Any] = {}
    if page.row.state == ADVANCED:
        _shelve(page, shelved, by=by, at=at)
    else:
        plan = plan_refund(order, reason=page.row.reason, at=at, zone=terms.zone, pieces=page.pieces)
        if shown is not None and shown != plan.fingerprint:
            raise RefundChanged(number=checkout.number_of(order.id))
        changes["credit_id"] = _refund(order, purse, plan, restock=shelved, by=by, terms=terms, at=at)
    row, moved = _move(return_id, event, by=by, answer=words or page.row.answer, at=at, **changes)
    assert moved, "a return moved while its order was locked"
    if back := [{"of_return": return_id, "of_line": line, "n": n} for line, n in shelved.items() if n]:
        execute(_RESTOCKED, back)
    _write_down(f"return.{event}", row, by=by, reason=words, at=at, shelved=sum(shelved.values()))
    if page.row.state == ADVANCED:
        checkout.note(order.id, "return_received", say(N_("Returned goods received")), by=by, at=at)
        _tell(row, "return_received", at=at)
    return row


def _refund(
    order: Row[Any],
    purse: ledger.LockedPurse,
    plan: Plan,
    *,
    restock: bool | Mapping[int, int],
    by: str,
    terms: programme.Programme,
    at: datetime,
) -> int:
    """Refund what a plan says. Returns the id of its credit note."""
    pieces = {each.line.line: each.quantity for each in plan.lines}
    refund_locked(order, purse, reason=plan.reason, restock=restock, pieces=pieces, by=by, terms=terms, at=at)
    credit = credits.credited_with(plan.fingerprint, order_id=order.id)
    assert credit is not None, "a refund without its credit note"
    return int(credit.id)


def _shelve(page: ReturnPage, shelved: Mapping[int, int], *, by: str, at: datetime) -> None:
    """Put pieces on the shelf that were refunded before they came. Refuses: MoreThanReturned."""
    if any(not 0 <= count <= page.pieces.get(line, 0) for line, count in shelved.items()):
        raise MoreThanReturned()
    back: dict[int, int] = {}
    for line in page.lines:
        if count := shelved.get(line.line):
            back[line.variant_id] = back.get(line.variant_id, 0) + count
    if back:
        catalogue.take_returned(checkout.reference_of(page.order.id), back, at=at, by=by)


def _move(
    return_id: int, event: str, *, by: str, at: datetime, answer: str = "", **changes: Any
) -> tuple[Row[Any], bool]:
    """Let something happen to a return: of two who try, one does it. Returns (row, whether this call did).

    Raises ReturnMoved where its life does not allow it.
    """
    row = return_of(return_id)
    if row.state in DONE_ALREADY[event]:
        return row, False
    if event not in NEXT[row.state]:
        raise ReturnMoved()
    values = {
        "state": NEXT[row.state][event], "decided_at": at, "decided_by": by, "answer": answer[:LONGEST_WORDS],
        **changes,
    }  # fmt: skip
    moved = execute(
        update(Return)
        .where(Return.id == return_id, Return.state == row.state)
        .values(**values)
        .returning(*Return.__table__.columns)
    ).one_or_none()
    if moved is not None:
        return moved, True
    row = return_of(return_id)
    if row.state not in DONE_ALREADY[event]:
        raise ReturnMoved()
    return row, False


def _write_down(act: str, row: Row[Any], *, by: str, reason: str, at: datetime, **more: Any) -> None:
    subject = checkout.reference_of(row.order_id)
    audit.write(act, by=by, subject=subject, at=at, after={"return": row.id, **more}, reason=reason)


def _tell(row: Row[Any], kind: str, *, at: datetime) -> None:
    values = {"number": checkout.number_of(row.order_id), "words": row.answer}
    notices.tell(row.member_id, kind, values=values, key=f"return:{row.id}:{kind}", at=at)


_RETURN = select(Return).where(Return.id == bindparam("of_id"))
_WITH_KEY = select(Return).where(Return.key == bindparam("of_key"), Return.order_id == bindparam("of_order"))
_ASK = insert(Return).returning(*Return.__table__.columns)
_HOW_MANY = select(func.count()).select_from(Return).where(Return.order_id == bindparam("of_order"))
_OPEN_OF = select(Return.id).where(Return.order_id == bindparam("of_order"), Return.state.in_(OPEN)).limit(1)
_SPOKEN_FOR = (
    select(ReturnLine.line, func.sum(ReturnLine.quantity).label("pieces"))
    .join(Return, Return.id == ReturnLine.return_id)
    .where(Return.order_id == bindparam("of_order"), Return.state.in_(OPEN))
    .group_by(ReturnLine.line)
)
_RESTOCKED = (
    update(ReturnLine)
    .where(ReturnLine.return_id == bindparam("of_return"), ReturnLine.line == bindparam("of_line"))
    .values(restocked=bindparam("n"))
)
