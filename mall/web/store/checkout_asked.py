"""What is asked for at checkout: points, delivery, address and coupons, as chosen and typed so far."""

from typing import Any

from msgspec import Struct
from werkzeug.datastructures import MultiDict

from mall.base.errors import Refusal
from mall.base.text import N_
from mall.web.shared.numbers import whole

CHOICES = ("points", "method", "address", "coupon", "together")
NO_COUPON = "none"
MOST_TOGETHER = 10


class NoPointsNumber(Refusal):
    message = N_("Type how many points to use, as a whole number.")


class Asked(Struct, frozen=True):
    """What was chosen and typed so far. `refusal`: the points typed are no number.

    `coupon` is the id of one, or NO_COUPON; "": nothing was chosen yet, and the best is proposed. `together` are the
    ids of those to be used with it.
    """

    points: int
    typed_points: str
    method: str | None
    address: str
    coupon: str
    together: tuple[str, ...]
    refusal: Refusal | None

    @property
    def coupon_ids(self) -> list[int]:
        """The coupons chosen; what is no number stands for one that is not there."""
        if self.coupon in ("", NO_COUPON):
            return []
        return [whole(each) or 0 for each in (self.coupon, *self.together)]


def asked_for(values: MultiDict[str, str]) -> Asked:
    """Read the choices of a form or an address. A points button's number goes before the typed one.

    Where what is typed is no number, as many points are asked for as the page used when it was shown.
    """
    typed = (values.get("points_to") or values.get("points") or "0").strip()
    number = whole(typed)
    return Asked(
        points=(whole(values.get("points_used")) or 0) if number is None else number,
        typed_points=typed,
        method=values.get("method"),
        address=values.get("address", ""),
        coupon=values.get("coupon", ""),
        together=tuple(values.getlist("together")[:MOST_TOGETHER]),
        refusal=NoPointsNumber() if number is None else None,
    )


def kept(asked: Asked) -> dict[str, Any]:
    """Return what was asked for as the address of the page carries it."""
    return {name: value for name in CHOICES if (value := getattr(asked, name))}
