"""Memberships in the books: cash for days to come is owed, and becomes revenue as the days go by.

A membership is a service over time (IFRS 15.35(a), .39): revenue by the whole days that are over, in equal shares, so
that after n days cents x n // days of it are earned; booked at the end of each month and with its last day. What is
given back is taken out of what is still owed, and on that day the rest of it is earned: nothing is owed any more.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from mall.base.clock import day_of, month_end
from mall.base.db import execute
from mall.domain import aftersales, checkout, membership


class PlanSale(Struct, frozen=True):
    """A membership that was sold for cash: its days, and its cents without tax. Where it was given back: on which day,
    by which credit note and how many cents without tax.
    """

    order_id: int
    cents: int
    first: date
    last: date
    back_on: date | None = None
    credit_id: int | None = None
    back_cents: int = 0

    @property
    def days(self) -> int:
        """How many days it lasts."""
        return (self.last - self.first).days + 1

    def earned_by(self, day: date) -> int:
        """Return the cents that have become revenue by the end of a day, as booked month by month, were nothing given
        back. Pure.
        """
        booked = day if day >= self.last else _end_of_month_before(day)
        return self.cents * min(max(0, (booked - self.first).days + 1), self.days) // self.days

    def bookings(self, until: date) -> Iterator[tuple[date, int]]:
        """Yield the days up to one on which revenue is booked, and the cents; none from that on which it is given
        back.
        """
        ends = until if self.back_on is None else min(until, self.back_on - timedelta(days=1))
        day, booked = min(month_end(self.first), self.last), 0
        while day <= ends:
            earned = self.earned_by(day)
            if earned != booked:
                yield day, earned - booked
            booked = earned
            if day == self.last:
                return
            day = min(month_end(day + timedelta(days=1)), self.last)


def plan_sales(*, until: datetime, zone: str) -> list[PlanSale]:
    """Return the memberships that were sold for cash until an instant, in the order they were paid."""
    order, line, grant = checkout.Order, checkout.OrderLine, membership.LevelGrant
    rows = execute(
        select(line.order_id, line.line, line.cash_cents, line.tax_cents, grant.begins_on, grant.last_day)
        .join(order, order.id == line.order_id)
        .join(grant, grant.key == membership.PAID_KEY.concat(checkout.PLAN_REFERENCE))
        .where(line.plan_rank.is_not(None), line.cash_cents > 0, order.paid_at <= until)
        .order_by(order.paid_at, line.order_id, line.line)
    ).all()
    back = _given_back(until) if rows else {}
    sales = []
    for row in rows:
        note = back.get((row.order_id, row.line))
        sales.append(
            PlanSale(
                row.order_id,
                row.cash_cents - row.tax_cents,
                row.begins_on,
                row.last_day,
                *((day_of(note.at, zone), note.id, note.cash_cents - note.tax_cents) if note else ()),
            )
        )
    return sales


def by_order(sales: Sequence[PlanSale]) -> Mapping[int, int]:
    """Return the cents without tax that each order's memberships cost: {order id: cents}."""
    cents: dict[int, int] = defaultdict(int)
    for sale in sales:
        cents[sale.order_id] += sale.cents
    return cents


def by_credit(sales: Sequence[PlanSale]) -> Mapping[int, tuple[int, int, int]]:
    """Return what credit notes do to memberships: {id: (cents given back, cents owed until then, cents earned)}.

    The last is what becomes revenue by it, since its days are over; below 0 where more goes back than was owed still.
    """
    found: dict[int, tuple[int, int, int]] = {}
    for sale in sales:
        if sale.credit_id is None or sale.back_on is None:
            continue
        # What was owed the evening before; of a membership that was paid on that day, all of it.
        owed = sale.cents - sale.earned_by(sale.back_on - timedelta(days=1))
        was = found.get(sale.credit_id, (0, 0, 0))
        found[sale.credit_id] = (was[0] + sale.back_cents, was[1] + owed, was[2] + owed - sale.back_cents)
    return found


def owed_at(sales: Sequence[PlanSale], *, over: date) -> int:
    """Return what is owed as days of memberships to come, in cents, when the last day that is over is this.

    Nothing is owed of what was given back.
    """
    return sum(sale.cents - sale.earned_by(over) for sale in sales if sale.back_on is None)


def _given_back(until: datetime) -> dict[tuple[int, int], Any]:
    note, line = aftersales.CreditNote, aftersales.CreditLine
    bought = checkout.OrderLine
    rows = execute(
        select(note.id, note.order_id, note.at, line.line, line.cash_cents, line.tax_cents)
        .join(line, line.credit_id == note.id)
        .join(bought, (bought.order_id == note.order_id) & (bought.line == line.line))
        .where(bought.plan_rank.is_not(None), note.at <= until)
    )
    return {(row.order_id, row.line): row for row in rows}


def _end_of_month_before(day: date) -> date:
    """Return the last day of a month that is over by the end of a day."""
    end = month_end(day)
    return day if day == end else day.replace(day=1) - timedelta(days=1)
