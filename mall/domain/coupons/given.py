"""Coupons of members: used for one order at a time, come back, revoked.

Whether one has expired is a matter of the clock, not of a job: a coupon that is past its end cannot be used, whatever
its state says. Coming back never lengthens its life.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Row, Select, String, bindparam, case, func, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit, ledger, people, programme

from .templates import CouponTemplate
from .terms import Ready, UsedUp

SOURCES = ("points", "code", "operator", "pack")
USABLE, USED, REVOKED = "usable", "used", "revoked"
STATES = (USABLE, USED, REVOKED)
MOST_ID = 2**63 - 1


class Coupon(db.Model):
    """One coupon of a member.

    `reference` is what it was given for ("order:7", "code:12"), `key` makes that happen once. `used_for` is the order
    it is used for: there is room for one, so that it is used once. Where the order that gave it was refunded after
    its use, `netted_points` were kept for it by `netted_for` ("credit:7"): it is its member's for good. `pack_id` is
    the given pack that it came in. `reminded_at`: its member was told that it ends soon.
    """

    __tablename__ = "coupon"
    __table_args__ = (
        CheckConstraint(f"source IN {SOURCES}", name="source_known"),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("(state = 'used') = (used_for IS NOT NULL)", name="used_for_something"),
        CheckConstraint("(state = 'used') = (used_at IS NOT NULL)", name="used_at_some_time"),
        CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_at_some_time"),
        CheckConstraint("(netted_for IS NULL) = (netted_points IS NULL)", name="netted_for_something"),
        CheckConstraint("netted_points >= 0", name="netted_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), index=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    source: Mapped[str] = mapped_column(String(10))
    reference: Mapped[str] = mapped_column(String(60), index=True)
    key: Mapped[str] = mapped_column(String(90), unique=True)
    given_at: Mapped[datetime] = mapped_column(Instant)
    usable_from: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(10))
    used_for: Mapped[str | None] = mapped_column(String(40), index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    netted_for: Mapped[str | None] = mapped_column(String(40), index=True)
    netted_points: Mapped[int | None]
    pack_id: Mapped[int | None] = mapped_column(ForeignKey("given_pack.id"), index=True)
    reminded_at: Mapped[datetime | None] = mapped_column(Instant)


class GivenPack(db.Model):
    """One pack that a member was given: of which kind, and for what, as with a coupon. `key` makes it happen once."""

    __tablename__ = "given_pack"
    __table_args__ = (CheckConstraint(f"source IN {SOURCES}", name="source_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), index=True)
    source: Mapped[str] = mapped_column(String(10))
    reference: Mapped[str] = mapped_column(String(60), index=True)
    key: Mapped[str] = mapped_column(String(90), unique=True)
    given_at: Mapped[datetime] = mapped_column(Instant)


append_only(GivenPack)


class CouponGone(Refusal):
    """A coupon was used elsewhere, has ended or was taken back since it was shown."""

    message = N_("This coupon can no longer be used. Nothing was taken. Look at the new total, then confirm it.")


class NoSuchCoupon(NotFound):
    message = N_("There is no such coupon.")


def use(coupons: Iterable[Ready], *, member_id: int, reference: str, at: datetime) -> None:
    """Use coupons of a member, whose purse is locked, for an order: all of them, or CouponGone or UsedUp.

    A total is counted by one conditional UPDATE, templates ascending. One statement, two where one has a total.
    """
    assert in_transaction()
    coupons = list(coupons)
    used = execute(
        update(Coupon)
        .where(
            Coupon.id.in_([coupon.id for coupon in coupons]),
            Coupon.member_id == member_id,
            Coupon.state == USABLE,
            Coupon.usable_from <= at,
            Coupon.ends_at > at,
        )
        .values(state=USED, used_for=reference, used_at=at)
    ).rowcount
    if used != len(coupons):
        raise CouponGone()
    limited = sorted(coupon.template_id for coupon in coupons if coupon.total_left is not None)
    if limited and _count_used(limited) < len(limited):
        raise UsedUp()


def come_back(reference: str, *, at: datetime) -> list[int]:
    """Let the coupons used for an order be used again, until the end they always had. Returns their ids.

    One whose own order was called off since, and for which nothing could be kept, is revoked instead.
    """
    assert in_transaction()
    for_nothing = Coupon.netted_points == 0
    rows = execute(
        update(Coupon)
        .where(Coupon.used_for == reference)
        .values(
            state=case((for_nothing, REVOKED), else_=USABLE),
            revoked_at=case((for_nothing, bindparam("revoking_at", at, type_=Instant))),
            used_for=None,
            used_at=None,
        )
        .returning(Coupon.id, Coupon.template_id, Coupon.state)
    ).all()
    if rows:
        _count_back([row.template_id for row in rows])
    return sorted(row.id for row in rows if row.state == USABLE)


def used_of(reference: str) -> list[Row[Any]]:
    """Return the coupons given for an order that are used and not yet paid for otherwise: id, key, used_for.

    The key is that of the pack for those that came in one.
    """
    return list(
        execute(
            select(Coupon.id, func.coalesce(GivenPack.key, Coupon.key).label("key"), Coupon.used_for)
            .outerjoin(GivenPack, GivenPack.id == Coupon.pack_id)
            .where(Coupon.reference == reference, Coupon.state == USED, Coupon.netted_for.is_(None))
            .order_by(Coupon.id)
        )
    )


def net(points: Mapping[int, int], *, reference: str) -> None:
    """Note of used coupons, {coupon id: points}, that so many points were kept for them by a refund."""
    assert in_transaction()
    for coupon_id, kept in sorted(points.items()):
        execute(update(Coupon).where(Coupon.id == coupon_id).values(netted_for=reference, netted_points=kept))


def take_back(reference: str, *, at: datetime) -> int:
    """Revoke the coupons that were given for an order and have not been used. Returns how many."""
    assert in_transaction()
    return execute(
        update(Coupon)
        .where(Coupon.reference == reference, Coupon.state == USABLE, Coupon.netted_for.is_(None))
        .values(state=REVOKED, revoked_at=at)
    ).rowcount


def void(coupon_ids: Collection[int], *, at: datetime) -> int:
    """Revoke coupons that have not been used, since what they were given for came to nothing. Returns how many."""
    assert in_transaction()
    return execute(
        update(Coupon)
        .where(Coupon.id.in_(sorted(coupon_ids)), Coupon.state == USABLE)
        .values(state=REVOKED, revoked_at=at)
    ).rowcount


def void_given_for(reference: str, *, member_id: int, by: str, at: datetime) -> tuple[int, int]:
    """Revoke the coupons that a member was given for something and has not used. Returns (revoked, those used).

    Those used stay so; should the order they were used for come to nothing, they do not come back. `by` says what
    brought it about ("fact:7"). Two statements.
    """
    assert in_transaction()
    mine = (Coupon.reference == reference, Coupon.member_id == member_id, Coupon.netted_for.is_(None))
    revoked = update(Coupon).where(*mine, Coupon.state == USABLE).values(state=REVOKED, revoked_at=at)
    used = update(Coupon).where(*mine, Coupon.state == USED).values(netted_for=by, netted_points=0)
    return execute(revoked).rowcount, execute(used).rowcount


def would_void(reference: str, *, member_id: int) -> tuple[int, int]:
    """Return what void_given_for() would: (those to be revoked, those used). It revokes nothing. One statement."""
    mine = (Coupon.reference == reference, Coupon.member_id == member_id, Coupon.netted_for.is_(None))
    states = list(execute(select(Coupon.state).where(*mine)).scalars())
    return states.count(USABLE), states.count(USED)


def revoke(coupon_id: int, *, member_id: int, terms: programme.Programme, by: str, at: datetime, reason: str) -> None:
    """Take a coupon that has not been used away from its member, at the desk.

    Raises NoSuchCoupon, OwnMatter, CouponGone.
    """
    possible = coupon_id if 0 < coupon_id <= MOST_ID else 0
    if execute(select(Coupon.id).where(Coupon.id == possible, Coupon.member_id == member_id)).first() is None:
        raise NoSuchCoupon()
    people.not_for_oneself(member_id, by=by)
    ledger.lock(member_id, zone=terms.zone)
    done = execute(
        update(Coupon).where(Coupon.id == coupon_id, Coupon.state == USABLE).values(state=REVOKED, revoked_at=at)
    ).rowcount
    if not done:
        raise CouponGone()
    audit.write(
        "coupon.revoked", by=by, subject=f"member:{member_id}", at=at, after={"coupon_id": coupon_id}, reason=reason
    )


def _count_used(template_ids: Sequence[int]) -> int:
    """Count a use of templates, ascending, where their totals leave room. Returns how many had room."""
    return execute(
        update(CouponTemplate)
        .where(CouponTemplate.id.in_(_locked(template_ids)), CouponTemplate.used < CouponTemplate.total_limit)
        .values(used=CouponTemplate.used + 1)
    ).rowcount


def _count_back(template_ids: Sequence[int]) -> None:
    """Count a use less of those templates that have a total, ascending."""
    execute(
        update(CouponTemplate).where(CouponTemplate.id.in_(_locked(template_ids))).values(used=CouponTemplate.used - 1)
    )


def _locked(template_ids: Sequence[int]) -> Select[int]:
    """Return the ids of those that have a total, their rows locked one after the other, ascending, as by everybody."""
    limited = (CouponTemplate.id.in_(template_ids), CouponTemplate.total_limit.is_not(None))
    return select(CouponTemplate.id).where(*limited).order_by(CouponTemplate.id).with_for_update()
