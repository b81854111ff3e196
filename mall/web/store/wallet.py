"""My points: ready, on the way, held, owed; what expires when; the history, each line open to why."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask_babel import gettext as _
from msgspec import Struct
from msgspec.structs import replace

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import cash_outs, catalogue, checkout, ledger, partners
from mall.web.shared import layout, tables
from mall.web.shared.moves import order_number, place_words, rule_words, words_of_entry
from mall.web.shared.numbers import asked
from mall.web.shared.signing_in import me, members_only
from mall.web.shared.texts import after_delivery_words, day_words, local_time, sentence

from .shop import for_cards

bp = Blueprint("wallet", __name__, url_prefix="/wallet")
bp.before_request(members_only)

PER_PAGE = 20
ALL = 100_000
SOON_DAYS = 30
MOST_GOODS = 4
TABS: dict[str, tuple[str, ...]] = {
    "earned": ("earn", "unlock", "give_back", "release"),
    "spent": ("redeem", "hold"),
    "expired": ("expire", "clawback"),
}


class Planner(Struct, frozen=True):
    """What expires when: by month, and within the next 30 days.

    `points` are those that go within 30 days; where none do, those of `day`, the first on which some do.
    """

    months: list[tuple[date, int]]
    soon_points: int
    points: int
    day: date | None


class Expiring(Struct, frozen=True):
    """Points that share a last day: what is left of them, and in how many days they go."""

    day: date
    points: int
    days: int


@bp.get("")
def show():
    """Show the balances, the expiry planner with what it could get, and the history."""
    at, tab = now(), request.args.get("show", "")
    terms, viewer = layout.terms(), layout.viewer()
    cursor = asked("before")
    today = terms.today(at)
    with reading():
        balances = ledger.balances(me(), at=at)
        expiring = [Expiring(day, points, (day - today).days) for day, points in ledger.expiring(me(), at=at)]
        planner = planner_of(expiring)
        goods = []
        if planner.points:
            goods = catalogue.shelf(
                replace(viewer, ready_points=planner.points),
                catalogue.Wishes(affordable=True, my_level=True, in_stock=True, sort="fit"),
                terms=terms,
                at=at,
                limit=MOST_GOODS,
            )
        waiting = ledger.waiting(me())
        held = ledger.set_aside(me())
        entries = ledger.history(me(), limit=PER_PAGE + 1, before=cursor, kinds=TABS.get(tab, ()))
        orders = checkout.windows_of([lot.reference for lot in waiting])
        elsewhere = partners.ready_at([lot.reference for lot in waiting])
    return render_template(
        "store/wallet/show.html",
        balances=balances,
        expiring=expiring,
        planner=planner,
        goods=goods,
        most_of_a_month=max((points for _month, points in planner.months), default=0),
        most=max((each.points for each in expiring), default=0),
        soon=expiring[0] if expiring and expiring[0].days <= SOON_DAYS else None,
        waiting=[(lot, order_number(lot.reference), _when_ready(lot, orders, elsewhere, at=at)) for lot in waiting],
        held=[(order_number(reference), points, cash_outs.is_of_one(reference)) for reference, points in held],
        entries=entries[:PER_PAGE],
        older=entries[PER_PAGE - 1].last_id if len(entries) > PER_PAGE else None,
        newer=cursor is not None,
        tab=tab if tab in TABS else "",
        words=words_of_entry,
        order_number=order_number,
        cashes_out=cash_outs.offer_of(terms).is_on,
        **for_cards(terms, viewer),
    )


def planner_of(expiring: Sequence[Expiring]) -> Planner:
    """Return what expires by month and soon, from what expires by day, soonest first. Pure."""
    months: dict[date, int] = {}
    for each in expiring:
        month = each.day.replace(day=1)
        months[month] = months.get(month, 0) + each.points
    soon_points = sum(each.points for each in expiring if each.days <= SOON_DAYS)
    first = expiring[0] if expiring else None
    return Planner(
        months=list(months.items()),
        soon_points=soon_points,
        points=soon_points or (first.points if first else 0),
        day=first.day if first and not soon_points else None,
    )


@bp.get("/moves/<path:move>")
def why(move: str):
    """Show why a line of the history is what it is: rule, arithmetic, lot, dates, order."""
    with reading():
        lines = ledger.move_of(me(), move)
    if not lines:
        abort(404)
    said = [line.why for line in lines] if lines[0].kind in ("earn", "unlock") else [line.reason for line in lines]
    sentences = [sentence(message) for message in said if message]
    return render_template(
        "store/wallet/why.html",
        lines=lines,
        first=lines[0],
        sentences=list(dict.fromkeys(sentences)),
        words=words_of_entry,
        place=place_words,
        rule=rule_words,
        order_number=order_number,
    )


@bp.get("/history.csv")
def history_csv() -> Response:
    """Download the whole history as a table."""
    with reading():
        entries = ledger.history(me(), limit=ALL)
    headings = [_("Date"), _("What happened"), _("Order"), _("Points"), _("On the way"), _("Balance")]
    rows = (
        [
            local_time(entry.happened_at).isoformat(timespec="seconds"),
            words_of_entry(entry),
            order_number(entry.reference) or "",
            entry.points,
            entry.pending_points,
            entry.balance,
        ]
        for entry in entries
    )
    return tables.csv_of(headings, rows, name="points")


def _when_ready(lot: ledger.Due, orders: dict[str, Any], elsewhere: dict[str, datetime], *, at: datetime) -> str:
    """Return when points on the way are ready: so many days after delivery, then the date; a partner's on a date."""
    if lot.reference in elsewhere:
        ready_at = elsewhere[lot.reference]
        return _("today") if ready_at <= at else day_words(ready_at)
    order = orders.get(lot.reference)
    if order is not None and order.window_ends_at is not None:
        return _("today") if order.window_ends_at <= at else day_words(order.window_ends_at)
    days = layout.terms().return_window_days if order is None else checkout.window_days_of(order)
    return after_delivery_words(days)
