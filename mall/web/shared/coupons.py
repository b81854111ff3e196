"""Coupons in words: what one takes off, on what terms, and where it stands."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from mall.domain import coupons, programme

from .texts import day_words, local, money_words, number


def worth_words(coupon: Any) -> tuple[str, str]:
    """Return what a coupon or a kind of coupon takes off, in large and in small: ("$10.00", "off")."""
    if coupon.kind == coupons.PACK:
        return _("Pack"), _("of coupons")
    if coupon.kind == coupons.AMOUNT:
        return money_words(coupon.amount_cents), _("off")
    if coupon.kind == coupons.PERCENT:
        return _("%(percent)s %%", percent=number(coupon.percent)), _("off")
    return (_("Gift"), _("free")) if coupon.kind == coupons.GIFT else (_("Free"), _("delivery"))


def contents_words(contents: Sequence[Any]) -> list[str]:
    """Return what is in a pack, each kind a few words: "2 × Ten off". One coupon by itself is called by its name."""
    if [each.pieces for each in contents] == [1]:
        return [local(contents[0].title)]
    return [_("%(count)s × %(title)s", count=number(each.pieces), title=local(each.title)) for each in contents]


def terms_words(coupon: Any, terms: programme.Programme) -> list[str]:
    """Return on what terms it can be used, each a few words; none when there are no terms."""
    words = []
    if coupon.threshold_cents:
        words.append(_("from %(cash)s in cash", cash=money_words(coupon.threshold_cents)))
    if coupon.cap_cents:
        words.append(_("%(cash)s at most", cash=money_words(coupon.cap_cents)))
    if scope_of(coupon) != "all":
        words.append(_("for some items only"))
    if coupon.min_rank:
        words.append(_("for %(level)s and above", level=local(terms.level(coupon.min_rank).name)))
    if coupon.stackable:
        words.append(_("together with others"))
    return words


def scope_of(coupon: Any) -> str:
    """Return "all" for what is good for everything, else another word: of a kind of coupon, or one at checkout."""
    if isinstance(coupon, coupons.Ready):
        return "all" if coupon.covers is None else "some"
    return str(coupon.scope)


def standing_of(row: Any, *, at: datetime) -> str:
    """Return where a member's coupon stands: "usable", "later", "used", "expired" or "revoked"."""
    if row.state != coupons.USABLE:
        return str(row.state)
    if row.ends_at <= at:
        return "expired"
    return "later" if row.usable_from > at else "usable"


def coming_back(order: Any, *, at: datetime, voided: Collection[int] = ()) -> list[tuple[dict[str, Any], str]]:
    """Return what becomes of the coupons an order used once all of it is given back: [(coupon, words)].

    `voided` are those that do not come back, as goods of the stamp card that gave them went back.
    """
    return [
        (coupon, _fate(datetime.fromisoformat(coupon["ends_at"]), at=at, void=coupon["id"] in voided))
        for coupon in order.coupons or ()
    ]


def _fate(ends_at: datetime, *, at: datetime, void: bool) -> str:
    if void:
        return _("Void: goods went back that its stamp card was filled with. No stamps are owed for it any more")
    if ends_at <= at:
        return _("Ended on %(day)s, so it cannot be used again", day=day_words(ends_at))
    return _("Yours to use again, until %(day)s", day=day_words(ends_at))
