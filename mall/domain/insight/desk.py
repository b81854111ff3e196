"""What operators work from: queues of orders, members and what they are worth, the figures of the day. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select, type_coerce

from mall.base.clock import Instant, start_of
from mall.base.db import execute
from mall.domain import approvals, cash, catalogue, checkout, ledger, membership, people, programme

Order, Line = checkout.Order, checkout.OrderLine

# The tabs of the operators' queue, and the states behind each.
QUEUES: dict[str, tuple[str, ...]] = {
    "to_ship": (checkout.PAID,),
    "with_carrier": (checkout.SHIPPED,),
    "unpaid": checkout.UNPAID,
    "review": (checkout.REVIEW,),
    "complete": (checkout.COMPLETED,),
    "ended": (checkout.CANCELLED, checkout.TIMED_OUT, checkout.REFUNDED),
}
# Orders whose cash the cashier would not give back: a person has to.
REFUSED_REFUNDS = "refused_refunds"
OLDEST_FIRST = (REFUSED_REFUNDS, "to_ship", "with_carrier", "unpaid", "review")
DAYS_DRAWN = 14


@dataclass(frozen=True)
class Found:
    """A page of a list, and how many rows there are in all."""

    rows: Sequence[Row[Any]]
    total: int


def orders_in(queue: str, *, words: str = "", page: int = 1, per_page: int = 25) -> Found:
    """Return a page of the operators' orders, each with its member, first item, line count and level.

    `words` finds an order by its number or tracking number, or by the member's name, e-mail or number.
    """
    member, parcel = people.Member, checkout.Parcel
    wanted: list[ColumnElement[bool]] = []
    if queue in QUEUES:
        wanted.append(Order.state.in_(QUEUES[queue]))
    elif queue == REFUSED_REFUNDS:
        payment, refund = cash.Payment, cash.Refund
        refused = select(payment.reference).join(refund, refund.payment_id == payment.id)
        wanted.append(checkout.REFERENCE.in_(refused.where(refund.state == cash.REFUSED)))
    if words:
        like = f"%{catalogue.escape_like(words)}%"
        of_parcel = select(parcel.order_id).where(parcel.tracking == words)
        finds = [
            member.display_name.ilike(like, escape="\\"),
            member.email.ilike(like, escape="\\"),
            member.number == words,
            Order.id.in_(of_parcel),
        ]
        if words.isascii() and words.isdigit() and len(words) < 16:
            finds.append(Order.id == int(words) - checkout.FIRST_NUMBER)
        wanted.append(or_(*finds))
    lines = select(func.count()).where(Line.order_id == Order.id).correlate(Order).scalar_subquery()
    source = (
        select(
            Order.id,
            Order.state,
            Order.points,
            (Order.goods_cents + Order.shipping_cents).label("cash_cents"),
            Order.placed_at,
            Order.paid_at,
            Order.shipped_at,
            Order.level_rank,
            Order.digital,
            member.id.label("member_id"),
            member.display_name,
            Line.title,
            Line.quantity,
            lines.label("line_count"),
        )
        .join(member, member.id == Order.member_id)
        .join(Line, and_(Line.order_id == Order.id, Line.line == 1))
        .where(*wanted)
    )
    total = execute(
        select(func.count()).select_from(Order).join(member, member.id == Order.member_id).where(*wanted)
    ).scalar_one()
    by = Order.id if queue in OLDEST_FIRST else Order.id.desc()
    rows = execute(source.order_by(by).limit(per_page).offset((page - 1) * per_page)).all()
    return Found(rows, total)


@dataclass(frozen=True)
class Queue:
    """How many wait in a queue, and since when the one that came first."""

    count: int
    since: datetime | None


def queues() -> dict[str, Queue]:
    """Return every queue of orders, {name: Queue}. One statement."""
    waits_since = case(
        (Order.state == checkout.PAID, Order.paid_at),
        (Order.state == checkout.SHIPPED, Order.shipped_at),
        else_=Order.placed_at,
    )
    by_state = {
        row.state: row
        for row in execute(
            select(
                Order.state,
                func.count().label("n"),
                type_coerce(func.min(waits_since), Instant).label("since"),
            ).group_by(Order.state)
        )
    }
    return {
        name: Queue(
            count=sum(by_state[state].n for state in states if state in by_state),
            since=min((by_state[state].since for state in states if state in by_state), default=None),
        )
        for name, states in QUEUES.items()
    }


def to_do() -> tuple[int, int]:
    """Return what the desk's menu counts: (orders to ship, adjustments that wait for a second person)."""
    orders = select(func.count()).where(Order.state == checkout.PAID).scalar_subquery()
    asked = approvals.Approval
    adjustments = (
        select(func.count()).where(asked.kind == ledger.ADJUSTMENT_KIND, asked.decision.is_(None)).scalar_subquery()
    )
    row = execute(select(orders.label("orders"), adjustments.label("adjustments"))).one()
    return row.orders, row.adjustments


