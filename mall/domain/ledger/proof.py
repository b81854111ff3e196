"""What must always be true of points: each a question whose answer must hold no row."""

from functools import cache

from sqlalchemy import Select, and_, case, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_

from .accounts import (
    ADJUSTMENT,
    CASH_OUT,
    CLAWBACK,
    DEBT,
    EXPIRY,
    HELD,
    ISSUANCE,
    PENDING,
    PLACES,
    PURSE,
    REDEMPTION,
    RENEWAL,
    WALLET,
)
from .lots import Lot
from .positions import Position
from .postings import Posting
from .purses import Purse

# Which way points go by a move of each kind.
WAYS: dict[str, tuple[tuple[str, str], ...]] = {
    "earn": ((ISSUANCE, PENDING),),
    "unlock": ((PENDING, WALLET),),
    "hold": ((WALLET, HELD),),
    "release": ((HELD, WALLET), (HELD, RENEWAL)),
    "redeem": ((WALLET, REDEMPTION), (HELD, REDEMPTION)),
    "give_back": ((REDEMPTION, WALLET), (REDEMPTION, RENEWAL), (CASH_OUT, WALLET), (CASH_OUT, RENEWAL)),
    "renew": ((RENEWAL, WALLET),),
    "expire": ((WALLET, EXPIRY),),
    "clawback": ((PENDING, CLAWBACK), (WALLET, CLAWBACK), (DEBT, CLAWBACK)),
    "repay": ((WALLET, DEBT),),
    "adjust": ((ADJUSTMENT, WALLET), (WALLET, ADJUSTMENT)),
    "cash_out": ((HELD, CASH_OUT),),
}


@cache
def checks() -> list[Check]:
    """Return the ledger's invariants: 1 to 5 of the books, and 15 in points. Built once, asked often."""
    return [
        Check(N_("purses are the sums of their postings"), _purses_against_postings()),
        Check(N_("purses are the sums of their positions"), _purses_against_positions()),
        Check(N_("positions are the sums of their postings"), _positions_against_postings()),
        Check(N_("no wallet beside debt, no negative place"), _signs()),
        Check(N_("every move is whole, and its renewal leaves nothing behind"), _moves()),
        Check(N_("a hold ends once, and whole"), _holds()),
        Check(N_("an order has at most one hold or one direct redemption"), _spent_once()),
        Check(N_("points go only where a move of their kind takes them"), _ways()),
        Check(N_("points stay with the member of their lot"), _owners()),
        Check(N_("a lot came about as it says, and does not end before its last day"), _lots_as_they_say()),
        Check(N_("all points of a lot are accounted for"), _lots_accounted()),
        Check(N_("children of a lot are its renewed points, and have no children"), _children()),
        Check(N_("no more is given back than was redeemed"), _given_back()),
        Check(N_("what left as money comes back whole, lot by lot, and once"), _cashed_back()),
        Check(N_("nothing is spent after its last day"), _spent_late()),
        Check(N_("what is taken back names an earning, and is no more than it"), _taken_back()),
        Check(N_("liability is issued less gone"), _liability()),
    ]


def _flow(account: str):
    """Return postings into an account less postings out of it."""
    return func.coalesce(
        func.sum(
            case(
                (Posting.destination == account, Posting.points), (Posting.source == account, -Posting.points), else_=0
            )
        ),
        0,
    )


def _purses_against_postings() -> Select:
    sums = (
        select(Posting.member_id, *(_flow(account).label(account) for account in PURSE))
        .group_by(Posting.member_id)
        .subquery()
    )
    columns = {"wallet": Purse.wallet, "pending": Purse.pending, "held": Purse.held, "debt": Purse.debt}
    return (
        select(Purse.member_id, Purse.wallet, Purse.pending, Purse.held, Purse.debt)
        .outerjoin(sums, sums.c.member_id == Purse.member_id)
        .where(or_(*(func.coalesce(sums.c[account], 0) != column for account, column in columns.items())))
    )


def _purses_against_positions() -> Select:
    def there(place: str):
        return func.coalesce(func.sum(case((Position.place == place, Position.points), else_=0)), 0).label(place)

    sums = select(Position.member_id, *(there(place) for place in PLACES)).group_by(Position.member_id).subquery()
    columns = {"wallet": Purse.wallet, "pending": Purse.pending, "held": Purse.held}
    return (
        select(Purse.member_id)
        .outerjoin(sums, sums.c.member_id == Purse.member_id)
        .where(or_(*(func.coalesce(sums.c[place], 0) != column for place, column in columns.items())))
    )


