"""Shares: a member's link to an item, and who came by it. Distinct visitors count: a browser and a network once a day.

Nobody visits themselves: neither who is signed in as the sharer nor a browser they have signed in with is counted.
"""

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ForeignKey, Index, Row, String, UniqueConstraint, and_, func, insert, or_, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.domain import catalogue, ledger, people, programme

from .facts import Fact
from .invitations import CODE_LENGTH, LETTERS
from .tasks import Reward, did


class ShareLink(db.Model):
    """A member's link to an item."""

    __tablename__ = "share_link"
    __table_args__ = (UniqueConstraint("member_id", "product_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    code: Mapped[str] = mapped_column(String(12), unique=True)
    made_at: Mapped[datetime] = mapped_column(Instant)


class ShareVisit(db.Model):
    """Somebody came by a link, on a day of the shop. `visitor` and `network` are marks, and tell nobody who it was."""

    __tablename__ = "share_visit"
    __table_args__ = (
        UniqueConstraint("link_id", "visitor", "day"),
        UniqueConstraint("member_id", "network", "day"),
        Index(None, "link_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("share_link.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    visitor: Mapped[str] = mapped_column(String(64))
    network: Mapped[str] = mapped_column(String(64))
    day: Mapped[date]
    at: Mapped[datetime] = mapped_column(Instant)


append_only(ShareLink)
append_only(ShareVisit)


class Shared(Struct, frozen=True):
    """What a link leads to, and whose it is."""

    link_id: int
    member_id: int
    email: str
    slug: str


def share(member_id: int, product_id: int, *, at: datetime) -> str:
    """Return the code of a member's link to an item, made now if there is none yet."""
    people.lock_member(member_id)
    mine = (ShareLink.member_id == member_id, ShareLink.product_id == product_id)
    code = execute(select(ShareLink.code).where(*mine)).scalar_one_or_none()
    if code is not None:
        return code
    code = "".join(secrets.choice(LETTERS) for _letter in range(CODE_LENGTH))
    execute(insert(ShareLink).values(member_id=member_id, product_id=product_id, code=code, made_at=at))
    return code


def shared_by(code: str) -> Shared | None:
    """Return what a link leads to; None for a code that nobody has, or whose member is kept out."""
    link, member, product = ShareLink, people.Member, catalogue.Product
    row = execute(
        select(link.id, link.member_id, member.email, product.slug)
        .join(member, member.id == link.member_id)
        .join(product, product.id == link.product_id)
        .where(link.code == code.strip().lower()[:CODE_LENGTH], member.deactivated_at.is_(None))
    ).one_or_none()
    return Shared(row.id, row.member_id, row.email, row.slug) if row else None


def note_share_visit(
    shared: Shared, *, visitor: str, network: str, terms: programme.Programme, at: datetime
) -> tuple[Reward, ...]:
    """Note that somebody came by a link, and give its member what that is worth: a visitor and a network once a day.

    `visitor` and `network` are marks of the browser and of its network.
    """
    purse, today, visit = ledger.lock(shared.member_id, zone=terms.zone), terms.today(at), ShareVisit
    been_here = or_(
        and_(visit.link_id == shared.link_id, visit.visitor == visitor),
        and_(visit.member_id == shared.member_id, visit.network == network),
    )
    if execute(select(visit.id).where(visit.day == today, been_here).limit(1)).first() is not None:
        return ()
    values = {
        "link_id": shared.link_id,
        "member_id": shared.member_id,
        "visitor": visitor,
        "network": network,
        "day": today,
        "at": at,
    }
    visit_id = execute(insert(visit).values(values).returning(visit.id)).scalar_one()
    fact = Fact(
        "share_visited",
        shared.member_id,
        key=f"share:{visit_id}",
        at=at,
        reference=f"share:{shared.link_id}",
        attributes={"visit": visit_id},
    )
    return did(fact, purse=purse, terms=terms, at=at)


def shares_of(member_id: int, *, today: date, limit: int = 100) -> Sequence[Row[Any]]:
    """Return a member's links, the latest first: code, title, slug, made_at, visitors, visitors_today."""
    link, product, visit = ShareLink, catalogue.Product, ShareVisit
    return execute(
        select(
            link.code,
            product.title,
            product.slug,
            link.made_at,
            func.count(visit.id).label("visitors"),
            func.count(visit.id).filter(visit.day == today).label("visitors_today"),
        )
        .join(product, product.id == link.product_id)
        .outerjoin(visit, visit.link_id == link.id)
        .where(link.member_id == member_id)
        .group_by(link.id, product.id)
        .order_by(link.id.desc())
        .limit(limit)
    ).all()
