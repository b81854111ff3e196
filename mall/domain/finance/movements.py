"""Movements: the reasons for which the liability grows and shrinks, read from both ends of every posting.

A posting that crosses the border between a member's places and the mall's accounts is a movement. One within them
(unlock, hold, release, repay, renew) moves nothing that finance owes.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, func, literal, or_, select, union_all

from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import ledger

WALLET, PENDING, HELD, DEBT, RENEWAL = "wallet", "pending", "held", "debt", "renewal"
# What a member has or owes. `renewal` is empty after every move, so that it counts as inside.
PLACES = (WALLET, PENDING, HELD, DEBT)
INSIDE = (*PLACES, RENEWAL)

EARNED, TAKEN_BACK, REDEEMED, GIVEN_BACK = "earned", "taken_back", "redeemed", "given_back"
EXPIRED, ADJUSTED_UP, ADJUSTED_DOWN, CASHED_OUT = "expired", "adjusted_up", "adjusted_down", "cashed_out"
CASHED_BACK = "cashed_back"
REPRICED, ROUNDING, MOVED = "repriced", "rounding", "moved"
# In the order of the roll-forward. `moved` is within the members' places and no movement.
MOVEMENTS = (
    EARNED,
    TAKEN_BACK,
    REDEEMED,
    GIVEN_BACK,
    EXPIRED,
    ADJUSTED_UP,
    ADJUSTED_DOWN,
    CASHED_OUT,
    CASHED_BACK,
    REPRICED,
)
# Renewed points count under the origin of the lot they came from.
ORIGINS = ("purchase", "campaign", "task", "import", "adjustment")

NAMES: dict[tuple[str, str], str] = {
    (EARNED, "purchase"): N_("Earned on orders"),
    (EARNED, "campaign"): N_("Earned in campaigns"),
    (EARNED, "task"): N_("Earned by tasks"),
    (EARNED, "import"): N_("Brought over"),
    (EARNED, "adjustment"): N_("Earned otherwise"),
    (EARNED, ""): N_("Earned"),
    (TAKEN_BACK, ""): N_("Earned, taken back"),
    (REDEEMED, ""): N_("Redeemed"),
    (GIVEN_BACK, ""): N_("Given back"),
    (EXPIRED, ""): N_("Expired"),
    (ADJUSTED_UP, ""): N_("Adjusted up"),
    (ADJUSTED_DOWN, ""): N_("Adjusted down"),
    (CASHED_OUT, ""): N_("Cashed out"),
    (CASHED_BACK, ""): N_("Cashed out, sent back by the bank"),
    (REPRICED, ""): N_("Worth differences at repayment"),
    (ROUNDING, ""): N_("Rounding"),
    (MOVED, ""): N_("Moved within"),
}
PLACE_NAMES = {
    WALLET: N_("Ready to use"),
    PENDING: N_("On the way"),
    HELD: N_("Held for orders"),
    DEBT: N_("Owed by members"),
}

_parent = aliased(ledger.Lot, name="parent")
ORIGIN: ColumnElement[str] = func.coalesce(_parent.origin, ledger.Lot.origin)
MADE_AT: ColumnElement[datetime] = func.coalesce(_parent.made_at, ledger.Lot.made_at)

_source, _destination = ledger.Posting.source, ledger.Posting.destination


def _named(name: str) -> ColumnElement[str]:
    return literal(name, String(16))


MOVEMENT: ColumnElement[str] = case(
    (and_(_source.in_(INSIDE), _destination.in_(INSIDE)), _named(MOVED)),
    (or_(_source == "issuance", _destination == "issuance"), _named(EARNED)),
    (_destination == "redemption", _named(REDEEMED)),
    (_source == "redemption", _named(GIVEN_BACK)),
    (or_(_source == "expiry", _destination == "expiry"), _named(EXPIRED)),
    (or_(_source == "clawback", _destination == "clawback"), _named(TAKEN_BACK)),
    (_source == "adjustment", _named(ADJUSTED_UP)),
    (_destination == "adjustment", _named(ADJUSTED_DOWN)),
    (_source == "cash-out", _named(CASHED_BACK)),
    else_=_named(CASHED_OUT),
)
# What a posting does to the liability, in points.
EFFECT: ColumnElement[int] = case(
    (and_(_destination.in_(INSIDE), _source.not_in(INSIDE)), ledger.Posting.points),
    (and_(_source.in_(INSIDE), _destination.not_in(INSIDE)), -ledger.Posting.points),
    else_=0,
)


def with_lots(statement: Any) -> Select[Any]:
    """Join each posting's lot, and the lot it was renewed from."""
    return statement.join(ledger.Lot, ledger.Lot.id == ledger.Posting.lot_id).outerjoin(
        _parent, _parent.id == ledger.Lot.parent_id
    )


