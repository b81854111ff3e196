"""What the ledger does, in short: each verb in a transaction of its own, at its instant; and what is seen of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime

from sqlalchemy import select

from mall.base.clock import day_of, end_of, moved_to
from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import ledger, people
from tests.conftest import NOON

ZONE = "Europe/Berlin"
LAST = date(2027, 3, 31)
WORTH = (100, 100)
# Nobody signs in here.
NO_PASSWORD = people.PasswordHash("-")


def instant(text: str) -> datetime:
    """Return an instant in UTC: instant("2026-03-29 22:00")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def end(day: date, zone: str = ZONE) -> datetime:
    """Return the last instant of a day in the shop's zone."""
    return end_of(day, zone)


@contextmanager
def locked(member: int, *, at: datetime = NOON, zone: str = ZONE) -> Iterator[ledger.LockedPurse]:
    """Open a transaction at an instant and lock a member's purse in it."""
    with moved_to(at), transaction():
        yield ledger.lock(member, zone=zone)


def new_member(name: str, *, at: datetime = NOON) -> int:
    """Register a member and open the purse. Returns the member's id."""
    with moved_to(at), transaction():
        member = people.register(
            email=people.read_email(f"{name}@tessera.example"),
            password=NO_PASSWORD,
            display_name=name.title(),
            language="en",
            wants_news=False,
            verify_page="http://localhost/verify-email/",
            at=at,
        )
        assert member is not None
        ledger.open_purse(member, at=at)
    return member


def earn(
    member: int,
    points: int,
    reference: str = "order:1",
    *,
    last: date = LAST,
    rule: str = "order",
    at: datetime = NOON,
    zone: str = ZONE,
) -> int:
    """Earn points that are on the way. Returns the lot."""
    with locked(member, at=at, zone=zone) as purse:
        return ledger.earn(
            purse,
            points,
            reference=reference,
            rule=rule,
            origin="purchase",
            expiry=ledger.last_day(last, zone),
            version=1,
            worth=WORTH,
            why=say("{points} points for a purchase", points=points),
            at=at,
        )


def unlock(member: int, *lots: int, at: datetime = NOON) -> list[ledger.Line]:
    """Make lots ready to spend."""
    with locked(member, at=at) as purse:
        return ledger.unlock(purse, lots, at=at)


def give(member: int, points: int, reference: str = "order:1", *, last: date = LAST, at: datetime = NOON) -> int:
    """Earn points that are ready at once. Returns the lot."""
    lot = earn(member, points, reference, last=last, at=at)
    unlock(member, lot, at=at)
    return lot


def hold(member: int, points: int, reference: str = "order:7", *, at: datetime = NOON) -> list[ledger.Line]:
    """Set points aside for an order."""
    with locked(member, at=at) as purse:
        return ledger.hold(purse, points, reference=reference, at=at)


def redeem(member: int, points: int, reference: str = "order:7", *, at: datetime = NOON) -> list[ledger.Line]:
    """Spend points without a hold."""
    with locked(member, at=at) as purse:
        return ledger.redeem(purse, points, reference=reference, at=at)


def capture(member: int, reference: str = "order:7", *, at: datetime = NOON) -> list[ledger.Line]:
    """Spend what is held for an order."""
    with locked(member, at=at) as purse:
        return ledger.capture(purse, reference=reference, at=at)


def release(member: int, reference: str = "order:7", *, at: datetime = NOON) -> list[ledger.Line]:
    """Let go of what is held for an order."""
    with locked(member, at=at) as purse:
        return ledger.release(purse, reference=reference, at=at)


def give_back(
    member: int,
    points: int,
    reference: str = "order:7",
    *,
    key: str = "refund:1",
    shipped: bool = False,
    at: datetime = NOON,
) -> list[ledger.Line]:
    """Return points that an order has spent."""
    with locked(member, at=at) as purse:
        return ledger.give_back(purse, points, reference=reference, key=key, shipped=shipped, at=at)


def take_back(
    member: int,
    keep_points: Mapping[int, int],
    reference: str = "order:1",
    *,
    key: str = "refund:1:taken",
    at: datetime = NOON,
) -> list[ledger.Line]:
    """Take back what lots have earned, down to what is kept of each."""
    with locked(member, at=at) as purse:
        return ledger.take_back(purse, keep_points, reference=reference, key=key, why=say("Goods came back"), at=at)


