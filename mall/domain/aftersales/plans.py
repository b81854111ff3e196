"""Plans: what a refund does, thought out before anything is done. Who is shown one gets that one, or none."""

import hashlib
import json
from typing import Any

from msgspec import Struct
from sqlalchemy import Row

from mall.domain import checkout, earning, ledger

from .exchanges import OpenExchange
from .netting import Netted
from .unshowing import ReviewBack


class PlanLine(Struct, frozen=True):
    """What goes back of one line: pieces, of them `unsent` that never left, and their share of cash, points, tax.

    Where the pieces are codes, so many that nobody has seen go back into their pool (`codes_free`); the rest were
    shown and are void (`codes_void`). So many pieces are `in_house` already: they came back in an exchange. Of a
    membership that is given back in part, `used_days` stay paid; None where all of it goes back.
    """

    line: checkout.LineRow
    quantity: int
    unsent: int
    cash_cents: int
    points: int
    tax_cents: int
    codes_free: int = 0
    codes_void: int = 0
    in_house: int = 0
    used_days: int | None = None

    @property
    def days_left(self) -> int:
        """The days of a membership that are given back."""
        return (self.line.plan_days or 0) - (self.used_days or 0)

    @property
    def sent(self) -> int:
        """The pieces that left the house and come back, or do not."""
        return 0 if self.line.digital else self.quantity - self.unsent

    @property
    def to_come(self) -> int:
        """Those that are still to come back, or do not."""
        return self.sent - self.in_house


class Plan(Struct, frozen=True):
    """What a refund does: cash back, points back, points taken back, in cents and points.

    `sale` is the order as it is then, `was_cents` the cash that is kept of it now. `returning` says to which lots
    spent points go back, with the last day they have then; `taken` what is taken back of what the order earned,
    `unkept` what of other things it had brought, `stamps` those of stamp cards.
    `growth_less` is growth the order has not given yet and will give less of. `gone_cents` is the part of the cash
    that is not there to be given: it was given back at the cashier already, or never came. `netted` are used coupons
    whose value is kept of the points. `overtaken` are exchanges that it closes, `ended` those and the one that is
    refunded after all. `payments` are the order's, where cash goes back. `brought` is what levels brought that it
    paid for: that is taken back. `voided` are coupons it used that do not come back, as stamps are owed for them.
    `reviews` are those of which all pieces go back. `takes_all`: nothing is left to refund, so that open returns end;
    `whole`: besides, no day of a membership stays paid, so that the order counts as refunded.
    """

    order: checkout.OrderRow
    reason: str
    lines: tuple[PlanLine, ...]
    sale: earning.Sale
    was_cents: int
    shipping_cents: int
    shipping_tax_cents: int
    shipping_pieces: tuple[int, ...]
    whole: bool
    returning: tuple[ledger.Returning, ...]
    taken: earning.Reduction
    growth_less: int
    gone_cents: int = 0
    netted: tuple[Netted, ...] = ()
    stamps: tuple[earning.StampsBack, ...] = ()
    voided: tuple[int, ...] = ()
    unkept: earning.Unkept = earning.Unkept()
    reviews: tuple[ReviewBack, ...] = ()
    brought: earning.Brought = earning.Brought()
    ended: tuple[OpenExchange, ...] = ()
    overtaken: tuple[OpenExchange, ...] = ()
    payments: tuple[Row[Any], ...] = ()
    takes_all: bool = False

    @property
    def goods_cents(self) -> int:
        """The cash that goes back for goods."""
        return sum(each.cash_cents for each in self.lines)

    @property
    def cash_cents(self) -> int:
        """All cash that goes back."""
        return self.goods_cents + self.shipping_cents

    @property
    def tax_cents(self) -> int:
        """The tax inside the cash that goes back for goods."""
        return sum(each.tax_cents for each in self.lines)

    @property
    def all_tax_cents(self) -> int:
        """The tax inside all cash that goes back."""
        return self.tax_cents + self.shipping_tax_cents

    @property
    def kept_cents(self) -> int:
        """The cash that earns and is still kept of the order afterwards."""
        return self.sale.kept_cents

    @property
    def pieces(self) -> int:
        """How many pieces are refunded."""
        return sum(each.quantity for each in self.lines)

    @property
    def line_points(self) -> int:
        """The points that the pieces cost: they go back, but for what is netted."""
        return sum(each.points for each in self.lines)

    @property
    def netted_points(self) -> int:
        """The points that are kept for used coupons."""
        return sum(each.points for each in self.netted)

    @property
    def points(self) -> int:
        """The points that go back."""
        return self.line_points - self.netted_points

    @property
    def earned_points(self) -> int:
        """The earned points that are taken back."""
        return self.taken.points

    @property
    def growth(self) -> int:
        """The growth that is taken back."""
        return self.taken.growth

    @property
    def codes_free(self) -> int:
        """The codes that go back into their pool."""
        return sum(each.codes_free for each in self.lines)

    @property
    def codes_void(self) -> int:
        """The codes that were shown, and are given up."""
        return sum(each.codes_void for each in self.lines)

    @property
    def sent(self) -> int:
        """How many pieces left the house and come back, or do not."""
        return sum(each.sent for each in self.lines)

    @property
    def shipped(self) -> bool:
        """Tell whether any of the pieces has left the house."""
        return self.sent > 0

    @property
    def moves_goods(self) -> bool:
        """Tell whether any of it is goods: more than codes and memberships."""
        return not all(each.line.codes or each.line.plan_days for each in self.lines)

    def lost(self, shelved: int) -> int:
        """Return how many pieces are written off where so many go back on the shelf."""
        return self.sent - shelved

    @property
    def points_to(self) -> tuple[tuple[int, int], ...]:
        """The lots that spent points return to: ((lot id, points), ...)."""
        return tuple((each.lot_id, each.points) for each in self.returning)

    @property
    def fingerprint(self) -> str:
        """Return what tells this refund from any other: to be sent along with the confirmation of what was shown."""
        parts = [
            self.order.id, self.order.state, self.reason, self.cash_cents, self.shipping_cents, self.growth,
            self.gone_cents,
            [
                (each.line.line, each.line.refunded, each.quantity, each.unsent, each.codes_void)
                + (() if each.used_days is None else (each.used_days,))
                for each in self.lines
            ],
            [(each.lot_id, each.points, each.expires_on.isoformat()) for each in self.returning],
            sorted(self.taken.lots.items()),
            [(each.coupon_id, each.points) for each in self.netted],
            [(each.card.id, each.stamps, sorted(each.voids), each.owes) for each in self.stamps],
            [(each.id, each.state) for each in self.ended],
            [self.unkept.points, self.unkept.growth],
            [(each.points, each.coupons, each.used) for each in self.unkept.levels],
        ]  # fmt: skip
        if self.reviews:
            parts.append([(each.review_id, each.points, each.growth, each.other) for each in self.reviews])
        if self.voided:
            parts.append(self.voided)
        if self.brought:
            parts.append((self.brought.points, self.brought.growth, self.brought.coupons, self.brought.used))
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
