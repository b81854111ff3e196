"""An order in words, for its member: how it stands, what happened, what comes next, and what comes back."""

from typing import Any

from flask_babel import gettext as _

from mall.domain import cash, checkout
from mall.web.shared.texts import after_delivery_words, day_words, moment_words, sentence
from mall.web.shared.texts import number as number_words

ENDED = (checkout.CANCELLED, checkout.TIMED_OUT, checkout.REFUNDED)


def state_of(order: Any, *, has_left: bool) -> tuple[str, str, str]:
    """Return how an order stands, for its badge: (words, kind, icon). `has_left`: something of it has."""
    if order.state == checkout.PAID and order.ready_at is not None:
        return _("Ready to be collected"), "ok", "box"
    return {
        checkout.AWAITING: (_("Waiting for payment"), "warn", "clock"),
        checkout.PROCESSING: (_("Payment under way"), "info", "clock"),
        checkout.PAID: (_("Being packed"), "info", "box"),
        checkout.SHIPPED: (_("On its way"), "info", "truck"),
        checkout.COMPLETED: (_("Complete"), "ok", "check"),
        checkout.CANCELLED: (_("Cancelled"), "", "x"),
        checkout.TIMED_OUT: (_("Not paid in time"), "", "clock"),
        checkout.REFUNDED: (_("Refunded"), "", "undo"),
        checkout.REVIEW: (_("Being looked at"), "warn", "eye"),
    }[checkout.CANCELLED if called_off(order, has_left=has_left) else order.state]


def called_off(order: Any, *, has_left: bool) -> bool:
    """Tell whether an order was paid, then cancelled before anything left: to its member, that is no refund."""
    return order.state == checkout.REFUNDED and not has_left


def given_back(seen: checkout.OrderPage) -> bool:
    """Tell whether an order was for memberships alone, and all of them were given back, whole or by the day."""
    ended = seen.order.state in (checkout.COMPLETED, checkout.REFUNDED)
    return ended and all(line.plan_days is not None and line.refunded >= line.quantity for line in seen.lines)


def heading_of(seen: checkout.OrderPage) -> str:
    """Return the sentence that heads an order's page."""
    order = seen.order
    if given_back(seen):
        return _("It was given back")
    if order.state == checkout.PAID and order.ready_at is not None:
        return _("It is ready to be collected")
    if order.state == checkout.PAID and checkout.part_sent(seen.lines):
        return _("A part of it is on its way")
    return {
        checkout.AWAITING: _("Waiting for your payment"),
        checkout.PROCESSING: _("Your bank takes its time"),
        checkout.PAID: _("We are packing it"),
        checkout.SHIPPED: _("It is on its way"),
        checkout.COMPLETED: _("It has arrived"),
        checkout.CANCELLED: _("It was cancelled"),
        checkout.TIMED_OUT: _("It was not paid in time"),
        checkout.REFUNDED: _("It was refunded"),
        checkout.REVIEW: _("We are looking at it; nothing is lost"),
    }[checkout.CANCELLED if called_off(order, has_left=checkout.has_left(seen.lines)) else order.state]


def timeline_of(seen: checkout.OrderPage, *, on_the_way: int) -> list[dict[str, Any]]:
    """Return what happened to an order and what comes next: rows of title, note, state."""
    happened = [
        {"title": sentence(event.said), "note": moment_words(event.at), "state": "done"} for event in seen.events
    ]
    to_come = _to_come(seen, on_the_way=on_the_way)
    if happened and to_come:
        happened[-1]["state"] = "now"
    return happened + [{"title": title, "note": note, "state": ""} for title, note in to_come]


def _to_come(seen: checkout.OrderPage, *, on_the_way: int) -> list[tuple[str, Any]]:
    order = seen.order
    steps: list[tuple[str, Any]] = []
    if order.state in ENDED or order.state == checkout.REVIEW:
        return steps
    if order.state in checkout.UNPAID:
        steps.append((_("Paid"), ""))
    if seen.collected:
        steps += [(_("Ready to be collected"), "")] if order.ready_at is None else []
        steps += [(_("Collected"), "")] if order.state != checkout.COMPLETED else []
    else:
        if not order.digital and order.state in (*checkout.UNPAID, checkout.PAID):
            steps.append((_("Shipped"), ""))
        if order.state != checkout.COMPLETED:
            steps.append((_("Delivered"), ""))
    if sum((kept := checkout.kept_of(seen.lines)).values()) and order.window_closed_at is None:
        sale = checkout.sale_of(order, kept=kept)
        steps.append((_("Points and growth are yours"), _when_kept(order, sale, on_the_way=on_the_way)))
    return steps


def _when_kept(order: Any, sale: Any, *, on_the_way: int) -> str:
    if order.window_ends_at is not None:
        when = day_words(order.window_ends_at)
    else:
        when = after_delivery_words(checkout.window_days_of(order), begins=True)
    return _(
        "%(when)s: %(points)s pts, %(growth)s growth",
        when=when,
        points=number_words(on_the_way or sale.most_points),
        growth=number_words(sale.growth),
    )


def refunds_of(seen: checkout.OrderPage) -> list[dict[str, Any]]:
    """Return the cash that went back or is about to: rows of cents, words."""
    return [{"cents": refund.amount_cents, "words": _words_of_refund(refund)} for refund in seen.refunds]


def _words_of_refund(refund: Any) -> str:
    if refund.state == cash.DONE:
        return _("Given back on %(day)s", day=day_words(refund.done_at))
    return _("On its way back, the way it came")


def words_of_cancelling(order: Any) -> str:
    """Return what is said to who has just cancelled an order: what comes back of what was paid."""
    paid_cash = order.state not in (checkout.CANCELLED, checkout.TIMED_OUT) and checkout.cash_cents_of(order)
    if order.points and paid_cash:
        return _("The order is cancelled. Points are back in your wallet; cash goes back the way it came.")
    if order.points:
        return _("The order is cancelled. The points are back in your wallet.")
    if paid_cash:
        return _("The order is cancelled. Cash goes back the way it came.")
    return _("The order is cancelled. Nothing was charged.")
