"""Benefits in words: what each level of a programme gives, in rows to compare; for members, visitors and the desk."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from mall.domain import programme

from .texts import local, money_words, number


def benefits_of(terms: programme.Programme, *, coupon_titles: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """Return what each level gives: rows of a name and one cell a level; None is none, True is a tick.

    A benefit that no level has is left out. `coupon_titles` names the coupons of packs, {number: title}; one that is
    not among them is called a coupon.
    """
    levels, titles = terms.levels, coupon_titles or {}
    rows: list[tuple[str, list[Any]]] = [
        (_("Growth to reach it"), [number(level.reach) for level in levels]),
        (_("Points on orders"), [f"×{level.multiplier_percent / 100:g}" for level in levels]),
        (_("Level discount"), [f"{level.discount_percent} %" if level.discount_percent else None for level in levels]),
        (_("Free delivery"), [_free_from(level.free_shipping_from_cents) for level in levels]),
        (_("Launches earlier"), [_hours(level.early_access_hours) for level in levels]),
        (_("Items for points a month"), _redemptions(levels)),
        (
            _("On reaching it, once"),
            [_pack(level.upgrade_points, level.upgrade_coupon, titles=titles) for level in levels],
        ),
        (
            _("On your birthday"),
            [_pack(level.birthday_points, level.birthday_coupon, titles=titles) for level in levels],
        ),
        (_("Returns refunded at once"), [_at_once(level.instant_refund_cents) for level in levels]),
        (_("Your questions answered first"), [level.question_priority or None for level in levels]),
        (_("Events announced earlier"), [_days(level.event_notice_days) for level in levels]),
    ]
    sentences = [[local(words) for words in level.sentences] for level in levels]
    said = dict.fromkeys(words for of_level in sentences for words in of_level)
    rows += [(words, [words in of_level or None for of_level in sentences]) for words in said]
    return [{"name": name, "cells": cells} for name, cells in rows if any(cell is not None for cell in cells)]


def _redemptions(levels: tuple[programme.Level, ...]) -> list[str | None]:
    """Return how many pieces each level may redeem; where none is limited, nothing is said of it."""
    most = [level.redemptions_per_month for level in levels]
    if all(each is None for each in most):
        return [None for _level in levels]
    return [_("no limit") if each is None else ngettext("up to %(num)s", "up to %(num)s", each) for each in most]


def _pack(points: int, coupon: int | None, *, titles: Mapping[int, str]) -> str | None:
    parts = [ngettext("%(num)s point", "%(points)s points", points, points=number(points))] if points else []
    parts += [titles.get(coupon) or _("a coupon")] if coupon else []
    return " + ".join(parts) or None


def _at_once(cents: int) -> str | None:
    return _("up to %(cash)s", cash=money_words(cents)) if cents else None


def _hours(hours: int) -> str | None:
    return _("by %(hours)s h", hours=hours) if hours else None


def _days(days: int) -> str | None:
    return ngettext("by %(num)s day", "by %(num)s days", days) if days else None


def _free_from(cents: int | None) -> Any:
    if cents is None:
        return None
    return _("from %(cash)s", cash=money_words(cents)) if cents else True
