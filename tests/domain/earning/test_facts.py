"""Everything a rule may pay for is kept as a fact, once; every kind of fact has one verb that records it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.demo.joining import token_mailed_to
from mall.domain import catalogue, earning, ledger, membership, people, programme

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def facts(member_id):
    """Return a member's facts, newest first."""
    fact = earning.FactRow
    with reading():
        return execute(select(fact).where(fact.member_id == member_id).order_by(fact.id.desc())).all()


def test_a_new_member_has_an_empty_purse_the_first_level_and_one_fact(mei):
    with reading():
        assert ledger.balances(mei, at=NOON) == ledger.Balances(ready=0, pending=0, held=0, owed=0)
        assert membership.standing(mei, terms=programme.current(NOON), at=NOON).level.key == "registered"
    assert [(fact.kind, fact.reference) for fact in facts(mei)] == [("signed_up", f"member:{mei}")]


VISITS = [
    {"key": "visit", "points": 0, "growth": 1},
    {"key": "every_order", "points": 0, "growth": 1, "least_cents": 1_000},
]


def invited(mei, sale_of):
    """Let a friend of Mei's join, confirm the e-mail and keep an order; reward her for it."""
    with transaction():
        terms = programme.current(NOON)
        new = earning.Newcomer(
            email=people.read_email("lin@example.com"), password=people.PasswordHash("-"), display_name="Lin",
            language="en", wants_news=False, verify_page="http://x/verify/",
            invited=earning.Invited(earning.make_code(mei, at=NOON)),
        )  # fmt: skip
        lin = earning.sign_up(new, terms=terms, at=NOON)
        people.verify(token_mailed_to(lin), at=NOON)
        purse, sale = ledger.lock(lin, zone=terms.zone), sale_of(lin, 1_590, order=8)
        earning.order_paid(sale, purse=purse, terms=terms, at=NOON)
        earning.order_kept(sale, purse=purse, terms=terms, at=NOON)
    with transaction():
        earning.reward_invitation(lin, terms=terms, at=NOON)
    with transaction():
        purse, sale = ledger.lock(lin, zone=terms.zone), sale_of(lin, 0, order=8)
        earning.order_reduced(sale, key="order:8:refund", purse=purse, terms=terms, at=NOON)
    with transaction():
        earning.reward_invitation(lin, terms=terms, at=NOON)


def shared(mei):
    """Let Mei share an item, and somebody come by her link."""
    with transaction():
        terms = programme.current(NOON)
        item = catalogue.create_product(title={"en": "Tea"}, terms=terms, by="staff:1", at=NOON)
        link = earning.shared_by(earning.share(mei, item, at=NOON))
        earning.note_share_visit(link, visitor="v", network="n", terms=terms, at=NOON)


@pytest.mark.breaks_the_books  # Of a purchase that nobody reported, and a review that nobody wrote.
def test_every_kind_of_fact_is_recorded_by_its_verb(app, open_shop, sale_of):
    mei = open_shop(tasks=VISITS)
    sale = sale_of(mei, 60_000)
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        earning.order_paid(sale, purse=purse, terms=terms, at=NOON)
        earning.order_kept(sale, purse=purse, terms=terms, at=NOON)
        earning.order_reduced(sale_of(mei, 500), key="order:7:part", purse=purse, terms=terms, at=NOON)
        earning.order_reduced(sale_of(mei, 0), key="order:7:refund", purse=purse, terms=terms, at=NOON)
        earning.check_in(mei, terms=terms, at=NOON)
        told = (earning.EMAIL_VERIFIED, earning.BIRTHDAY_ADDED, earning.ADDRESS_ADDED, earning.NEWS_WANTED)
        earning.told(
            mei,
            *told,
            earning.PROFILE_COMPLETED,
            earning.SIZES_TOLD,
            earning.STYLE_TOLD,
            earning.ACCOUNT_BOUND,
            terms=terms,
            at=NOON,
        )
        earning.celebrate_birthday(mei, terms=terms, at=NOON)
        earning.celebrate_anniversary(mei, years=1, terms=terms, at=NOON)
        earning.visited(mei, terms=terms, at=NOON)
        earning.question_followed_up(mei, question_id=1, terms=terms, at=NOON)
        review = {"review_id": 1, "purse": purse, "terms": terms, "at": NOON}
        earning.review_published(mei, product_id=1, pictures=0, **review)
        earning.review_taken_down(mei, title={"en": "Mug"}, **review)
        rates = earning.ReportedRates(100, 1, 10, 100)
        bought = earning.Reported(1, "Rides", "R-1", mei, terms.version, rates, 1_590)
        earning.purchase_reported(bought, purse=purse, terms=terms, at=NOON)
        earning.purchase_kept(bought, purse=purse, terms=terms, at=NOON)
        none = earning.Reported(1, "Rides", "R-1", mei, terms.version, rates, 0)
        earning.purchase_refunded(none, cents=1_590, key="refund:1:R", purse=purse, terms=terms, at=NOON)
        lent = {"length": 30, "unit": "days", "reference": "order:9:1"}
        earning.give_paid_level(mei, 4, **lent, terms=terms, at=NOON)
        earning.end_paid_levels(["order:9:1"], purse=purse, by="staff:1", terms=terms, at=NOON)
    invited(mei, sale_of)
    shared(mei)

    assert {fact.kind for fact in facts(mei)} == set(earning.FACTS)


def test_every_kind_names_a_verb_at_the_front_door():
    for verb in earning.FACTS.values():
        room, _, name = verb.partition(".")
        assert room == "earning" and callable(getattr(earning, name))


def test_cash_that_went_back_is_a_negative_fact(mei, sale_of):
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        earning.order_paid(sale_of(mei, 1_590), purse=purse, terms=terms, at=NOON)
        earning.order_reduced(sale_of(mei, 590), key="order:7:refund:1", purse=purse, terms=terms, at=NOON)
        earning.order_reduced(sale_of(mei, 0), key="order:7:refund:2", purse=purse, terms=terms, at=NOON)

    assert [fact.cents for fact in facts(mei)] == [-590, -1_000, 1_590, 0]


def test_a_fact_is_kept_once(mei):
    fact = earning.Fact("signed_up", mei, key="again", at=NOON, attributes={"from": "a friend"})
    with transaction():
        assert earning.record(fact)
        assert not earning.record(fact)

    assert len(facts(mei)) == 2


def test_an_unknown_kind_is_our_own_mistake(mei):
    with pytest.raises(AssertionError, match="no fact is called"), transaction():
        earning.record(earning.Fact("sneezed", mei, key="x", at=NOON))


@pytest.mark.parametrize("tamper", [update(earning.FactRow).values(cents=1), delete(earning.FactRow)])
def test_facts_are_only_added_to(mei, tamper):
    with pytest.raises(DBAPIError, match="append-only"), transaction():
        execute(tamper)
