"""Memberships that are given back: how many of their days are left, and which of several goes first.

A member who gives one back, or the desk for them, gets the share of the whole days that are left; the day on which it
is done counts as used, and what was used stays paid for a least number of days, as the programme said when it was
bought. Unused it goes back whole: before it begins, and within the days for returns as long as nothing was bought with
it. Any other refund of a membership gives all of it back. Either ends the level at once, and takes what it brought.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from mall.base.clock import day_of, start_of
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import checkout, earning, membership, programme

from .reasons import DISPUTE_LOST, GIVEN_BACK, PLAN_ENDED


class NoMembership(Refusal):
    message = N_("This is no membership of order {number} that could be given back.")


class TimeOver(Refusal):
    message = N_("No whole day is left of this membership, so there is nothing to give back.")


class LeastTerm(Refusal):
    message = N_(
        "A membership that was used stays paid for {days} days at least, so nothing of it is left to give back."
    )


class LaterFirst(Refusal):
    message = N_("Order {number} lengthens this membership up to and with {day}. Give that one back first.")


def used_days_of(
    order: checkout.OrderRow,
    chosen: Sequence[tuple[checkout.LineRow, int]],
    *,
    reason: str,
    at: datetime,
    zone: str,
) -> dict[int, int]:
    """Return how many days of each membership stay paid, {line: days}; of one that goes back whole it says nothing.

    One statement where something of it is a membership, two where one of them has begun or is to; one more for each
    that is within the days for returns. Refuses: NoMembership, TimeOver, LeastTerm; LaterFirst, but where the money is
    gone already.
    """
    plans = [line for line, _quantity in chosen if line.plan_days is not None]
    in_part = reason == PLAN_ENDED
    if in_part and (not plans or len(plans) < len(chosen)):
        raise NoMembership(number=checkout.number_of(order.id))
    if not plans or reason in (DISPUTE_LOST, GIVEN_BACK):
        return {}
    references = {checkout.plan_reference(order.id, line.line): line for line in plans}
    periods = membership.paid_periods(list(references))
    _refuse_unless_last(periods)
    if not in_part:
        return {}
    today, used = day_of(at, zone), {}
    least = programme.version(order.version).membership_least_days
    for each, period in periods.items():
        if is_unused(order, period, today=today, zone=zone):
            continue
        if period.used_by(today) >= period.days:
            raise TimeOver
        if least >= period.days:
            raise LeastTerm(days=least)
        used[references[each].line] = max(period.used_by(today), least)
    return used


def is_unused(order: checkout.OrderRow, period: membership.Period, *, today: date, zone: str) -> bool:
    """Tell whether a membership may go back whole: it has not begun, or the days for returns are not over since it was
    paid, and nothing was bought since it began. What was placed with it and waits for its payment counts as bought:
    it has the level's price. Two statements within those days.
    """
    if not period.used_by(today):
        return True
    days = order.return_window_days
    if not days or order.paid_at is None or today > day_of(order.paid_at, zone) + timedelta(days=days):
        return False
    since = max(order.paid_at, start_of(period.begins_on, zone))
    if checkout.is_waiting(order.member_id, since=since, but=order.id):
        return False
    return not earning.bought_since(order.member_id, since=since, but=checkout.reference_of(order.id))


def references_of(order: checkout.OrderRow, lines: Sequence[checkout.LineRow]) -> list[str]:
    """Return what the levels of an order's memberships were paid for by."""
    return [checkout.plan_reference(order.id, line.line) for line in lines if line.plan_days is not None]


def _refuse_unless_last(periods: Mapping[str, membership.Period]) -> None:
    """Insist that no other paid time goes on after these: it would be left without what it lengthens."""
    for period in periods.values():
        later = membership.paid_after(period, but=list(periods)) if period.how is None else None
        if later is not None:
            order_id = checkout.order_id_of(later.reference.rpartition(":")[0])
            assert order_id is not None, "a membership is paid for by an order"
            raise LaterFirst(number=checkout.number_of(order_id), day=later.last_day)