def lots_with_parents(statement: Any) -> Select[Any]:
    """Join the lot that each lot of a statement was renewed from."""
    return statement.outerjoin(_parent, _parent.id == ledger.Lot.parent_id)


def within(after: Any, until: Any) -> ColumnElement[bool]:
    """Select the postings written after an instant and until another."""
    return and_(ledger.Posting.written_at > after, ledger.Posting.written_at <= until)


def legs(after: Any, until: Any) -> list[Select[Any]]:
    """Return selects of what each posting did to each place of its member, to be joined by UNION ALL.

    Columns: written_at, movement, origin, place, worth_points, worth_cents, points, entries.
    """

    def ends(place: Any, points: Any, entries: Any) -> Select[Any]:
        return with_lots(
            select(
                ledger.Posting.written_at.label("written_at"),
                MOVEMENT.label("movement"),
                ORIGIN.label("origin"),
                place.label("place"),
                ledger.Lot.worth_points.label("worth_points"),
                ledger.Lot.worth_cents.label("worth_cents"),
                points.label("points"),
                entries.label("entries"),
            )
        ).where(place.in_(INSIDE), within(after, until))

    def columns_of(side: Any) -> Select[Any]:
        return select(*(side.c[name] for name in _LEG))

    leaves_once = case((_destination.in_(INSIDE), 0), else_=1)
    return [
        ends(_destination, ledger.Posting.points, literal(1)),
        ends(_source, -ledger.Posting.points, leaves_once),
        *(columns_of(side.subquery()) for side in repriced(after, until)),
    ]


def repriced(after: Any, until: Any) -> list[Select[Any]]:
    """Return selects of the differences that repayments leave, in the columns of legs(), with the posting that repaid.

    Debt is booked at the worth of the lot that was taken back, and repaid by points of another lot. The oldest debt
    is repaid first; where the two differ in worth or origin, the one takes the place of the other.
    """
    repaying = select(ledger.Posting.member_id).where(_destination == DEBT, within(after, until))

    def running(end: Any, name: str) -> Any:
        upto = func.sum(ledger.Posting.points).over(partition_by=ledger.Posting.member_id, order_by=ledger.Posting.id)
        return (
            with_lots(
                select(
                    ledger.Posting.id,
                    ledger.Posting.member_id,
                    ledger.Posting.reference,
                    ledger.Posting.written_at,
                    ledger.Lot.worth_points,
                    ledger.Lot.worth_cents,
                    ORIGIN.label("origin"),
                    upto.label("upto"),
                    (upto - ledger.Posting.points).label("since"),
                )
            )
            .where(end == DEBT, ledger.Posting.member_id.in_(repaying))
            .subquery(name)
        )

    owed, repaid = running(_source, "owed"), running(_destination, "repaid")
    points = case((owed.c.upto < repaid.c.upto, owed.c.upto), else_=repaid.c.upto) - case(
        (owed.c.since > repaid.c.since, owed.c.since), else_=repaid.c.since
    )

    def side(lot: Any, signed: ColumnElement[int], entries: int) -> Select[Any]:
        return (
            select(
                repaid.c.written_at,
                _named(REPRICED).label("movement"),
                lot.c.origin,
                literal(DEBT, String(12)).label("place"),
                lot.c.worth_points,
                lot.c.worth_cents,
                signed.label("points"),
                literal(entries).label("entries"),
                repaid.c.id,
                repaid.c.reference,
            )
            .join_from(
                owed,
                repaid,
                and_(
                    owed.c.member_id == repaid.c.member_id,
                    owed.c.since < repaid.c.upto,
                    repaid.c.since < owed.c.upto,
                ),
            )
            .where(
                repaid.c.written_at > after,
                repaid.c.written_at <= until,
                or_(
                    owed.c.worth_points != repaid.c.worth_points,
                    owed.c.worth_cents != repaid.c.worth_cents,
                    owed.c.origin != repaid.c.origin,
                ),
            )
        )

    return [side(owed, points, 1), side(repaid, -points, 0)]


def every_leg(after: Any, until: Any) -> Any:
    """Return legs() as one subquery."""
    return union_all(*legs(after, until)).subquery("legs")


_LEG = ("written_at", "movement", "origin", "place", "worth_points", "worth_cents", "points", "entries")