def _positions_against_postings() -> Select:
    into = select(Posting.member_id, Posting.destination.label("place"), Posting.lot_id, Posting.points).where(
        Posting.destination.in_(PLACES)
    )
    out = select(Posting.member_id, Posting.source.label("place"), Posting.lot_id, -Posting.points).where(
        Posting.source.in_(PLACES)
    )
    standing = select(Position.member_id, Position.place, Position.lot_id, -Position.points)
    every = union_all(into, out, standing).subquery()
    return (
        select(every.c.member_id, every.c.place, every.c.lot_id)
        .group_by(every.c.member_id, every.c.place, every.c.lot_id)
        .having(func.sum(every.c.points) != 0)
    )


def _signs() -> Select:
    return select(Purse.member_id).where(
        or_(
            Purse.wallet < 0,
            Purse.pending < 0,
            Purse.held < 0,
            Purse.debt > 0,
            and_(Purse.wallet > 0, Purse.debt < 0),
        )
    )


def _moves() -> Select:
    """Find moves that are not lines 1 to n of one member, or that leave something in renewal."""
    return (
        select(Posting.move)
        .group_by(Posting.move)
        .having(
            or_(
                func.min(Posting.line) != 1,
                func.max(Posting.line) != func.count(),
                func.min(Posting.member_id) != func.max(Posting.member_id),
                _flow(RENEWAL) != 0,
            )
        )
    )


def _holds() -> Select:
    """Find what a hold took of a lot, and of which only a part, or more than that, has left the held points again."""
    holds = (
        select(
            Posting.member_id,
            Posting.reference,
            Posting.lot_id,
            func.sum(case((Posting.destination == HELD, Posting.points), else_=0)).label("taken"),
            func.sum(case((Posting.source == HELD, Posting.points), else_=0)).label("ended"),
        )
        .where(or_(Posting.destination == HELD, Posting.source == HELD))
        .group_by(Posting.member_id, Posting.reference, Posting.lot_id)
        .subquery()
    )
    return select(holds.c.member_id, holds.c.reference, holds.c.lot_id).where(
        and_(holds.c.ended != 0, holds.c.ended != holds.c.taken)
    )


def _spent_once() -> Select:
    return (
        select(Posting.reference)
        .where(Posting.source == WALLET, Posting.destination.in_((HELD, REDEMPTION)))
        .group_by(Posting.reference)
        .having(func.count(Posting.move.distinct()) > 1)
    )


def _ways() -> Select:
    way = Posting.kind.concat(" ").concat(Posting.source).concat(" ").concat(Posting.destination)
    known = [f"{kind} {source} {destination}" for kind, ways in WAYS.items() for source, destination in ways]
    return select(Posting.id, Posting.kind, Posting.source, Posting.destination).where(way.not_in(known))


def _lots_as_they_say() -> Select:
    """Find lots whose points came from elsewhere than their origin says, and whose end lies before their last day."""
    came = case((Posting.source == ADJUSTMENT, "adjustment"), (Posting.source == RENEWAL, "renewal"), else_="")
    said = case((Lot.origin.in_(("adjustment", "renewal")), Lot.origin), else_="")
    otherwise = (
        select(Lot.id)
        .join(Posting, Posting.lot_id == Lot.id)
        .where(Posting.source.in_((ISSUANCE, ADJUSTMENT, RENEWAL)), came != said)
    )
    # The last instant of a day is on that day in UTC, or on the next one.
    too_early = select(Lot.id).where(func.date(Lot.expires_at) < Lot.expires_on)
    found = union_all(otherwise, too_early).subquery("otherwise")
    return select(found.c.id)


def _owners() -> Select:
    parent = aliased(Lot)
    postings = select(Posting.lot_id).join(Lot, Lot.id == Posting.lot_id).where(Lot.member_id != Posting.member_id)
    positions = select(Position.lot_id).join(Lot, Lot.id == Position.lot_id).where(Lot.member_id != Position.member_id)
    children = select(Lot.id).join(parent, parent.id == Lot.parent_id).where(parent.member_id != Lot.member_id)
    elsewhere = union_all(postings, positions, children).subquery()
    return select(elsewhere.c.lot_id)


