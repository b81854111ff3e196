"""What becomes of an order when the cashier speaks: it is paid, it runs out, or money that came too late goes back.

Every verb here may be called repeatedly and in any order: webhook, return page and sweep all end up here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Row, bindparam, or_, update

from mall.base.cashier import SessionState
from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import cash, catalogue, coupons, earning, ledger, membership, notices, people, programme

from . import baskets, life, moving, orders, parcels
from .alarms import alarm
from .life import CANCELLED, COMPLETED, PAID, PROCESSING, REFUNDED, REVIEW, SHIPPED, TIMED_OUT, UNPAID
from .orders import Order


def settle(payment: Row[Any], state: SessionState, *, terms: programme.Programme, at: datetime) -> Row[Any]:
    """Act on what the cashier says of a payment's session. Returns the order as it stands then."""
    purse, order = orders.lock_with_purse(orders.order_id_for(payment), zone=terms.zone)
    recorded = cash.record(payment.id, state, at=at, seen=payment)
    if recorded.declined and life.NOTE in life.follows(life.CARD_DECLINED, order.state):
        moving.note(order.id, "declined", DECLINED, by="cashier", at=at)
    event = _event_of(recorded, order)
    if event is None:
        return order
    does = life.follows(event, order.state)
    if event == life.PAYMENT_ENDED and does and not _is_last(recorded.payment):
        return order
    if not recorded.changed:
        does &= {life.ALARM}
    return _do(does, event, order, recorded, purse=purse, terms=terms, at=at)


def _event_of(recorded: cash.Recorded, order: orders.OrderRow) -> str | None:
    """Return what has happened to an order by a payment, in the words of the order table; None when it is no news."""
    if not recorded.changed:
        return life.PAID_OTHERWISE if recorded.contradicts else None
    if recorded.now == cash.PROCESSING:
        return life.PAYING
    if recorded.now in (cash.EXPIRED, cash.FAILED):
        return life.PAYMENT_ENDED
    if recorded.now not in cash.CAPTURED:
        return None
    let_go = order.state in (CANCELLED, TIMED_OUT)
    in_time = order.state in (*UNPAID, REVIEW) and recorded.now != cash.LATE
    if recorded.differs and (let_go or in_time):
        return life.PAID_OTHERWISE
    if recorded.now == cash.LATE or order.state in (PAID, SHIPPED, COMPLETED, REFUNDED):
        return life.PAID_AGAIN
    return life.PAID_AS_ASKED