@dataclass(frozen=True)
class AskedAdjustment:
    """An adjustment that waits for a second person: the request, the member, and what is ready to use now."""

    request: Row[Any]
    member: Row[Any]
    ready: int


def asked_adjustments(*, at: datetime, limit: int = 50) -> list[AskedAdjustment]:
    """Return the adjustments that wait, oldest first. Two statements."""
    requests = approvals.waiting(ledger.ADJUSTMENT_KIND, limit=limit)
    member = people.Member
    known = {
        row.id: row
        for row in execute(
            select(member.id, member.number, member.display_name, _ready(at).label("ready")).where(
                member.id.in_({request.what["member_id"] for request in requests})
            )
        )
    }
    asked = [(request, known[request.what["member_id"]]) for request in requests]
    return [AskedAdjustment(request, row, int(row.ready)) for request, row in asked]


def _ready(at: datetime) -> Any:
    """Return, as a column of a member's row, the points they could spend at an instant."""
    position, lot = ledger.Position, ledger.Lot
    return (
        select(func.coalesce(func.sum(position.points), 0))
        .join(lot, lot.id == position.lot_id)
        .where(position.member_id == people.Member.id, position.place == "wallet", lot.expires_at >= at)
        .correlate(people.Member)
        .scalar_subquery()
    )


