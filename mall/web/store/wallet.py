"""My points: ready, on the way, held, owed; what expires when; the history, each line open to why."""

import csv
import io
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import checkout, ledger
from mall.web.shared import layout
from mall.web.shared.signing_in import me, members_only
from mall.web.shared.texts import sentence

bp = Blueprint("wallet", __name__, url_prefix="/wallet")
bp.before_request(members_only)

PER_PAGE = 20
TABS: dict[str, tuple[str, ...]] = {
    "earned": ("earn", "unlock", "give_back", "release"),
    "spent": ("redeem", "hold"),
    "expired": ("expire", "clawback"),
}


@bp.get("")
def show():
    """Show the balances, the expiry planner and the history."""
    at, tab = now(), request.args.get("show", "")
    before = request.args.get("before", "")
    cursor = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    with reading():
        balances = ledger.balances(me(), at=at)
        expiring = ledger.expiring(me(), at=at)
        waiting = ledger.waiting(me())
        held = ledger.set_aside(me())
        entries = ledger.history(me(), limit=PER_PAGE + 1, before=cursor, kinds=TABS.get(tab, ()))
        unlocks = checkout.windows_of([lot.reference for lot in waiting])
    return render_template(
        "store/wallet/show.html",
        balances=balances,
        expiring=expiring,
        waiting=waiting,
        unlocks=unlocks,
        window_days=layout.terms().return_window_days,
        held=[(checkout.order_id_of(reference), points) for reference, points in held],
        entries=entries[:PER_PAGE],
        older=entries[PER_PAGE - 1].last_id if len(entries) > PER_PAGE else None,
        tab=tab if tab in TABS else "",
        words=words_of_entry,
        order_number=order_number,
        today=layout.terms().today(at),
    )


@bp.get("/moves/<path:move>")
def why(move: str):
    """Show why a line of the history is what it is: rule, arithmetic, lot, dates, order."""
    with reading():
        lines = ledger.move_of(me(), move)
    if not lines:
        abort(404)
    return render_template("store/wallet/why.html", lines=lines, words=words_of_entry, order_number=order_number)


@bp.get("/history.csv")
def history_csv() -> Response:
    """Download the whole history as a table."""
    with reading():
        entries = ledger.history(me(), limit=100_000)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([_("Date"), _("What happened"), _("Order"), _("Points"), _("Balance")])
    for entry in entries:
        day = entry.happened_at.isoformat(timespec="seconds")
        table.writerow([day, words_of_entry(entry), order_number(entry.reference) or "", entry.points, entry.balance])
    return Response(
        "\ufeff" + out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=points.csv"},
    )


def words_of_entry(entry: Any) -> str:
    """Return what happened, in the member's words."""
    if entry.kind == "adjust" and entry.reason:
        return sentence(entry.reason)
    return {
        "earn": _("Earned, on the way"),
        "unlock": _("Ready to use"),
        "hold": _("Held for an order"),
        "release": _("Held points are back"),
        "redeem": _("Redeemed"),
        "give_back": _("Returned"),
        "renew": _("Returned with a new last day"),
        "expire": _("Expired"),
        "clawback": _("Taken back"),
        "repay": _("Repaid what you owed"),
        "adjust": _("Corrected by the shop"),
        "cash_out": _("Turned into cash"),
    }[entry.kind]


def order_number(reference: str) -> str | None:
    """Return the number of the order a reference names, or None."""
    order_id = checkout.order_id_of(reference)
    return None if order_id is None else checkout.number_of(order_id)
