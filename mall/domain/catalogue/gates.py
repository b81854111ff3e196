"""Gates: who may see a product, who may have it, from when; and what is still missing, as a value.

A member's standing comes from above as a Viewer. Rank 0 is a visitor who has not signed in.
"""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from .shelves import state_of


class Viewer(Struct, frozen=True):
    """Who looks at the shelves: level rank, points ready to use, and how many hours before others they may buy."""

    rank: int = 0
    member_id: int | None = None
    ready_points: int | None = None
    early_access_hours: int = 0


ANYBODY = Viewer()


class Gate(Struct, frozen=True):
    """What stands between a viewer and a product. All None: nothing does.

    `required_rank`: the level to reach. `opens_at`: when it opens for this viewer; `public_from`: for everybody, where
    a level opens it earlier. `closed_at`: it could be had until then.
    """

    required_rank: int | None = None
    opens_at: datetime | None = None
    public_from: datetime | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the viewer may have the product now."""
        return self.required_rank is None and self.opens_at is None and self.closed_at is None


OPEN = Gate()


def may_see(product: Any, viewer: Viewer, *, at: datetime) -> bool:
    """Tell whether a product exists for a viewer: on the shelf, and meant for this level. Pure."""
    return state_of(product, at) == "listed" and product.see_rank <= viewer.rank


def gate_of(product: Any, viewer: Viewer, *, at: datetime) -> Gate:
    """Return what stands between a viewer and having a product he may see. Pure.

    `product` is any row or value with buy_rank, public_from, redeem_from and redeem_until.
    """
    if product.buy_rank <= viewer.rank and product.public_from is product.redeem_from is product.redeem_until is None:
        return OPEN
    opens_at = product.redeem_from
    if product.public_from is not None:
        early = product.public_from - timedelta(hours=viewer.early_access_hours)
        opens_at = early if opens_at is None else max(opens_at, early)
    waits = opens_at is not None and at < opens_at
    over = product.redeem_until is not None and product.redeem_until <= at
    return Gate(
        required_rank=product.buy_rank if product.buy_rank > viewer.rank else None,
        opens_at=opens_at if waits else None,
        public_from=product.public_from if waits else None,
        closed_at=product.redeem_until if over else None,
    )
