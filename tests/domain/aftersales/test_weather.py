"""Random histories of what the cashier tells - twice, late, in disorder, not at all, forged, while it is away - end as
the orderly one does. 300 in the suite; `make soak` makes it 50 times as many.
"""

import random
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from mall.base.clock import moved_to, now
from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, ledger
from tests.domain.ledger.machine import SOAK
from tests.stage import SITE, open_shop
from tests.teller import Teller

FATES = {
    "paid": "paid",
    "declined, then paid": "paid",
    "not paid": "timed_out",
    "slowly paid": "paid",
    "slowly not paid": "timed_out",
    "refunded at the cashier": "review",
    "dispute won": "paid",
    "dispute lost": "refunded",
}
HISTORIES, BATCHES = 50, 6


class Weather:
    """A shop, and a cashier that tells as the wind blows."""

    def __init__(self):
        self.stage, self.teller = open_shop(at=now()), Teller()
        self.mug = self.stage.item(
            prices=(catalogue.mix_price(1_590, least=600, most=1_500, step=100),), stock=100_000, at=now()
        )

    def place(self):
        """Let a new member place an order and open its page."""
        self.mei = self.stage.member(f"member{len(self.stage.members)}", at=now())
        self.stage.give(self.mei, 900, at=now())
        self.stage.put_in(self.mei, self.mug, "mix", points=900, at=now())
        order = self.stage.place(self.mei, at=now())
        checkout.open_page(order.id, cashier=self.teller, site=SITE)
        with reading():
            return order, cash.payments_of(checkout.reference_of(order.id))[-1].session_id

    def acts(self, fate, session_id):
        """Return what the world does, step by step."""
        books = self.teller.books
        pay = lambda: books.pay(session_id)  # noqa: E731
        slowly = lambda: books.pay_slowly(session_id)  # noqa: E731
        intent = lambda: books.intent_of(session_id)  # noqa: E731
        dispute = lambda: books.dispute(intent())  # noqa: E731
        last = lambda: list(books.disputes)[-1]  # noqa: E731
        return {
            "paid": [pay],
            "declined, then paid": [lambda: books.decline(session_id), pay],
            "not paid": [lambda: books.expire(session_id)],
            "slowly paid": [slowly, lambda: books.slow_payment_ends(session_id, well=True)],
            "slowly not paid": [slowly, lambda: books.slow_payment_ends(session_id, well=False)],
            "refunded at the cashier": [
                pay, lambda: books.create_refund({"payment_intent": intent(), "amount": 100}),
            ],
            "dispute won": [pay, dispute, lambda: books.close_dispute(last(), won=True)],
            "dispute lost": [pay, dispute, lambda: books.close_dispute(last(), won=False)],
        }[fate]  # fmt: skip

    def tell(self, events):
        with transaction():
            for event in events:
                cash.note_event(event, cashier="stripe", at=now(), due_at=now())

    def hear(self, *, hours=0):
        with moved_to(now() + timedelta(hours=hours)):
            aftersales.hear_all(cashier=self.teller, terms=self.stage.terms)

    def live(self, fate, chance=None):
        """Live one history through, orderly or by chance. Returns how it ends."""
        order, session_id = self.place()
        began = len(self.teller.told)
        if chance and not chance.randrange(3):
            self.forge(session_id)
        untold = began
        for act in self.acts(fate, session_id):
            act()
            if chance is None:
                self.tell(self.teller.told[untold:])
                untold = len(self.teller.told)
                self.hear()
            else:
                self.blow(chance, self.teller.told[began:])
        self.teller.away = 0
        self.tell(self.teller.told[began:])  # The nightly catch-up.
        for hours in (1, 3, 6):
            self.hear(hours=hours)
        return self.end_of(order)

    def blow(self, chance, events):
        """Tell some of it, some twice, in any order; the cashier may be away, and the worker may be busy."""
        events = [event for event in events if chance.randrange(3)]
        events += [event for event in events if chance.randrange(2)]
        chance.shuffle(events)
        self.tell(events)
        self.teller.away = chance.choice([0, 0, 1, 2])
        if chance.randrange(3):
            self.hear(hours=chance.choice([0, 0, 1]))

    def forge(self, session_id):
        """Somebody says that it was paid."""
        about = {"id": session_id, "status": "complete", "payment_status": "paid"}
        template = next(iter(self.teller.told), None)
        if template is not None:
            number = f"evt_forged_{session_id}"
            self.tell([replace(template, id=number, kind="checkout.session.completed", about=about)])

    def end_of(self, order):
        reference = checkout.reference_of(order.id)
        posting = ledger.Posting
        with reading():
            moved = execute(
                select(posting.kind, func.sum(posting.points))
                .where(posting.reference == reference)
                .group_by(posting.kind)
                .order_by(posting.kind)
            ).all()
            came = [(each.state, each.captured_cents, each.refunded_cents) for each in cash.payments_of(reference)]
            disputes = [each.state for each in cash.disputes_of(reference)]
            held = ledger.balances(self.mei, at=now()).held
        found = self.stage.order(order)
        return found.state, found.disputed_at, [tuple(row) for row in moved], came, disputes, held


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(BATCHES))
def test_any_weather_ends_as_the_calm_does(app, batch):
    weather = Weather()
    calm = {fate: weather.live(fate) for fate in FATES}
    assert {fate: end[0] for fate, end in calm.items()} == FATES
    for seed in range(HISTORIES * SOAK):
        chance = random.Random(f"{batch}:{seed}")
        fate = chance.choice(list(FATES))
        assert weather.live(fate, chance) == calm[fate], (fate, batch, seed)