def adjust_up(
    member: int,
    points: int,
    *,
    key: str = "adjustment:1",
    reference: str = "adjustment:1",
    last: date = LAST,
    at: datetime = NOON,
) -> list[ledger.Line]:
    """Give points by hand."""
    with locked(member, at=at) as purse:
        return ledger.adjust_up(
            purse,
            points,
            key=key,
            reference=reference,
            expiry=ledger.last_day(last, ZONE),
            version=1,
            worth=WORTH,
            why=say("Goodwill"),
            by="staff:2",
            at=at,
        )


def adjust_down(
    member: int, points: int, *, key: str = "adjustment:1", reference: str = "adjustment:1", at: datetime = NOON
) -> list[ledger.Line]:
    """Take points by hand."""
    with locked(member, at=at) as purse:
        return ledger.adjust_down(
            purse, points, key=key, reference=reference, why=say("Correction"), by="staff:2", at=at
        )


def forgive(member: int, *, cap: int, key: str = "forgiven:1", at: datetime = NOON) -> list[ledger.Line]:
    """Forgive what is owed above a cap."""
    with locked(member, at=at) as purse:
        return ledger.forgive(
            purse,
            cap_points=cap,
            key=key,
            reference=key,
            expiry=ledger.last_day(LAST, ZONE),
            version=1,
            worth=WORTH,
            at=at,
        )


def expire_due(*, at: datetime, share: int = 1_000) -> int:
    """Run the nightly job, share by share. Returns how many members it was due to touch."""
    after: int | None = 0
    with moved_to(at):
        with reading():
            due = ledger.due_to_expire(at=at)
        while after is not None:
            with transaction():
                after = ledger.expire_due(zone=ZONE, after=after, at=at, share=share)
    return len(due)


def owing(member: int, points: int, reference: str = "order:90", *, at: datetime = NOON) -> int:
    """Bring a member whose wallet is empty into debt: an order is earned, spent and refunded. Returns its lot."""
    lot = give(member, points, reference, at=at)
    redeem(member, points, f"{reference}:spent", at=at)
    take_back(member, {lot: 0}, reference, key=f"{reference}:refund", at=at)
    return lot


def purse(member: int) -> dict[str, int]:
    """Return a member's four balances as the purse row has them; those that are 0 are left out."""
    with reading():
        row = execute(
            select(ledger.Purse.wallet, ledger.Purse.pending, ledger.Purse.held, ledger.Purse.debt).where(
                ledger.Purse.member_id == member
            )
        ).one()
    return {place: points for place, points in row._asdict().items() if points}


def positions(member: int) -> dict[tuple[str, int], int]:
    """Return {(place, lot): points} of a member."""
    table = ledger.Position
    with reading():
        rows = execute(select(table.place, table.lot_id, table.points).where(table.member_id == member))
        return {(row.place, row.lot_id): row.points for row in rows}


def ready(member: int, *, at: datetime = NOON) -> int:
    """Return what a member can spend."""
    with reading():
        return ledger.spendable(member, at=at)


def lot_of(lot: int):
    """Return the row of a lot."""
    with reading():
        return execute(select(ledger.Lot).where(ledger.Lot.id == lot)).one()


def children(lot: int) -> list:
    """Return the rows of a lot's children, oldest first."""
    with reading():
        return list(execute(select(ledger.Lot).where(ledger.Lot.parent_id == lot).order_by(ledger.Lot.id)))


def postings(member: int) -> list:
    """Return every posting of a member, oldest first."""
    with reading():
        table = ledger.Posting
        return list(execute(select(table).where(table.member_id == member).order_by(table.id)))


def flow(lines: list[ledger.Line]) -> list[tuple[str, str, str, int, int]]:
    """Return lines as (kind, source, destination, lot, points)."""
    return [(line.kind, line.source, line.destination, line.lot_id, line.points) for line in lines]


def local_day(at: datetime) -> date:
    """Return the shop's day at an instant."""
    return day_of(at, ZONE)


def broken() -> list[str]:
    """Return the names of the ledger's checks that find a row."""
    with reading():
        return [check.name for check in ledger.checks() if execute(check.breaks).first() is not None]
