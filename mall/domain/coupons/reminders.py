"""Reminders: members are told a week before coupons end that they have not used, all of one day in one notice."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from mall.base.clock import Instant, day_of, end_of
from mall.base.db import execute, in_transaction
from mall.base.tables import aliased
from mall.domain import notices

from .given import USABLE, Coupon
from .templates import CouponTemplate

DAYS_BEFORE_END = 7
# Who was given a coupon that ends as soon has just read when.
RESTS_AFTER_GIVING = timedelta(days=1)
# The members of one share, by their ids: a share takes four statements.
MEMBERS_AT_ONCE = 5_000


def tell_expiring(*, after: int, zone: str, at: datetime, share: int = MEMBERS_AT_ONCE) -> int | None:
    """Tell a share of the members, those with ids above `after`, of coupons that end within a week.

    Those of a member that end on one day of the shop are one notice. A coupon that somebody is using at this moment
    is passed over. Returns where the next share begins; None after the last.
    """
    assert in_transaction()
    last = after + share
    rows = execute(
        _REMIND, {"after": after, "last": last, "now": at, "until": end_of(day_of(at, zone) + _AHEAD, zone),
                  "given": at - RESTS_AFTER_GIVING},
    ).all()  # fmt: skip
    if rows:
        wanted = select(CouponTemplate.id, CouponTemplate.title).where(
            CouponTemplate.id.in_(sorted({row.template_id for row in rows}))
        )
        titles = {row.id: row.title for row in execute(wanted)}
        notices.tell_all("coupon_expiring", _tellings(rows, titles, zone=zone), at=at)
    return last if execute(_MORE, {"last": last}).first() else None


def _tellings(rows: Iterable[Row[Any]], titles: dict[int, dict[str, str]], *, zone: str) -> list[notices.Telling]:
    """Return a notice for each member and day, which names all its coupons, the first given first. Pure."""
    days: dict[tuple[int, str], list[Row[Any]]] = {}
    for row in sorted(rows, key=lambda row: (row.member_id, row.id)):
        days.setdefault((row.member_id, day_of(row.ends_at, zone).isoformat()), []).append(row)
    tellings = []
    for (member_id, _day), ending in days.items():
        pieces: dict[int, int] = {}
        for row in ending:
            pieces[row.template_id] = pieces.get(row.template_id, 0) + 1
        values = {
            "title": titles[ending[0].template_id],
            "ends_at": min(row.ends_at for row in ending).isoformat(),
            "coupons": [{"title": titles[template_id], "pieces": count} for template_id, count in pieces.items()],
        }
        tellings.append(notices.Telling(member_id, f"coupon_expiring:{ending[0].id}", values))
    return tellings


_AHEAD = timedelta(days=DAYS_BEFORE_END)
_Due = aliased(Coupon)
# Coupons ascend everywhere else; here nobody is waited for, so the order does not matter.
_DUE = (
    select(_Due.id)
    .where(
        _Due.member_id > bindparam("after"),
        _Due.member_id <= bindparam("last"),
        _Due.state == USABLE,
        _Due.reminded_at.is_(None),
        _Due.ends_at > bindparam("now", type_=Instant),
        _Due.ends_at <= bindparam("until", type_=Instant),
        _Due.given_at <= bindparam("given", type_=Instant),
    )
    .with_for_update(skip_locked=True)
)
_REMIND = (
    update(Coupon)
    .where(Coupon.id.in_(_DUE))
    .values(reminded_at=bindparam("now", type_=Instant))
    .returning(Coupon.id, Coupon.member_id, Coupon.template_id, Coupon.ends_at)
)
_MORE = select(Coupon.member_id).where(Coupon.member_id > bindparam("last")).limit(1)