def _do(
    does: life.Cell,
    event: str,
    order: Row[Any],
    recorded: cash.Recorded,
    *,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> Row[Any]:
    """Do what the order table says follows from a payment. Returns the order as it stands then."""
    late = life.LATE in does
    if life.LET_GO in does:  # Also where money came: the page was over, so the order was.
        order = time_out(order, purse=purse, at=at, back_cents=recorded.payment.captured_cents if late else 0)
    if life.WAIT in does:
        said = say(N_("Payment under way; the bank takes its time"))
        order = moving.move(order, PROCESSING, kind="processing", said=said, by="cashier", at=at).order
    if life.PAY in does:
        order = become_paid(order, purse=purse, terms=terms, at=at)
    if life.TO_REVIEW in does:
        why = say(N_("The payment differs from the order: {what}"), what=", ".join(recorded.differs))
        order = moving.to_review(order, why=why, at=at).order
    if late:
        give_back_late(order, recorded.payment, at=at, told=life.LET_GO in does)
    if life.ALARM in does:
        alarm(order, ALARMS[event], key=f"payment:{recorded.payment.id}:{event}"[:120], at=at)
    return order


def become_paid(
    order: orders.OrderRow,
    *,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
    said: Message | None = None,
    by: str = "cashier",
    **changes: Any,
) -> Row[Any]:
    """Mark an order paid: spend the points held for it, and earn on the cash. Digital orders complete at once."""
    reference = orders.reference_of(order.id)
    moved = moving.move(order, PAID, kind="paid", said=said or PAID_WORDS, by=by, at=at, paid_at=at, **changes).order
    with ledger.one_write(purse):  # What was held and what is earned touch different places.
        if order.points:
            ledger.capture(purse, reference=reference, at=at, first=True)
        paid = earning.order_paid(sale_of(moved), purse=purse, terms=terms, at=at)
    return after_payment(moved, paid, terms=terms, at=at)


def after_payment(
    order: Row[Any], paid: earning.Paid, *, terms: programme.Programme, at: datetime, handed_over: bool = False
) -> Row[Any]:
    """Do what follows from being paid: tell the member, give what are coupons, codes or levels, complete what is
    digital.

    `paid` is what it was given; where a campaign had less left than was to come, its timeline says so.
    `handed_over`: the stock of what is digital is gone already.
    """
    for short in paid.short:
        moving.note(order.id, "campaign_short", short_words(short), by="system", at=at)
    notices.tell(
        order.member_id,
        "order_paid",
        values={
            "number": orders.number_of(order.id),
            "points": order.points,
            "total_cents": orders.cash_cents_of(order),
            "earned_points": paid.points,
            "codes": order.gives_codes,
            "coupons": order.gives_coupons,
            "digital": order.digital,
        },
        key=f"order:{order.id}:paid",
        at=at,
    )
    if order.gives_coupons:
        give_coupons(order, zone=terms.zone, at=at)
    if order.plan_cents is not None:
        give_levels(order, terms=terms, at=at)
    if order.digital or order.gives_codes or order.plan_cents is not None:
        deliver_digital(order, at=at, handed_over=handed_over)
    return complete(order, by="system", at=at) if order.digital else order


def deliver_digital(order: orders.OrderRow, *, at: datetime, handed_over: bool) -> None:
    """Let leave what needs no parcel: all of a digital order, codes and memberships of another. Codes are issued, one
    a piece.
    """
    reference = orders.reference_of(order.id)
    leaving = execute(_LEAVE_AT_ONCE, {"of_order": order.id, "everything": order.digital}).all()
    codes = [catalogue.Issuing(line.line, line.variant_id, line.quantity) for line in leaving if line.codes]
    if codes:
        catalogue.issue_codes(sorted(codes, key=lambda each: each.line), reference=reference, at=at)
    if not handed_over:
        catalogue.ship(reference, orders.pieces_of(leaving), at=at)


def give_coupons(order: orders.OrderRow, *, zone: str, at: datetime) -> None:
    """Put the coupons that an order bought among its member's: one for each piece, of the kind agreed then.

    An order is paid once, as its move sees to, so nothing was given for it before.
    """
    reference = orders.reference_of(order.id)
    givings = [
        coupons.Giving(line.template_id, key=f"{reference}:{line.line}:{piece}")
        for line in orders.lines_of(order.id)
        if line.template_id is not None
        for piece in range(1, line.quantity + 1)
    ]
    coupons.give(
        givings, member_id=order.member_id, source="points", reference=reference, zone=zone, at=at, first=True
    )


def give_levels(order: orders.OrderRow, *, terms: programme.Programme, at: datetime) -> None:
    """Let the memberships of an order begin: at once, or after the last day of one that its member has paid before.

    A level of placing is the one that has taken its place since.
    """
    placed = programme.version(order.version)
    for line in orders.lines_of(order.id):
        if line.plan_rank is None:
            continue
        days = earning.give_paid_level(
            order.member_id,
            membership.place_of(line.plan_rank, before=placed, now=terms),
            length=line.plan_length,
            unit=line.plan_unit,
            reference=orders.plan_reference(order.id, line.line),
            terms=terms,
            at=at,
        )
        execute(_BEGIN_PLAN, {"of_order": order.id, "of_line": line.line, "days": days})


def send_off(order: orders.OrderRow, *, by: str, at: datetime) -> None:
    """Let everything of an order leave the house: its lines count as shipped, its stock as gone."""
    pieces: dict[int, int] = {}
    for line in orders.lines_of(order.id):
        if left := orders.to_ship(line):
            pieces[line.variant_id] = pieces.get(line.variant_id, 0) + left
    execute(_ALL_SHIPPED, {"of_order": order.id})
    if pieces:
        catalogue.ship(orders.reference_of(order.id), pieces, at=at, by=by)


def nothing_left_to_ship(order: orders.OrderRow, *, by: str, at: datetime) -> Row[Any]:
    """Let a paid order be where it is when all that was still to be sent was called off.

    With parcels on their way it is shipped, since the last of them; what is left of any other needs no parcel.
    """
    send_off(order, by=by, at=at)
    if sent := parcels.parcels_of(order.id):
        said = say(N_("Nothing is left to send"))
        return moving.move(
            order, SHIPPED, kind="shipped", said=said, by=by, at=at, shipped_at=sent[-1].shipped_at
        ).order
    return complete(order, by=by, at=at)


def complete(order: orders.OrderRow, *, by: str, at: datetime) -> Row[Any]:
    """Mark an order delivered: its return window begins. Digital goods have none."""
    days = orders.window_days_of(order)
    said = say(N_("Delivered"))
    return moving.move(
        order,
        COMPLETED,
        kind="completed",
        said=said,
        by=by,
        at=at,
        completed_at=at,
        window_ends_at=at + timedelta(days=days),
    ).order


def short_words(short: earning.Short) -> Message:
    """Say that a campaign had less left than an order was to get by it."""
    if short.points:
        return say(
            N_("“{title}” ended with this order: of its points the last {points} were left, not {wanted}"),
            title=short.title,
            points=short.points,
            wanted=short.wanted_points,
        )
    return say(
        N_("The points of “{title}” had run out when this order was paid; it earns the ordinary points"),
        title=short.title,
    )


def sale_of(
    order: orders.OrderRow,
    *,
    kept: Mapping[int | None, int] | None = None,
    bought: tuple[earning.Bought, ...] = (),
) -> earning.Sale:
    """Return an order as earning sees it: the cash kept for goods, and the rates and campaigns of its placing.

    `kept` is the cash kept by campaign, as kept_of() says; without it that of all that was bought. Memberships earn
    nothing: a level that is bought is not earned as well. `bought` are its lines, as bought_of() says, where stamps
    are given for them.
    """
    return earning.Sale(
        order_id=order.id,
        reference=orders.reference_of(order.id),
        number=orders.number_of(order.id),
        member_id=order.member_id,
        placed_at=order.placed_at,
        version=order.version,
        rates=earning.Rates(order.multiplier_percent, order.earn_points, order.earn_per_cents, order.growth_per_cents),
        kept_cents=order.goods_cents - (order.plan_cents or 0) if kept is None else sum(kept.values()),
        campaigns=tuple(
            earning.CampaignPart(
                id=each["id"],
                title=each["title"],
                multiplier_percent=each["multiplier_percent"],
                capped=each["cap_points"] is not None,
                kept_cents=each["cents"] if kept is None else kept.get(each["id"], 0),
            )
            for each in order.campaigns or ()
        ),
        sent_to=place_of(order),
        rank=order.level_rank,
        bought=bought,
    )


def place_of(order: orders.OrderRow) -> str:
    """Return the mark of where an order goes; empty where it goes nowhere."""
    to = order.address or {}
    return people.place_mark(to["line1"], to["postcode"], to["country"]) if to else ""


def time_out(order: orders.OrderRow, *, purse: ledger.LockedPurse, at: datetime, back_cents: int = 0) -> Row[Any]:
    """Let an unpaid order go because its time is over. `back_cents` came too late and go back: the member is told."""
    said = say(N_("Not paid in time; points and items were released"))
    return _let_go(order, TIMED_OUT, said=said, by="system", purse=purse, at=at, back_cents=back_cents)


def call_off(
    order: orders.OrderRow,
    *,
    by: str,
    purse: ledger.LockedPurse,
    at: datetime,
    said: Message | None = None,
    back_cents: int = 0,
    gone_cents: int = 0,
    **changes: Any,
) -> Row[Any]:
    """Let an unpaid order go because it was given up. Only after the cashier says nothing can be paid.

    Where money came all the same the member is told of it: `back_cents` that the caller gives back, `gone_cents` that
    have gone back before, or by the bank.
    """
    said = said or say(N_("Cancelled before payment; points and items were released"))
    return _let_go(
        order, CANCELLED, said=said, by=by, purse=purse, at=at, back_cents=back_cents, gone_cents=gone_cents, **changes
    )


def give_back_late(order: orders.OrderRow, payment: cash.PaymentRow, *, at: datetime, told: bool = False) -> None:
    """Give back, whole, a payment that came when it was not wanted any more. It touches no points.

    `told` says that the member hears of it by the same mail as of the order's end.
    """
    cash.ask_refund(
        payment.id, payment.captured_cents, key=f"payment:{payment.id}:late", reason="came too late", at=at
    )
    said = say(N_("{amount_cents} came too late and is given back"), amount_cents=payment.captured_cents)
    moving.note(order.id, "late_refund", said, by="system", at=at)
    if told:
        return
    notices.tell(
        order.member_id,
        "refund_done",
        values={
            "number": orders.number_of(order.id),
            "back_cents": payment.captured_cents,
            "gone_cents": 0,
            "points": 0,
        },
        key=f"payment:{payment.id}:late",
        at=at,
    )


def _let_go(
    order: orders.OrderRow,
    state: str,
    *,
    said: Message,
    by: str,
    purse: ledger.LockedPurse,
    at: datetime,
    back_cents: int = 0,
    gone_cents: int = 0,
    **changes: Any,
) -> Row[Any]:
    reference = orders.reference_of(order.id)
    moved = moving.move(order, state, kind=state, said=said, by=by, at=at, ended_at=at, **changes).order
    if order.points:
        ledger.release(purse, reference=reference, at=at)
    lines = orders.lines_of(order.id)
    catalogue.return_quota(reference)
    catalogue.unreserve(reference, at=at, by=by)
    baskets.take_in_again(order.member_id, lines, at=at)
    values = {"number": orders.number_of(order.id), "points": order.points, "back_cents": back_cents}
    notices.tell(
        order.member_id,
        "order_timed_out" if state == TIMED_OUT else "order_cancelled",
        values=values if state == TIMED_OUT else values | {"gone_cents": gone_cents},
        key=f"order:{order.id}:{state}",
        at=at,
    )
    return moved


def _is_last(payment: cash.PaymentRow) -> bool:
    return all(other.attempt <= payment.attempt for other in cash.payments_of(payment.reference))


PAID_WORDS = say(N_("Paid"))
# What an alarm says, by what happened.
ALARMS = {
    life.PAID_AS_ASKED: say(N_("The payment came while the order is in review")),
    life.PAID_OTHERWISE: say(N_("The cashier says another amount, currency or order than was agreed")),
    life.PAID_AGAIN: say(N_("A payment came that was not expected; it is given back")),
    life.PAYMENT_ENDED: say(N_("The payment came to nothing while the order is in review")),
}
DECLINED = say(N_("The card was declined; nothing was charged"))


def close(order: orders.OrderRow, *, at: datetime) -> bool:
    """Mark an order's return window closed, once. Returns whether this call did it."""
    return (
        execute(
            update(Order).where(Order.id == order.id, Order.window_closed_at.is_(None)).values(window_closed_at=at)
        ).rowcount
        == 1
    )


_ALL_SHIPPED = (
    update(orders.OrderLine)
    .where(orders.OrderLine.order_id == bindparam("of_order"))
    .values(shipped=orders.OrderLine.quantity - orders.OrderLine.called_off)
)
_BEGIN_PLAN = (
    update(orders.OrderLine)
    .where(orders.OrderLine.order_id == bindparam("of_order"), orders.OrderLine.line == bindparam("of_line"))
    .values(plan_days=bindparam("days"))
)
_LEAVE_AT_ONCE = _ALL_SHIPPED.where(
    or_(orders.OrderLine.codes, orders.OrderLine.plan_rank.is_not(None), bindparam("everything", type_=Boolean))
).returning(orders.OrderLine.line, orders.OrderLine.variant_id, orders.OrderLine.quantity, orders.OrderLine.codes)
