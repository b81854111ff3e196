"""Pictures of products: uploaded ones, or the shop's own drawings; each described in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from re import fullmatch
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, bindparam, delete, func, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Text
from mall.domain import audit

from .figures import MOST_ID
from .image_files import Prepared
from .products import touch
from .wording import words

MOST_PICTURES = 12
LONGEST_ALT = 200


class Picture(db.Model):
    """A product's picture; position 1 stands on its card.

    It has either `file`, the random name of an upload, or `art`, a drawing among the shop's own files.
    """

    __tablename__ = "picture"
    __table_args__ = (
        CheckConstraint("(file IS NULL) <> (art IS NULL)", name="file_or_art"),
        CheckConstraint("position > 0", name="position_positive"),
        Index(None, "product_id", "position"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    position: Mapped[int]
    file: Mapped[str | None] = mapped_column(String(32), unique=True)
    art: Mapped[str | None] = mapped_column(String(60))
    alt: Mapped[dict[str, str]] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(Instant)


class NoSuchPicture(NotFound):
    message = N_("There is no such picture.")


class AltMissing(Refusal):
    message = N_("Say in words what the picture shows: some members hear the page.")


class TooManyPictures(Refusal):
    message = N_("Use {most} pictures at most.")


def add_picture(
    product_id: int,
    prepared: Prepared,
    *,
    alt: Mapping[str, str],
    by: str,
    at: datetime,
    seen_version: int | None = None,
) -> int:
    """Give a product another picture, made by prepare_picture(). Returns its id.

    Raises NoSuchProduct, AltMissing, TooManyPictures, ChangedMeanwhile (no longer the version the editor saw).
    """
    upload = {"file": prepared.name, "art": None, "width": prepared.width, "height": prepared.height}
    return _add(product_id, upload, alt=alt, by=by, at=at, seen_version=seen_version)


def add_art(product_id: int, art: str, *, alt: Mapping[str, str], by: str, at: datetime) -> int:
    """Give a product one of the shop's own drawings, such as "mug.svg". Returns the picture's id."""
    if not fullmatch(r"[a-z0-9][a-z0-9_-]{0,50}\.(svg|webp|png)", art):
        raise NoSuchPicture()
    return _add(product_id, {"file": None, "art": art, "width": 400, "height": 400}, alt=alt, by=by, at=at)


def describe_picture(picture_id: int, alt: Mapping[str, str], *, by: str, at: datetime) -> None:
    """Say in other words what a picture shows. Raises NoSuchPicture, AltMissing."""
    row = _row(picture_id)
    touch(row.product_id, at=at)
    described = _described(alt)
    execute(update(Picture).where(Picture.id == picture_id).values(alt=described))
    audit.write(
        "picture.described", by=by, subject=f"product:{row.product_id}", at=at,
        before={"alt": row.alt}, after={"alt": described},
    )  # fmt: skip


def order_pictures(product_id: int, picture_ids: Sequence[int], *, by: str, at: datetime) -> None:
    """Show a product's pictures in this order; the first stands on its card."""
    touch(product_id, at=at)
    now = [row.id for row in pictures_of(product_id)]
    if sorted(picture_ids) != sorted(now):
        raise NoSuchPicture(N_("The pictures changed meanwhile. Reload the page and order them again."))
    for position, picture_id in enumerate(picture_ids, start=1):
        execute(update(Picture).where(Picture.id == picture_id).values(position=position))
    audit.write(
        "picture.ordered", by=by, subject=f"product:{product_id}", at=at,
        before={"order": now}, after={"order": list(picture_ids)},
    )  # fmt: skip


def remove_picture(picture_id: int, *, by: str, at: datetime) -> str | None:
    """Take a picture off its product. Returns the name of the upload to discard(), if it was one."""
    row = _row(picture_id)
    touch(row.product_id, at=at)
    execute(delete(Picture).where(Picture.id == picture_id))
    execute(
        update(Picture)
        .where(Picture.product_id == row.product_id, Picture.position > row.position)
        .values(position=Picture.position - 1)
    )
    audit.write("picture.removed", by=by, subject=f"product:{row.product_id}", at=at, before={"alt": row.alt})
    file: str | None = row.file
    return file


def pictures_of(product_id: int) -> Sequence[Row[Any]]:
    """Return a product's pictures in their order: id, position, file, art, alt, width, height."""
    return execute(_PICTURES, {"product_id": product_id}).all()


_COLUMNS = (
    Picture.id, Picture.product_id, Picture.position, Picture.file, Picture.art, Picture.alt, Picture.width,
    Picture.height,
)  # fmt: skip
_PICTURES = (
    select(*_COLUMNS).where(Picture.product_id == bindparam("product_id")).order_by(Picture.position, Picture.id)
)


def _add(
    product_id: int,
    shows: Mapping[str, Any],
    *,
    alt: Mapping[str, str],
    by: str,
    at: datetime,
    seen_version: int | None = None,
) -> int:
    touch(product_id, at=at, seen_version=seen_version)
    described = _described(alt)
    there = execute(select(func.count()).where(Picture.product_id == product_id)).scalar_one()
    if there >= MOST_PICTURES:
        raise TooManyPictures(most=MOST_PICTURES)
    picture_id: int = execute(
        insert(Picture)
        .values(product_id=product_id, position=there + 1, alt=described, added_at=at, **shows)
        .returning(Picture.id)
    ).scalar_one()
    audit.write("picture.added", by=by, subject=f"product:{product_id}", at=at, after={"alt": described})
    return picture_id


def _described(alt: Mapping[str, str]) -> dict[str, str]:
    described = words(alt, longest=LONGEST_ALT)
    if not described:
        raise AltMissing()
    return described


def _row(picture_id: int) -> Row[Any]:
    row = execute(
        select(*_COLUMNS).where(Picture.id == (picture_id if 0 < picture_id <= MOST_ID else 0))
    ).one_or_none()
    if row is None:
        raise NoSuchPicture()
    return row
