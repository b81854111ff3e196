"""Planning a refund: whether it may be, and of which pieces. shares.py says what goes back for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, checkout

from . import memberships
from .exchanges import OpenExchange, open_exchanges, overtaken_by, sum_of
from .netting import Netted, netted_of
from .plans import Plan
from .reasons import ALL_REASONS, DISPUTE_LOST, PLAN_ENDED, REASONS
from .returns import RECEIVED, TO_SEND, going_back
from .shares import back_of, plan_of

# Lines that something comes back of, each with how many pieces.
Chosen = Sequence[tuple[checkout.LineRow, int]]


class NotRefundable(Refusal):
    message = N_("Order {number} cannot be refunded as it stands. Reload the page to see how it stands.")


class CouponUsed(NotRefundable):
    message = N_("Order {number} gave a coupon that has been used, and it was paid in cash: it cannot be refunded.")


class CouponsOnlyWhole(NotRefundable):
    message = N_("Order {number} gave a coupon: what is read or used online goes back with all that is left, or not.")


class ExchangeOpen(NotRefundable):
    message = N_(
        "Some of these pieces of order {number} are being exchanged. Send the new ones, or refund the exchange, first."
    )


class ReturnOpen(NotRefundable):
    message = N_(
        "Some of these pieces of order {number} are in a return that is open. Refund the return, or decline it first."
    )


class NoReason(Refusal):
    field = "reason"
    message = N_("Say why the order is refunded.")


class NothingChosen(Refusal):
    message = N_("Choose at least one piece that comes back.")


class TooManyPieces(Refusal):
    """More pieces were to be refunded than are left of a line. Carries the line's number."""

    message = N_("Of {title} {left} can still be given back. Lower the number.")

    def __init__(self, line: int, *, title: Mapping[str, str], left: int) -> None:
        super().__init__(title=dict(title), left=left)
        self.line = line


def refundable(order: checkout.OrderRow) -> bool:
    """Tell whether an order stands where goods of it can be refunded, if somebody says so."""
    return order.disputed_at is None and _refund_follows(order)


def plan_refund(
    order: checkout.OrderRow,
    *,
    reason: str,
    at: datetime,
    zone: str,
    pieces: Mapping[int, int] | None = None,
    lines: Sequence[checkout.LineRow] | None = None,
    instead_of: int | None = None,
) -> Plan:
    """Think out a refund of so many pieces of lines, {line: n}; without `pieces` of all that is left.

    `lines` are the order's, where they are at hand; `instead_of` is the return that is refunded, or the exchange
    after all. Refuses: NotRefundable, CouponUsed, CouponsOnlyWhole, ExchangeOpen, ReturnOpen, NoReason, NothingChosen,
    TooManyPieces, UnderDispute, NoMembership, TimeOver, LeastTerm, LaterFirst.
    """
    _refuse_as_it_stands(order, reason=reason)
    lines = checkout.lines_of(order.id) if lines is None else lines
    chosen = _chosen(lines, pieces)
    used = memberships.used_days_of(order, chosen, reason=reason, at=at, zone=zone)
    takes_all = sum(quantity for _line, quantity in chosen) == sum(line.quantity - line.refunded for line in lines)
    stays_paid = any(used.values()) or any(line.used_days for line in lines)
    netted = _netted(order, chosen, reason=reason, takes_all=takes_all)
    unseen = catalogue.never_shown(checkout.reference_of(order.id)) if any(line.codes for line, _n in chosen) else {}
    left = _left_of(order, lines, chosen, takes_all=takes_all, instead_of=instead_of)
    ended = _ended(order, chosen, left=left, instead_of=instead_of)
    in_house = sum_of(each for each in ended if each.state == RECEIVED)
    back = tuple(
        back_of(
            line,
            quantity,
            unseen=unseen.get(line.line, 0),
            in_house=in_house.get(line.line, 0),
            used_days=used.get(line.line),
        )
        for line, quantity in chosen
    )
    whole = takes_all and not stays_paid
    plan = plan_of(order, lines, back, netted=netted, reason=reason, whole=whole, at=at, zone=zone)
    return replace(
        plan, takes_all=takes_all, ended=ended, overtaken=tuple(each for each in ended if each.id != instead_of)
    )


def _refund_follows(order: checkout.OrderRow) -> bool:
    """Tell whether the order table has an order refunded when somebody wants it."""
    return checkout.life.REFUND in checkout.life.follows(checkout.life.REFUND_WANTED, order.state)


