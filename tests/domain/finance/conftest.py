"""A quarter of history, made by the real verbs under a moved clock: January to March 2026 in Berlin."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.base.text import say
from mall.domain import earning, ledger, people, programme
from tests.cast import note_adjustment

ZONE = "Europe/Berlin"
NEW_YEAR = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
GENEROUS = {"points": 500}
APRIL = datetime(2026, 4, 10, 9, 0, tzinfo=UTC)


def instant(text: str) -> datetime:
    """Return an instant in UTC: instant("2026-01-31 22:59")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Books:
    """A shop and its ledger; every verb at its own instant."""

    terms: programme.Programme
    worth: tuple[int, int] = (100, 100)
    members: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def member(self, name: str, at: str = "2026-01-01 09:00") -> int:
        """Register a member and open their purse."""
        with moved_to(instant(at)), transaction():
            member_id = people.register(
                email=people.read_email(f"{name}@example.com"),
                password=people.password_hash("correct horse battery"),
                display_name=name.title(),
                language="en",
                wants_news=False,
                verify_page="http://localhost/verify/",
                at=instant(at),
            )
            assert member_id is not None
            earning.welcome(member_id, terms=self.terms, at=instant(at))
        self.members[name] = member_id
        return member_id

    @contextmanager
    def purse(self, name: str, at: str) -> Iterator[ledger.LockedPurse]:
        """Lock a member's purse at an instant."""
        with moved_to(instant(at)), transaction():
            yield ledger.lock(self.members[name], zone=ZONE)

    def earn(
        self, name: str, points: int, at: str, *, reference: str = "", origin: str = "purchase", last: str = ""
    ) -> int:
        """Earn points that are on the way. Returns the lot."""
        self.count += 1
        day = date.fromisoformat(last) if last else self.terms.expiry_of(instant(at).date())[0]
        reference = reference or f"visit:{self.count}"
        with self.purse(name, at) as purse:
            earning.record(
                earning.Fact("signed_up", self.members[name], key=reference, at=instant(at), reference=reference)
            )
            return ledger.earn(
                purse,
                points,
                reference=reference,
                rule="order",
                origin=origin,
                expiry=ledger.last_day(day, ZONE),
                version=1,
                worth=self.worth,
                why=say("{points} points", points=points),
                at=instant(at),
            )

    def unlock(self, name: str, lot: int, at: str) -> None:
        """Make a lot ready to use."""
        with self.purse(name, at) as purse:
            ledger.unlock(purse, [lot], at=instant(at))

    def ready(self, name: str, points: int, at: str, **details: str) -> int:
        """Earn points that are ready at once."""
        lot = self.earn(name, points, at, **details)
        self.unlock(name, lot, at)
        return lot

    def task(self, name: str, at: str) -> None:
        """Earn points by checking in."""
        with moved_to(instant(at)), transaction():
            earning.check_in(self.members[name], terms=self.terms, at=instant(at))

    def take_back(self, name: str, keep: dict[int, int], at: str, key: str) -> None:
        """Take earned points back."""
        with self.purse(name, at) as purse:
            ledger.take_back(purse, keep, reference=key, key=f"{key}:take", why=say("Refunded"), at=instant(at))

    def adjust_up(self, name: str, points: int, at: str, key: str) -> None:
        """Give points by hand."""
        with self.purse(name, at) as purse:
            ledger.adjust_up(
                purse,
                points,
                key=key,
                reference=key,
                expiry=ledger.last_day(date(2027, 3, 31), ZONE),
                version=1,
                worth=self.worth,
                why=say("For the delay"),
                by="staff:1",
                at=instant(at),
            )
            note_adjustment(self.members[name], points, at=instant(at))


def quarter(books: Books) -> Books:
    """Let three months pass: every movement at least once, over two month ends and a change to summer time."""
    books.member("mei")
    books.member("tom")
    order_1 = books.earn("mei", 1_000, "2026-01-10 10:00")
    books.task("tom", "2026-01-12 10:00")
    books.unlock("mei", order_1, "2026-01-25 10:00")
    # In Berlin the first is still January, the second already February.
    books.earn("mei", 70, "2026-01-31 22:59", last="2026-03-31")
    books.earn("mei", 7, "2026-01-31 23:00", last="2026-03-31")
    with books.purse("mei", "2026-02-03 10:00") as purse:
        ledger.hold(purse, 300, reference="shop:2", at=instant("2026-02-03 10:00"))
    with books.purse("mei", "2026-02-03 10:05") as purse:
        ledger.capture(purse, reference="shop:2", at=instant("2026-02-03 10:05"))
    with books.purse("mei", "2026-02-10 10:00") as purse:
        ledger.give_back(
            purse, 101, reference="shop:2", key="shop:2:back", shipped=False, at=instant("2026-02-10 10:00")
        )
    third = books.earn("mei", 333, "2026-02-12 10:00")
    books.take_back("mei", {third: 100}, "2026-02-14 10:00", "back:3")
    with books.purse("tom", "2026-02-20 10:00") as purse:
        ledger.redeem(purse, 500, reference="shop:4", at=instant("2026-02-20 10:00"))
    fifth = books.ready("tom", 200, "2026-02-21 10:00")
    with books.purse("tom", "2026-02-22 10:00") as purse:
        ledger.redeem(purse, 200, reference="shop:6", at=instant("2026-02-22 10:00"))
    books.take_back("tom", {fifth: 0}, "2026-02-23 10:00", "back:5")  # Leaves him 200 in debt.
    books.adjust_up("tom", 250, "2026-03-05 10:00", "gift:7")  # Repays it.
    with books.purse("tom", "2026-03-06 10:00") as purse:
        ledger.adjust_down(
            purse, 10, key="gift:8", reference="gift:8", why=say("Typed twice"), by="staff:1",
            at=instant("2026-03-06 10:00"),
        )  # fmt: skip
        note_adjustment(books.members["tom"], -10, at=instant("2026-03-06 10:00"))
    with books.purse("mei", "2026-03-15 10:00") as purse:
        ledger.hold(purse, 200, reference="shop:9", at=instant("2026-03-15 10:00"))
    books.ready("mei", 60, "2026-03-20 10:00", last="2026-03-31")
    with moved_to(instant("2026-04-01 03:00")), transaction():
        ledger.expire_due(zone=ZONE, after=0, at=instant("2026-04-01 03:00"))
    return books


def open_books(*, worth_points: int = 100, worth_cents: int = 100) -> Books:
    """Set a shop up in Berlin on New Year's morning."""
    settings = programme.default_settings(shop_name={"en": "Tessera", "zh": "方寸"}, currency="EUR", zone=ZONE) | {
        "worth_points": worth_points,
        "worth_cents": worth_cents,
    }
    settings["tasks"] = [task | GENEROUS if task["key"] == "check_in" else task for task in settings["tasks"]]
    with moved_to(NEW_YEAR), transaction():
        terms = programme.establish(settings, by="system", at=NEW_YEAR)
    return Books(terms, worth=terms.worth)


@pytest.fixture
def books(app: Flask) -> Books:
    """An empty ledger."""
    return open_books()


@pytest.fixture
def history(app: Flask) -> Books:
    """A quarter at a cent a point."""
    return quarter(open_books())


@pytest.fixture
def odd_history(either: Flask) -> Books:
    """A quarter at 3 points for 2 cents, so that nothing comes out even; on each database."""
    return quarter(open_books(worth_points=3, worth_cents=2))
