"""The member centre: the level, what keeps it, what the next one asks and gives."""

from typing import Any

from flask import Blueprint, render_template
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import ledger, membership, programme
from mall.web.shared import layout
from mall.web.shared.signing_in import me, members_only
from mall.web.shared.texts import local, money_words, number

bp = Blueprint("member", __name__, url_prefix="/member")
bp.before_request(members_only)

ENTRIES = 10


@bp.get("")
def show() -> str:
    """Show the level card, the ladder, the benefits of every level, and where the growth came from."""
    terms, at = layout.terms(), now()
    with reading():
        standing = membership.standing(me(), terms=terms, at=at)
        balances = ledger.balances(me(), at=at)
        growth = membership.growth_entries(me(), limit=ENTRIES)
    return render_template(
        "store/member/show.html",
        standing=standing,
        level_name=local(standing.level.name),
        next_name=local(standing.next_level.name) if standing.next_level else "",
        ladder_levels=[{"rank": level.rank, "name": local(level.name)} for level in terms.levels],
        benefits=benefits_of(terms),
        balances=balances,
        growth=growth,
        terms=terms,
    )


def benefits_of(terms: programme.Programme) -> list[dict[str, Any]]:
    """Return what each level gives: rows of a name and one cell a level; None is none, True is a tick."""
    levels = terms.levels
    rows: list[tuple[str, list[Any]]] = [
        (_("Growth to reach it"), [number(level.reach) for level in levels]),
        (_("Points on orders"), [f"×{level.multiplier_percent / 100:g}" for level in levels]),
        (_("Level discount"), [f"{level.discount_percent} %" if level.discount_percent else None for level in levels]),
        (_("Free delivery"), [_free_from(level.free_shipping_from_cents) for level in levels]),
        (_("Launches earlier"), [_hours(level.early_access_hours) for level in levels]),
        (_("Returns refunded at once"), [_at_once(level.instant_refund_cents) for level in levels]),
    ]
    sentences = [[local(words) for words in level.sentences] for level in levels]
    said = dict.fromkeys(words for of_level in sentences for words in of_level)
    rows += [(words, [words in of_level or None for of_level in sentences]) for words in said]
    return [{"name": name, "cells": cells} for name, cells in rows if any(cell is not None for cell in cells)]


def _at_once(cents: int) -> str | None:
    return _("up to %(cash)s", cash=money_words(cents)) if cents else None


def _hours(hours: int) -> str | None:
    return _("by %(hours)s h", hours=hours) if hours else None


def _free_from(cents: int | None) -> Any:
    if cents is None:
        return None
    return _("from %(cash)s", cash=money_words(cents)) if cents else True