def _may_be_refunded(order: checkout.OrderRow, *, reason: str) -> bool:
    """Tell whether the order table lets an order be refunded for a reason. One that was never paid has nothing to."""
    if reason in REASONS or reason == PLAN_ENDED:
        return _refund_follows(order)
    return order.paid_at is not None and checkout.REFUNDED in checkout.NEXT[order.state]


def _refuse_as_it_stands(order: checkout.OrderRow, *, reason: str) -> None:
    if reason not in ALL_REASONS:
        raise NoReason()
    if not _may_be_refunded(order, reason=reason):
        raise NotRefundable(number=checkout.number_of(order.id))
    if order.disputed_at is not None and reason != DISPUTE_LOST:
        raise checkout.UnderDispute(number=checkout.number_of(order.id))


def _chosen(lines: Sequence[checkout.LineRow], pieces: Mapping[int, int] | None) -> Chosen:
    """Return the lines that something comes back of, each with how many pieces."""
    if pieces is None:
        chosen = [(line, line.quantity - line.refunded) for line in lines if line.refunded < line.quantity]
    else:
        by_number = {line.line: line for line in lines}
        if not pieces.keys() <= by_number.keys() or any(quantity < 0 for quantity in pieces.values()):
            raise NothingChosen()
        chosen = [(by_number[number], quantity) for number, quantity in sorted(pieces.items()) if quantity]
    if not chosen:
        raise NothingChosen()
    for line, quantity in chosen:
        if quantity > line.quantity - line.refunded:
            raise TooManyPieces(line.line, title=line.title, left=line.quantity - line.refunded)
    return chosen


def _netted(order: checkout.OrderRow, chosen: Chosen, *, reason: str, takes_all: bool) -> tuple[Netted, ...]:
    """Return the used coupons of what is chosen. Refuses: CouponsOnlyWhole, CouponUsed."""
    if not order.gives_coupons:
        return ()
    lost = reason == DISPUTE_LOST  # The money is gone already: nothing can keep that from being so.
    # Days of a membership are not read or used like what is online.
    alone = lost or takes_all or reason == PLAN_ENDED
    if not alone and any(line.digital for line, _quantity in chosen):
        raise CouponsOnlyWhole(number=checkout.number_of(order.id))
    netted = netted_of(order, [line for line, _quantity in chosen])
    if not lost and not all(each.covered for each in netted):
        raise CouponUsed(number=checkout.number_of(order.id))
    return netted


def _left_of(
    order: checkout.OrderRow,
    lines: Sequence[checkout.LineRow],
    chosen: Chosen,
    *,
    takes_all: bool,
    instead_of: int | None,
) -> dict[int, int]:
    """Return how many pieces of each line a refund leaves that are with the member and in no return, {line: n}.

    Refuses: ReturnOpen, where it would take pieces that an open return is to be refunded for. With all that is left of
    the order its returns end.
    """
    left = {line.line: line.shipped + line.called_off - line.refunded for line in lines}
    taken = {line.line: quantity - min(quantity, checkout.to_ship(line)) for line, quantity in chosen}
    returning = going_back(order.id, but=instead_of) if any(taken.values()) and not takes_all else {}
    left = {line: there - taken.get(line, 0) - returning.get(line, 0) for line, there in left.items()}
    if any(left[line] < 0 for line in taken):
        raise ReturnOpen(number=checkout.number_of(order.id))
    return left


def _ended(
    order: checkout.OrderRow, chosen: Chosen, *, left: dict[int, int], instead_of: int | None
) -> tuple[OpenExchange, ...]:
    """Return the exchanges that a refund ends: those for which too few pieces are `left`, and the one that it is
    instead of.

    One statement, where any of the pieces is being exchanged. Refuses: ExchangeOpen, where new pieces are to be sent
    that would be refunded in part only.
    """
    if not any(line.exchanging for line, _quantity in chosen):
        return ()
    exchanges = open_exchanges(order.id)
    refunded = {line.line: quantity for line, quantity in chosen}
    overtaken = overtaken_by(left, [each for each in exchanges if each.id != instead_of])
    ended = tuple(each for each in exchanges if each in overtaken or each.id == instead_of)
    for line, count in sum_of(each for each in ended if each.state in TO_SEND).items():
        if count > refunded.get(line, 0):
            raise ExchangeOpen(number=checkout.number_of(order.id))
    return ended
