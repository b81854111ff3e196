"""Addresses: where a member has parcels sent. An order keeps a copy of its own, so these may change and go."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Row,
    String,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.seals import mark
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

from .facets import KINDS, told_columns
from .members import Member, lock_member

MOST_ADDRESSES = 20
# What marks of places are made for.
PLACES = "mall people places v1"


class TooManyAddresses(Refusal):
    """The list of addresses is full."""

    message = N_("You have {most} addresses, which is the most. Remove one you no longer use.")


class Address(db.Model):
    """An address of a member. Exactly one of a member's is the default."""

    __tablename__ = "address"
    __table_args__ = (
        CheckConstraint("length(country) = 2", name="country_is_two_letters"),
        Index(
            "uq_address_default",
            "member_id",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
        Index(None, "member_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    recipient: Mapped[str] = mapped_column(String(80))
    line1: Mapped[str] = mapped_column(String(120))
    line2: Mapped[str] = mapped_column(String(120))
    city: Mapped[str] = mapped_column(String(80))
    region: Mapped[str] = mapped_column(String(80))
    postcode: Mapped[str] = mapped_column(String(20))
    country: Mapped[str] = mapped_column(String(2))
    phone: Mapped[str] = mapped_column(String(30))
    is_default: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)


class AddressLines(Struct, frozen=True):
    """What is written on a parcel. `country` is an ISO 3166 code of two letters."""

    recipient: str
    line1: str
    city: str
    postcode: str
    country: str
    line2: str = ""
    region: str = ""
    phone: str = ""


def add_address(member_id: int, lines: AddressLines, *, as_default: bool = False, at: datetime) -> int:
    """Add an address; the first becomes the default. Returns its id. Raises TooManyAddresses."""
    lock_member(member_id)  # So that there is never a second default, nor one address too many.
    there = refuse_more_addresses(member_id)
    becomes_default = as_default or there == 0
    if becomes_default:
        _clear_default(member_id)
    return execute(
        insert(Address)
        .values(member_id=member_id, is_default=becomes_default, created_at=at, changed_at=at, **asdict(lines))
        .returning(Address.id)
    ).scalar_one()


def refuse_more_addresses(member_id: int) -> int:
    """Return how many addresses a member has. Raises TooManyAddresses where there is no room for another."""
    there = execute(select(func.count()).select_from(Address).where(Address.member_id == member_id)).scalar_one()
    if there >= MOST_ADDRESSES:
        raise TooManyAddresses(most=MOST_ADDRESSES)
    return int(there)


def edit_address(
    member_id: int, address_id: int, lines: AddressLines, *, as_default: bool = False, at: datetime
) -> None:
    """Change an address of a member. Raises NotFound, also for another member's."""
    lock_member(member_id)  # Before the address, as who removes it or chooses another default does.
    changed = execute(update(Address).where(*_of(member_id, address_id)).values(changed_at=at, **asdict(lines)))
    if changed.rowcount == 0:
        raise NotFound(N_("There is no such address."))
    if as_default:
        _make_default(member_id, address_id)


def remove_address(member_id: int, address_id: int) -> None:
    """Remove an address of a member; the oldest one left takes over as default. Raises NotFound."""
    lock_member(member_id)
    removed = execute(
        delete(Address).where(*_of(member_id, address_id)).returning(Address.is_default)
    ).scalar_one_or_none()
    if removed is None:
        raise NotFound(N_("There is no such address."))
    if removed:
        oldest = select(func.min(Address.id)).where(Address.member_id == member_id).scalar_subquery()
        execute(update(Address).where(Address.id == oldest).values(is_default=True))


def make_default(member_id: int, address_id: int) -> None:
    """Choose the address that checkout proposes. Raises NotFound."""
    lock_member(member_id)
    _make_default(member_id, address_id)


def addresses_of(member_id: int) -> Sequence[Row[Any]]:
    """Return a member's addresses, the default first."""
    return execute(_ADDRESSES, {"of_member": member_id}).all()


def address_of(member_id: int, address_id: int) -> Row[Any]:
    """Return one address of a member. Raises NotFound, also for another member's."""
    row = execute(_ADDRESS, {"of_member": member_id, "of_address": address_id}).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such address."))
    return row


def default_address(member_id: int) -> Row[Any] | None:
    """Return the address checkout proposes, or None when the member has none."""
    return execute(select(Address).where(Address.member_id == member_id, Address.is_default)).one_or_none()


def place_mark(line1: str, postcode: str, country: str) -> str:
    """Return a mark that is the same for every way to write an address, and tells nobody which address it is."""
    plain = "|".join(re.sub(r"\W+", "", part.casefold()) for part in (line1, postcode, country))
    return mark(plain, purpose=PLACES)


class Known(Struct, frozen=True):
    """What a member has told of themselves so far."""

    email_verified: bool
    birthday: bool
    phone: bool
    address: bool
    wants_news: bool
    # Whether there is anything to tell of sizes and of style, and whether all of it is told.
    sizes_asked: bool = False
    sizes: bool = False
    style_asked: bool = False
    style: bool = False

    @property
    def profile(self) -> bool:
        """Tell whether the profile is complete."""
        return self.birthday and self.phone and self.address


def known_of(member_id: int) -> Known:
    """Return what a member has told of themselves. One statement."""
    has_address = select(Address.id).where(Address.member_id == Member.id).correlate(Member).exists()
    row = execute(
        select(
            Member.verified_at.is_not(None).label("email_verified"),
            Member.birthday.is_not(None).label("birthday"),
            (Member.phone != "").label("phone"),
            has_address.label("address"),
            Member.marketing_consent_at.is_not(None).label("wants_news"),
            *(column for kind in KINDS for column in told_columns(kind, Member)),
        ).where(Member.id == member_id)
    ).one()
    return Known(**{name: bool(value) for name, value in row._mapping.items()})


def _of(member_id: int, address_id: int) -> tuple[Any, Any]:
    return Address.id == address_id, Address.member_id == member_id


def _make_default(member_id: int, address_id: int) -> None:
    _clear_default(member_id)
    changed = execute(update(Address).where(*_of(member_id, address_id)).values(is_default=True))
    if changed.rowcount == 0:
        raise NotFound(N_("There is no such address."))


def _clear_default(member_id: int) -> None:
    execute(update(Address).where(Address.member_id == member_id, Address.is_default).values(is_default=False))


_MINE = select(Address).where(Address.member_id == bindparam("of_member"))
_ADDRESSES = _MINE.order_by(Address.is_default.desc(), Address.id)
_ADDRESS = _MINE.where(Address.id == bindparam("of_address"))
