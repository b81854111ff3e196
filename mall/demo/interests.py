"""What the demo's members wish for, look at and wait for, so that each of these pages has something to show."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, interest, programme

# By picture: within reach, sold out, behind a gate, and far away.
WISHES = ("phones-silver", "vase-celadon", "lamp-pine", "charger-celadon", "tea-cobalt")
LOOKED_AT = ("teapot-celadon", "bowl-cobalt", "lamp-pine", "umbrella-persimmon")
SOLD_OUT, BACK_AGAIN = "lamp-pine", "bell-gold"
WAITING, DELIVERED = 5, 12


def show_interest(
    members: Mapping[str, int], shelves: Mapping[str, int], *, terms: programme.Programme, by: str, at: datetime
) -> None:
    """Let members wish and wait in the last days; an item that had run out comes back, and who waited is told.

    `members` are ids by name, `shelves` products by their picture.
    """
    product = catalogue.Product
    with reading():
        slugs = {row.id: row.slug for row in execute(select(product.id, product.slug))}
    visitor = catalogue.Viewer(1)
    with transaction():
        for place, picture in enumerate(WISHES):
            for name in ("mei", "wei"):
                interest.wish(
                    members[name], slugs[shelves[picture]], viewer=visitor, at=at - timedelta(days=9 - place)
                )
        for place, picture in enumerate(LOOKED_AT):
            interest.note_view(members["mei"], shelves[picture], at=at - timedelta(hours=4 - place))
        crowd = [members[name] for name in ("mei", "grace", *members)][:WAITING]
        for place, member_id in enumerate(dict.fromkeys(crowd)):
            _wait(member_id, slugs[shelves[SOLD_OUT]], terms=terms, at=at - timedelta(hours=30 - place))
    _comes_back(members, slugs[shelves[BACK_AGAIN]], terms=terms, by=by, at=at)


def _comes_back(members: Mapping[str, int], slug: str, *, terms: programme.Programme, by: str, at: datetime) -> None:
    """Let an item run out, be waited for, and arrive: whoever waited is told."""
    with reading():
        variant = catalogue.item(slug, catalogue.Viewer(1), terms=terms, at=at).variants[0]
    with transaction():
        if variant.left > 0:
            catalogue.adjust(variant.id, -variant.left, reason="Damaged in storage", by=by, at=at - timedelta(days=3))
    with transaction():
        for name in ("mei", "wei", "tom"):
            _wait(members[name], slug, terms=terms, at=at - timedelta(days=2))
    with transaction():
        catalogue.receive(variant.id, DELIVERED, by=by, at=at - timedelta(hours=2), reason="delivery")
        interest.tell_back_in_stock(at=at - timedelta(hours=2))


def _wait(member_id: int, slug: str, *, terms: programme.Programme, at: datetime) -> None:
    item = catalogue.item(slug, catalogue.Viewer(1, member_id), terms=terms, at=at)
    interest.ask_for_stock(member_id, item, variant_id=item.variants[0].id, at=at)