def _lots_accounted() -> Select:
    came = case((Posting.source.in_((ISSUANCE, ADJUSTMENT, RENEWAL)), Posting.points), else_=0)
    gone = case(
        (Posting.destination.in_((REDEMPTION, EXPIRY, CASH_OUT, ADJUSTMENT, RENEWAL, DEBT)), Posting.points),
        (Posting.source.in_((REDEMPTION, CASH_OUT)), -Posting.points),
        (and_(Posting.destination == CLAWBACK, Posting.source != DEBT), Posting.points),
        else_=0,
    )
    # What comes back through renewal leaves redemption and enters renewal in one line: it is gone for the parent.
    renewed_from_gone = case(
        (and_(Posting.source.in_((REDEMPTION, CASH_OUT)), Posting.destination == RENEWAL), Posting.points), else_=0
    )
    flows = (
        select(
            Posting.lot_id,
            func.sum(came).label("came"),
            func.sum(gone - renewed_from_gone).label("gone"),
        )
        .group_by(Posting.lot_id)
        .subquery()
    )
    here = select(Position.lot_id, func.sum(Position.points).label("points")).group_by(Position.lot_id).subquery()
    return (
        select(Lot.id)
        .outerjoin(flows, flows.c.lot_id == Lot.id)
        .outerjoin(here, here.c.lot_id == Lot.id)
        .where(
            or_(
                Lot.points != func.coalesce(flows.c.came, 0),
                Lot.points != func.coalesce(flows.c.gone, 0) + func.coalesce(here.c.points, 0),
            )
        )
    )


def _children() -> Select:
    child, parent = aliased(Lot), aliased(Lot)
    renewed = (
        select(Posting.lot_id, func.sum(Posting.points).label("points"))
        .where(Posting.destination == RENEWAL)
        .group_by(Posting.lot_id)
        .subquery()
    )
    children = (
        select(child.parent_id, func.sum(child.points).label("points"))
        .where(child.parent_id.is_not(None))
        .group_by(child.parent_id)
        .subquery()
    )
    return (
        select(parent.id)
        .outerjoin(renewed, renewed.c.lot_id == parent.id)
        .outerjoin(children, children.c.parent_id == parent.id)
        .where(
            or_(
                func.coalesce(renewed.c.points, 0) != func.coalesce(children.c.points, 0),
                and_(parent.parent_id.is_not(None), children.c.points.is_not(None)),
            )
        )
    )


def _given_back() -> Select:
    return (
        select(Posting.reference, Posting.lot_id)
        .where(or_(Posting.source == REDEMPTION, Posting.destination == REDEMPTION))
        .group_by(Posting.reference, Posting.lot_id)
        .having(_flow(REDEMPTION) < 0)
    )


def _cashed_back() -> Select:
    """Find lots of a cash-out of which some came back and not all, and what names no posting as its opposite."""
    left = aliased(Posting)
    partly = (
        select(Posting.reference, Posting.lot_id)
        .where(or_(Posting.source == CASH_OUT, Posting.destination == CASH_OUT))
        .group_by(Posting.member_id, Posting.reference, Posting.lot_id)
        .having(
            and_(func.sum(case((Posting.source == CASH_OUT, 1), else_=0)) > 0, _flow(CASH_OUT) != 0),
        )
    )
    unnamed = (
        select(Posting.reference, Posting.lot_id)
        .outerjoin(
            left,
            and_(
                left.id == Posting.reverses,
                left.destination == CASH_OUT,
                left.reference == Posting.reference,
                left.member_id == Posting.member_id,
                left.lot_id == Posting.lot_id,
                left.points == Posting.points,
            ),
        )
        .where(Posting.source == CASH_OUT, left.id.is_(None))
    )
    found = union_all(partly, unnamed).subquery("cashed_back")
    return select(found.c.reference, found.c.lot_id)


def _spent_late() -> Select:
    """Find spending from the wallet after a lot's last day. A capture spends what was held in time."""
    return (
        select(Posting.id)
        .join(Lot, Lot.id == Posting.lot_id)
        .where(Posting.source == WALLET, Posting.kind.in_(("hold", "redeem")), Posting.happened_at > Lot.expires_at)
    )


def _taken_back() -> Select:
    earned = aliased(Posting)
    return (
        select(Posting.reverses, func.min(Posting.id).label("id"))
        .outerjoin(
            earned,
            and_(earned.id == Posting.reverses, earned.kind == "earn", earned.member_id == Posting.member_id),
        )
        .where(Posting.kind == "clawback")
        .group_by(Posting.reverses, earned.points)
        .having(func.sum(Posting.points) > func.coalesce(earned.points, 0))
    )


def _liability() -> Select:
    """Compare what members have with what the mall's accounts say: issued and adjusted, less what went."""
    members = select(
        func.coalesce(func.sum(Purse.wallet + Purse.pending + Purse.held + Purse.debt), 0)
    ).scalar_subquery()
    mall = select(
        -(_flow(ISSUANCE) + _flow(ADJUSTMENT) + _flow(REDEMPTION) + _flow(EXPIRY) + _flow(CLAWBACK) + _flow(CASH_OUT))
    ).scalar_subquery()
    return select(literal("liability").label("what")).where(members != mall)
