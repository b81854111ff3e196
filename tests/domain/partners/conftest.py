"""A partner and its till: rides reported and given back, with keys that count up."""

from datetime import UTC, datetime
from itertools import count

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import ledger, partners, people, programme
from tests import cast

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Till:
    """The till of a partner: reports for a member what was paid and given back."""

    def __init__(self, terms: programme.Programme, **rates) -> None:
        self.terms = terms
        self.numbers = count(1)
        given = {"earn_points": 1, "earn_per_cents": 10} | rates
        self.partner_id, self.key = cast.partner(rates=partners.Rates(**given), at=NOON)

    def told(self, reference: str, cents: int, *, at: datetime = NOON, currency: str = "") -> partners.Reporting:
        return partners.Reporting(reference, cents, currency or self.terms.currency, at)

    def buy(self, member_id: int, cents: int, *, reference: str = "", key: str = "", at: datetime = NOON, **named):
        with reading():
            number = people.member_of(member_id).number
        number_of = next(self.numbers)
        name = {} if "account" in named else {"member_number": number}
        told = self.told(reference or f"R-{number_of}", cents, at=named.pop("occurred_at", at))
        with transaction():
            return partners.report(
                self.partner_id, told, key=key or f"key-{number_of}", of_body=hash_of(told), terms=self.terms, at=at,
                **name, **named,
            )  # fmt: skip

    def give_back(self, purchase: str, cents: int, *, reference: str = "", key: str = "", at: datetime = NOON):
        number = next(self.numbers)
        told = self.told(reference or f"B-{number}", cents, at=at)
        with transaction():
            return partners.refund(
                self.partner_id, told, purchase=purchase, key=key or f"key-{number}", of_body=hash_of(told),
                terms=self.terms, at=at,
            )  # fmt: skip


def hash_of(told: partners.Reporting) -> str:
    """Return what is kept of the body that says so."""
    return partners.body_hash("report", f"{told}".encode())


@pytest.fixture
def till(shop):
    """Rides: 1 point for every 10 cents, ready at once; `till(...)` opens one with other rates."""
    return lambda **rates: Till(shop, **rates)


@pytest.fixture
def purse():
    """A member's balances: ready, pending, held, owed."""

    def of(member_id: int, *, at: datetime = NOON) -> tuple[int, int, int, int]:
        with reading():
            has = ledger.balances(member_id, at=at)
        return has.ready, has.pending, has.held, has.owed

    return of


@pytest.fixture
def whys():
    """The reasons of a member's lots, in English, oldest first."""

    def of(member_id: int) -> list[str]:
        with reading():
            lots = execute(select(ledger.Lot.why).where(ledger.Lot.member_id == member_id).order_by(ledger.Lot.id))
            return [str(why) for why in lots.scalars()]

    return of
