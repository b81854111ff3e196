"""Returns: goods of an order on their way back, and their life - asked for, decided, received, refunded or exchanged.

While one is open its pieces are spoken for, and the return window of its order does not close.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, bindparam, func, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.sql import whole_sum
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import audit, checkout, notices

ASKED = "asked"  # An operator decides.
APPROVED = "approved"  # The goods are on their way back.
ADVANCED = "advanced"  # Refunded at once; the goods are still to come.
WAIVED = "waived"  # Refunded without the goods; should they come after all, they are taken in.
REFUNDED = "refunded"  # Refunded, and the goods are in.
DECLINED = "declined"
WITHDRAWN = "withdrawn"
LAPSED = "lapsed"  # Approved, and the goods never came; should they come after all, they are taken in and refunded.
# Of exchanges only.
RECEIVED = "received"  # The goods are in, the new ones are to be sent.
SPARED = "spared"  # The new ones are to be sent without the goods; should they come after all, they are taken in.
EXCHANGED = "exchanged"  # The new ones are sent, and the goods are in.
REPLACED = "replaced"  # The new ones are sent without the goods; should they come after all, they are taken in.
CLOSED = "closed"  # Over, since the pieces were refunded otherwise.
STATES = (
    ASKED, APPROVED, ADVANCED, WAIVED, REFUNDED, DECLINED, WITHDRAWN, LAPSED, RECEIVED, SPARED, EXCHANGED, REPLACED,
    CLOSED,
)  # fmt: skip
# A decision waits, or the goods do; the member may take it back.
UNSETTLED = (ASKED, APPROVED)
# The new ones are to be sent.
TO_SEND = (RECEIVED, SPARED)
# Neither refunded nor exchanged yet: the pieces are spoken for and the window stays open.
OPEN = (*UNSETTLED, *TO_SEND)
# The money has gone, the goods have not come.
PAID_OUT = (ADVANCED, WAIVED)
# Goods of these may arrive.
AWAITED = (APPROVED, ADVANCED, WAIVED, LAPSED, SPARED, REPLACED)

# What the member wants: money and points back, or the same again.
FOR_REFUND, FOR_EXCHANGE = "refund", "exchange"
WISHES = (FOR_REFUND, FOR_EXCHANGE)

APPROVE, WAIVE, DECLINE, WITHDRAW, RECEIVE, LAPSE = "approve", "waive", "decline", "withdraw", "receive", "lapse"
SEND, PAY, CLOSE = "send", "pay", "close"
EVENTS = (APPROVE, WAIVE, DECLINE, WITHDRAW, RECEIVE, LAPSE, SEND, PAY, CLOSE)
# A return's life: what may happen in each state, and what comes of it. To waive is to do without the goods.
_LIFE_FOR_REFUND: dict[str, dict[str, str]] = {
    ASKED: {APPROVE: APPROVED, WAIVE: WAIVED, DECLINE: DECLINED, WITHDRAW: WITHDRAWN},
    APPROVED: {RECEIVE: REFUNDED, WAIVE: WAIVED, DECLINE: DECLINED, WITHDRAW: WITHDRAWN, LAPSE: LAPSED},
    ADVANCED: {RECEIVE: REFUNDED},
    WAIVED: {RECEIVE: REFUNDED},
    REFUNDED: {},
    DECLINED: {},
    WITHDRAWN: {},
    LAPSED: {RECEIVE: REFUNDED},
}
# An exchange's: to pay is to refund it after all; it closes when its pieces are refunded otherwise.
_LIFE_FOR_EXCHANGE: dict[str, dict[str, str]] = {
    ASKED: {APPROVE: APPROVED, WAIVE: SPARED, DECLINE: DECLINED, WITHDRAW: WITHDRAWN, CLOSE: CLOSED},
    APPROVED: {
        RECEIVE: RECEIVED, WAIVE: SPARED, DECLINE: DECLINED, WITHDRAW: WITHDRAWN, LAPSE: LAPSED, CLOSE: CLOSED,
    },
    RECEIVED: {SEND: EXCHANGED, PAY: REFUNDED, CLOSE: CLOSED},
    SPARED: {RECEIVE: RECEIVED, SEND: REPLACED, PAY: WAIVED, CLOSE: CLOSED},
    REPLACED: {RECEIVE: EXCHANGED},
    EXCHANGED: {},
    WAIVED: {RECEIVE: REFUNDED},
    REFUNDED: {},
    DECLINED: {},
    WITHDRAWN: {},
    LAPSED: {RECEIVE: REFUNDED},
    CLOSED: {},
}  # fmt: skip
NEXT: dict[str, dict[str, dict[str, str]]] = {FOR_REFUND: _LIFE_FOR_REFUND, FOR_EXCHANGE: _LIFE_FOR_EXCHANGE}
# In these states an event has been done already: done again, it answers the same.
DONE_ALREADY = {
    wish: {event: {cell[event] for cell in life.values() if event in cell} for event in EVENTS}
    for wish, life in NEXT.items()
}
LONGEST_WORDS = 500
# The reason of what was not in the parcel: it cannot come back.
MISSING = "missing"


class ReturnMoved(Refusal):
    message = N_("This return has moved on meanwhile. Reload the page to see how it stands.")


class Return(db.Model):
    """Goods that a member wants to send back. `credit_id` is the credit note that refunded them.

    `parcel_id` is the parcel with the new ones, where the same was wanted again.
    """

    __tablename__ = "goods_return"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint(
            "(state IN ('advanced', 'waived', 'refunded')) = (credit_id IS NOT NULL)", name="refunded_has_its_note"
        ),
        CheckConstraint("(state IN ('asked', 'advanced')) = (decided_at IS NULL)", name="decided_has_its_time"),
        CheckConstraint(f"wish IN {WISHES}", name="wish_known"),
        CheckConstraint(
            "wish = 'exchange' OR state NOT IN ('received', 'spared', 'exchanged', 'replaced')",
            name="new_ones_for_an_exchange",
        ),
        CheckConstraint("(state IN ('exchanged', 'replaced')) = (parcel_id IS NOT NULL)", name="sent_has_its_parcel"),
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
    wish: Mapped[str] = mapped_column(String(8))
    parcel_id: Mapped[int | None] = mapped_column(ForeignKey("parcel.id"), unique=True)


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


def return_of(return_id: int) -> Row[Any]:
    """Return a return as it stands. Raises NotFound."""
    row = execute(_RETURN, {"of_id": return_id}).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such return."))
    return row


def returns_of(order_id: int) -> list[Row[Any]]:
    """Return the returns of an order, each with how many `pieces` it is about, the first first."""
    pieces = (
        select(whole_sum(ReturnLine.quantity))
        .where(ReturnLine.return_id == Return.id)
        .correlate(Return)
        .scalar_subquery()
    )
    rows = select(*Return.__table__.columns, pieces.label("pieces"))
    return list(execute(rows.where(Return.order_id == order_id).order_by(Return.id)))


def going_back(order_id: int, *, but: int | None = None) -> dict[int, int]:
    """Return the pieces that the open returns of an order are to be refunded for, {line: n}, without those of one."""
    rows = execute(_GOING_BACK, {"of_order": order_id, "not_of": but or 0})
    return {row.line: int(row.pieces) for row in rows}


def has_open(order_id: int) -> bool:
    """Tell whether a return of an order waits for something."""
    return execute(_OPEN_OF, {"of_order": order_id}).first() is not None


def move(
    return_id: int, event: str, *, by: str, at: datetime, answer: str = "", **changes: Any
) -> tuple[Row[Any], bool]:
    """Let something happen to a return: of two who try, one does it. Returns (row, whether this call did).

    Raises ReturnMoved where its life does not allow it.
    """
    row = return_of(return_id)
    if done_already(row, event):
        return row, False
    values = {
        "state": becomes(row, event), "decided_at": at, "decided_by": by, "answer": answer[:LONGEST_WORDS],
        **changes,
    }  # fmt: skip
    moved = execute(
        update(Return)
        .where(Return.id == return_id, Return.state == row.state, Return.wish == row.wish)
        .values(**values)
        .returning(*Return.__table__.columns)
    ).one_or_none()
    if moved is not None:
        return moved, True
    row = return_of(return_id)
    if not done_already(row, event):
        raise ReturnMoved()
    return row, False


def end_with_order(order_id: int, *, by: str, at: datetime) -> None:
    """End the open returns of an order of which all was refunded: nothing is left for them to bring."""
    for row in execute(_OPEN_OF, {"of_order": order_id}).all():
        move(row.id, WITHDRAW, by=by, answer=row.answer, at=at)
        checkout.note(
            order_id, "return_withdrawn", say(N_("Return ended: all of the order was refunded")), by=by, at=at
        )


def done_already(row: Row[Any], event: str) -> bool:
    """Tell whether a return stands where something has happened to it already: done again, it answers the same."""
    return row.state in DONE_ALREADY[row.wish][event]


def becomes(row: Row[Any], event: str) -> str:
    """Return the state that a return comes into when something happens to it. Raises ReturnMoved."""
    life = NEXT[row.wish][row.state]
    if event not in life:
        raise ReturnMoved()
    return life[event]


def write_down(act: str, row: Row[Any], *, by: str, reason: str, at: datetime, **more: Any) -> None:
    """Write what the desk did to a return into the audit log."""
    subject = checkout.reference_of(row.order_id)
    audit.write(act, by=by, subject=subject, at=at, after={"return": row.id, **more}, reason=reason)


def pieces_of(return_id: int) -> dict[int, int]:
    """Return how many pieces of each line of its order a return is about, {line: n}."""
    rows = execute(select(ReturnLine).where(ReturnLine.return_id == return_id).order_by(ReturnLine.line))
    return {row.line: row.quantity for row in rows}


def tell(row: Row[Any], kind: str, *, at: datetime, **more: str) -> None:
    """Tell the member how a return stands, once for each kind of notice; of an exchange in words of its own."""
    if row.wish == FOR_EXCHANGE:
        kind = OF_EXCHANGE.get(kind, kind)
    answer = {"words": row.answer} if kind in ANSWERS else {}
    values = {"number": checkout.number_of(row.order_id)} | answer | more
    notices.tell(row.member_id, kind, values=values, key=f"return:{row.id}:{kind}", at=at)


# What is told of an exchange instead.
OF_EXCHANGE = {
    "return_asked": "exchange_asked",
    "return_approved": "exchange_approved",
    "return_declined": "exchange_declined",
    "return_withdrawn": "exchange_withdrawn",
    "return_lapsing": "exchange_lapsing",
    "return_lapsed": "exchange_lapsed",
}
# The mails that say what the desk wrote along.
ANSWERS = (
    "return_approved", "return_declined", "return_offered", "exchange_approved", "exchange_spared",
    "exchange_declined",
)  # fmt: skip
_RETURN = select(Return).where(Return.id == bindparam("of_id"))
_OPEN_OF = (
    select(Return.id, Return.answer)
    .where(Return.order_id == bindparam("of_order"), Return.state.in_(OPEN))
    .order_by(Return.id)
)
_GOING_BACK = (
    select(ReturnLine.line, func.sum(ReturnLine.quantity).label("pieces"))
    .join(Return, Return.id == ReturnLine.return_id)
    .where(
        Return.order_id == bindparam("of_order"),
        Return.wish == FOR_REFUND,
        Return.state.in_(OPEN),
        Return.id != bindparam("not_of"),
    )
    .group_by(ReturnLine.line)
)