def members(*, at: datetime, words: str = "", rank: int | None = None, page: int = 1, per_page: int = 25) -> Found:
    """Return a page of members, newest first: level, points ready, on the way, owed, orders and cash spent.

    `words` finds a member by name, e-mail or number.
    """
    member, history = people.Member, membership.LevelHistory
    level = (
        select(history.rank)
        .where(history.member_id == member.id)
        .order_by(history.step.desc())
        .limit(1)
        .correlate(member)
        .scalar_subquery()
    )
    wanted: list[ColumnElement[bool]] = []
    if words:
        like = f"%{catalogue.escape_like(words)}%"
        wanted.append(
            or_(
                member.display_name.ilike(like, escape="\\"),
                member.email.ilike(like, escape="\\"),
                member.number == words,
            )
        )
    if rank is not None:
        wanted.append(level == rank)
    sold = and_(Order.member_id == member.id, Order.state.in_(checkout.SOLD))
    orders = select(func.count()).where(sold).correlate(member).scalar_subquery()
    spent = select(func.coalesce(func.sum(Order.goods_cents), 0)).where(sold).correlate(member).scalar_subquery()
    rows = execute(
        select(
            member.id,
            member.number,
            member.display_name,
            member.email,
            member.verified_at,
            member.created_at,
            member.deactivated_at,
            level.label("rank"),
            _ready(at).label("ready"),
            ledger.Purse.pending,
            (-ledger.Purse.debt).label("owed"),
            orders.label("orders"),
            spent.label("spent_cents"),
        )
        .join(ledger.Purse, ledger.Purse.member_id == member.id)
        .where(*wanted)
        .order_by(member.id.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    total = execute(select(func.count()).select_from(member).where(*wanted)).scalar_one()
    return Found(rows, total)


@dataclass(frozen=True)
class Portrait:
    """What the shop knows of how a member shops: orders, cash, points, when."""

    orders: int
    spent_cents: int
    redeemed_points: int
    first_at: datetime | None
    last_at: datetime | None
    refunded: int


def portrait(member_id: int) -> Portrait:
    """Return a member's portrait. One statement."""
    sold = Order.state.in_(checkout.SOLD)
    row = execute(
        select(
            func.coalesce(func.sum(case((sold, 1), else_=0)), 0).label("orders"),
            func.coalesce(func.sum(case((sold, Order.goods_cents), else_=0)), 0).label("spent"),
            func.coalesce(func.sum(case((sold, Order.points), else_=0)), 0).label("points"),
            func.min(Order.placed_at).label("first_at"),
            func.max(Order.placed_at).label("last_at"),
            func.coalesce(func.sum(case((Order.state == checkout.REFUNDED, 1), else_=0)), 0).label("refunded"),
        ).where(Order.member_id == member_id)
    ).one()
    return Portrait(int(row.orders), int(row.spent), int(row.points), row.first_at, row.last_at, int(row.refunded))


@dataclass(frozen=True)
class Dashboard:
    """The work of the day and how the shop goes. Points and cents; `earned` and `redeemed` are by day, latest last."""

    queues: dict[str, Queue]
    adjustments: Queue
    refunds: Queue
    low_stock: Sequence[Row[Any]]
    orders_today: int
    cash_today_cents: int
    points_today: int
    expiring_points: int
    days: tuple[date, ...]
    earned: tuple[int, ...]
    redeemed: tuple[int, ...]


def dashboard(*, terms: programme.Programme, at: datetime) -> Dashboard:
    """Return the dashboard's figures."""
    today = terms.today(at)
    midnight = start_of(today, terms.zone)
    since = today - timedelta(days=DAYS_DRAWN - 1)
    orders_today = execute(
        select(
            func.count().label("n"),
            func.coalesce(func.sum(Order.goods_cents + Order.shipping_cents), 0).label("cents"),
            func.coalesce(func.sum(Order.points), 0).label("points"),
        ).where(Order.placed_at >= midnight, Order.state.in_(checkout.SOLD))
    ).one()
    posting = ledger.Posting
    by_day = {
        (row.happened_on, row.kind): int(row.points)
        for row in execute(
            select(posting.happened_on, posting.kind, func.sum(posting.points).label("points"))
            .where(posting.happened_on >= since, posting.kind.in_(("earn", "redeem")))
            .group_by(posting.happened_on, posting.kind)
        )
    }
    days = tuple(since + timedelta(days=number) for number in range(DAYS_DRAWN))
    expiring = execute(
        select(func.coalesce(func.sum(ledger.Position.points), 0))
        .join(ledger.Lot, ledger.Lot.id == ledger.Position.lot_id)
        .where(
            ledger.Position.place == "wallet",
            ledger.Lot.expires_at.between(at, at + timedelta(days=30)),
        )
    ).scalar_one()
    asked, refund = approvals.Approval, cash.Refund
    adjustments = execute(
        select(func.count().label("waiting"), type_coerce(func.min(asked.asked_at), Instant).label("since")).where(
            asked.kind == ledger.ADJUSTMENT_KIND, asked.decision.is_(None)
        )
    ).one()
    refunds = execute(
        select(func.count().label("waiting"), type_coerce(func.min(refund.asked_at), Instant).label("since")).where(
            refund.state == cash.REFUSED
        )
    ).one()
    return Dashboard(
        queues=queues(),
        adjustments=Queue(adjustments.waiting, adjustments.since),
        refunds=Queue(refunds.waiting, refunds.since),
        low_stock=catalogue.low_stock(at=at, limit=8),
        orders_today=orders_today.n,
        cash_today_cents=int(orders_today.cents),
        points_today=int(orders_today.points),
        expiring_points=int(expiring),
        days=days,
        earned=tuple(by_day.get((day, "earn"), 0) for day in days),
        redeemed=tuple(by_day.get((day, "redeem"), 0) for day in days),
    )
