"""The board of proofs: what must always be true, when it was last asked, and what broke it."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from msgspec import Struct

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import finance
from mall.web.shared.signing_in import person

from .evidence import evidence_of

bp = Blueprint("checks", __name__, url_prefix="/checks")

# Whose promises they are, as finance reads it.
ROOMS = {
    "programme": _l("Programme"),
    "ledger": _l("Points"),
    "catalogue": _l("Items and stock"),
    "cash": _l("Cash"),
    "people": _l("People"),
    "membership": _l("Levels and growth"),
    "coupons": _l("Coupons"),
    "interest": _l("Wish lists"),
    "consultation": _l("Questions"),
    "cash_outs": _l("Points to cash"),
    "earning": _l("Tasks, campaigns and stamp cards"),
    "checkout": _l("Orders"),
    "partners": _l("Partners"),
    "aftersales": _l("Refunds, returns and reviews"),
    "radar": _l("Abuse radar"),
    "finance": _l("Sums of finance"),
}


class Room(Struct, frozen=True):
    """What was asked of one room: what it is called, the checks that passed, and how many did not."""

    words: str
    passed: Sequence[finance.Result]
    failed: int


@bp.get("")
def index():
    """Show the last proof, what failed first, and what should be looked at now."""
    with reading():
        proof = finance.last_proof()
        watched = finance.watched(at=now())
        days = finance.watermark()
        who = finance.name_of(proof.asked_by) if proof else ""
        found = [result for result in (*(proof.failed if proof else ()), *watched) if result.examples]
        tables = finance.tables_of(at=now()) if found else {}
        evidence = {result.name: evidence_of(result.examples, tables=tables.get(result.name, {})) for result in found}
    return render_template(
        "finance/checks/index.html",
        proof=proof,
        rooms=rooms_of(proof.results) if proof else [],
        room_words=room_words,
        watched=watched,
        rolled_up=days,
        who=who,
        evidence=evidence,
    )


@bp.post("/runs")
def run():
    """Ask every check now."""
    proof = finance.run_proof(by=person().actor, at=now())
    if proof.ok:
        flash(_("Every check passed."), "ok")
    else:
        count = len(proof.failed)
        flash(ngettext("%(num)s check failed.", "%(num)s checks failed.", count), "bad")
    return redirect(url_for("finance.checks.index"))


def rooms_of(results: Sequence[finance.Result]) -> list[Room]:
    """Return the checks by room, those rooms first in which one failed."""
    by_room: dict[str, list[finance.Result]] = {}
    for result in results:
        by_room.setdefault(result.room, []).append(result)
    rooms = []
    for key, asked in by_room.items():
        passed = [result for result in asked if result.ok]
        rooms.append(Room(room_words(key), passed, len(asked) - len(passed)))
    return sorted(rooms, key=lambda room: room.failed == 0)


def room_words(key: str) -> str:
    """Return what a room is called; of a proof that does not say, that it is all there is."""
    return str(ROOMS.get(key) or _("All checks"))
