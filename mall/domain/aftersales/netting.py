"""Netting: what a coupon was worth that an order gave and its member has used is kept when the order is refunded.

It is kept of the points that go back for the piece that gave the coupon, or a pack of several: as many as stand for
what they took off, at the worth of placing, rounded up, and together at most the piece's own. The coupon is paid for
by that: should the order it was used for come to nothing, it may be used again. Cash goes back whole, so a piece that
was paid in cash, whose points do not cover what its coupons took off, is not refunded.
"""

from collections.abc import Sequence

from msgspec import Struct

from mall.base.money import part_by_quantity
from mall.domain import checkout, coupons


class Netted(Struct, frozen=True):
    """A used coupon of a piece that is refunded: what it took off, in cents, and the points that are kept for it.

    `covered`: no cash of the piece stands for what it took off.
    """

    coupon_id: int
    cents: int
    points: int
    covered: bool


def netted_of(order: checkout.OrderRow, lines: Sequence[checkout.LineRow]) -> tuple[Netted, ...]:
    """Return the used coupons that lines of an order gave. Two statements; one where none was used."""
    reference = checkout.reference_of(order.id)
    by_number = {str(line.line): line for line in lines}
    used = [
        (row, line, int(piece))
        for row in coupons.used_of(reference)
        for number, _, piece in [row.key.removeprefix(f"{reference}:").partition(":")]
        if (line := by_number.get(number)) is not None
    ]
    if not used:
        return ()
    took = checkout.taken_off_by([row.used_for for row, _line, _piece in used])
    left: dict[tuple[int, int], int] = {}
    found = []
    for row, line, piece in used:
        points = left.setdefault((line.line, piece), _of_piece(line.price_points + line.switch_points, line, piece))
        netted = _netted(order, line, piece, coupon_id=row.id, cents=took[row.id], of_points=points)
        left[line.line, piece] -= netted.points
        found.append(netted)
    return tuple(found)


def _netted(
    order: checkout.OrderRow, line: checkout.LineRow, piece: int, *, coupon_id: int, cents: int, of_points: int
) -> Netted:
    wanted = -(-cents * order.worth_points // order.worth_cents)
    points = min(wanted, of_points)
    return Netted(coupon_id, cents, points, covered=points == wanted or _of_piece(line.cash_cents, line, piece) == 0)


def _of_piece(amount: int, line: checkout.LineRow, piece: int) -> int:
    return part_by_quantity(amount, of=line.quantity, before=piece - 1, after=piece)
