"""What members buy at a partner's earns points by the partner's rate, once; what is given back is taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import ledger, membership, partners, people, programme
from tests import cast
from tests.domain.ledger.test_proof import lower_the_guards
from tests.domain.partners.conftest import NOON, Till

DAY = timedelta(days=1)


def test_a_ride_earns_points_by_the_rate_of_the_partner(mei, till, purse, whys):
    given = till().buy(mei, 1_599)

    assert given.answer == {
        "reference": "R-1",
        "points": 159,
        "growth": 0,
        "ready_at": "2026-03-02T12:00:00+00:00",
        "limited_by": "",
    }
    assert purse(mei) == (159, 0, 0, 0)
    assert whys(mei) == ["Rides, R-1: 1599 × 1 points per 10 × 100 % = 159 points"]


def test_the_multiplier_of_the_level_counts_where_the_partner_wants_it(mei, till, purse, shop):
    with transaction():
        membership.add_growth(
            mei, 2_000, source="gift", reference="gift:1", counts_on=NOON.date(), version=shop.version,
            why=say("A gift"), key="gift:1", terms=shop, at=NOON,
        )  # fmt: skip
        rank = membership.standing(mei, terms=shop, at=NOON).level.rank
    percent = shop.level(rank).multiplier_percent
    assert percent > 100

    till(with_level=True).buy(mei, 1_000)

    assert purse(mei)[0] == percent


def test_points_and_growth_wait_for_the_days_of_the_partner(mei, till, purse, shop):
    rides = till(ready_after_days=3, growth_per_cents=100)
    rides.buy(mei, 1_000)
    assert purse(mei) == (0, 100, 0, 0)
    with reading():
        assert partners.to_keep(at=NOON + 2 * DAY) == []
        (due,) = partners.to_keep(at=NOON + 3 * DAY)
        assert membership.growth_of("purchase:1") == (0, None)

    for _twice in range(2):
        with transaction():
            partners.keep(due, terms=shop, at=NOON + 3 * DAY)

    assert purse(mei, at=NOON + 3 * DAY) == (100, 0, 0, 0)
    with reading():
        assert membership.growth_of("purchase:1")[0] == 10


def test_the_same_key_answers_the_same_and_gives_nothing_more(mei, till, purse):
    rides = till()
    first = rides.buy(mei, 1_000, reference="R-7", key="k")
    again = rides.buy(mei, 1_000, reference="R-7", key="k")

    assert (first.again, again.again) == (False, True)
    assert again.answer == first.answer
    assert purse(mei)[0] == 100


def test_the_same_key_for_something_else_is_refused(mei, tom, till, purse):
    rides = till()
    rides.buy(mei, 1_000, key="k")

    with pytest.raises(partners.KeyOfOther):
        rides.buy(tom, 2_000, key="k")

    assert purse(tom)[0] == 0


def test_a_reference_is_reported_once_whatever_its_key(mei, till, purse):
    rides = till()
    rides.buy(mei, 1_000, reference="R-7")

    with pytest.raises(partners.ReferenceTaken):
        rides.buy(mei, 1_000, reference="R-7")

    assert purse(mei)[0] == 100


def test_a_refusal_keeps_nothing_so_that_the_mended_request_may_have_its_key(mei, till):
    rides = till()
    with pytest.raises(partners.TooLongAgo):
        rides.buy(mei, 1_000, key="k", occurred_at=NOON - 31 * DAY)

    assert not rides.buy(mei, 1_000, key="k").again


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"occurred_at": NOON + timedelta(minutes=6)}, partners.InTheFuture),
        ({"occurred_at": NOON - timedelta(days=30, seconds=1)}, partners.TooLongAgo),
        ({"account": "nobody-has-bound-this"}, partners.UnknownMember),
    ],
)
def test_what_is_odd_is_refused(mei, till, wrong, refusal, purse):
    with pytest.raises(refusal):
        till().buy(mei, 1_000, **wrong)

    assert purse(mei) == (0, 0, 0, 0)


def test_another_currency_is_refused(mei, till, shop):
    rides = till()
    rides.terms = programme.terms_of(shop.version, programme.settings_of(shop) | {"currency": "CHF"})
    told = partners.Reporting("R-1", 100, "USD", NOON)
    with pytest.raises(partners.OtherCurrency, match="currency is CHF"), transaction():
        partners.report(rides.partner_id, told, account="a", key="k", of_body="", terms=rides.terms, at=NOON)


def test_a_frozen_member_takes_no_part_and_gives_back_all_the_same(mei, till, purse):
    rides = till()
    rides.buy(mei, 1_000, reference="R-7")
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="x", at=NOON)

    with pytest.raises(partners.UnknownMember):
        rides.buy(mei, 1_000)
    assert rides.give_back("R-7", 400).answer["points_taken"] == 40


def test_refunds_take_back_by_the_same_formula_and_add_up(mei, till, purse):
    rides = till(growth_per_cents=100)
    rides.buy(mei, 1_000, reference="R-7")
    taken = [rides.give_back("R-7", cents).answer for cents in (333, 333, 334)]

    assert [each["points_taken"] for each in taken] == [34, 33, 33]
    assert [each["growth_taken"] for each in taken] == [4, 3, 3]
    assert [each["left_cents"] for each in taken] == [667, 334, 0]
    with reading():
        [listed] = partners.purchases_at(rides.partner_id, limit=5)
    assert (listed.points, listed.points_taken, listed.refunded_cents) == (100, 100, 1_000)
    assert purse(mei) == (0, 0, 0, 0)


def test_on_either_database_what_does_not_come_out_even_is_sound(either):
    shop = cast.open_shop(at=NOON)
    mei = cast.join("mei", at=NOON, terms=shop)
    rides = Till(shop, growth_per_cents=100)

    rides.buy(mei, 1_599, reference="R-7")
    rides.give_back("R-7", 444)

    with reading():
        assert ledger.balances(mei, at=NOON).ready == 115  # 11.55 kept, of 159 before.
        assert membership.growth_of("purchase:1")[0] == 11
        assert [check.name for check in partners.checks() if execute(check.breaks).first()] == []


def test_never_more_is_refunded_than_was_paid(mei, till, purse):
    rides = till()
    rides.buy(mei, 1_000, reference="R-7")
    rides.give_back("R-7", 700)

    with pytest.raises(partners.TooMuchBack, match="300 cents are left"):
        rides.give_back("R-7", 301)

    assert purse(mei)[0] == 30


def test_what_was_spent_before_the_refund_is_owed(mei, till, purse, shop):
    rides = till()
    rides.buy(mei, 1_000, reference="R-7")
    with transaction():
        ledger.redeem(ledger.lock(mei, zone=shop.zone), 80, reference="thing:1", at=NOON)

    assert rides.give_back("R-7", 1_000).answer["points_taken"] == 100
    assert purse(mei) == (0, 0, 0, 80)


def test_what_is_owed_above_the_cap_is_forgiven_and_the_books_bear_it(mei, till, purse, shop):
    terms = programme.terms_of(shop.version, programme.settings_of(shop) | {"debt_cap_points": 30})
    rides = till()
    rides.terms = terms
    rides.buy(mei, 1_000, reference="R-7")
    with transaction():
        ledger.adjust_down(
            ledger.lock(mei, zone=shop.zone), 100, key="spent", reference="gift", why=say("Spent"), by="staff:1",
            at=NOON,
        )  # fmt: skip
        cast.note_adjustment(mei, -100, at=NOON)

    rides.give_back("R-7", 1_000)

    assert purse(mei) == (0, 0, 0, 30)


def test_a_refund_before_the_points_are_ready_leaves_what_is_kept(mei, till, purse, shop):
    rides = till(ready_after_days=3, growth_per_cents=100)
    rides.buy(mei, 1_000, reference="R-7")
    rides.give_back("R-7", 600)
    assert purse(mei) == (0, 40, 0, 0)

    with transaction():
        partners.keep(1, terms=shop, at=NOON + 3 * DAY)

    assert purse(mei, at=NOON + 3 * DAY) == (40, 0, 0, 0)
    with reading():
        assert membership.growth_of("purchase:1")[0] == 4


def test_a_refund_sent_twice_is_made_once(mei, till, purse):
    rides = till()
    rides.buy(mei, 1_000, reference="R-7")
    first = rides.give_back("R-7", 400, reference="B-7", key="b")
    assert rides.give_back("R-7", 400, reference="B-7", key="b").answer == first.answer
    with pytest.raises(partners.ReferenceTaken):
        rides.give_back("R-7", 400, reference="B-7", key="other")

    assert purse(mei)[0] == 60


def test_another_partners_purchase_is_not_there(mei, till, shop):
    till().buy(mei, 1_000, reference="R-7")
    other, _key = cast.partner("Kiosk", at=NOON)
    told = partners.Reporting("B-1", 100, shop.currency, NOON)

    with pytest.raises(partners.UnknownPurchase), transaction():
        partners.refund(other, told, purchase="R-7", key="k", of_body="", terms=shop, at=NOON)


def test_one_purchase_gives_no_more_than_its_cap_and_says_so(mei, till, purse, whys, shop):
    rides = till(purchase_points=120, member_day_points=200)
    limits = [rides.buy(mei, cents).answer["limited_by"] for cents in (1_200, 1_201, 1_210, 1_000)]

    assert limits == ["", "day", "day", "day"]
    assert [purse(mei)[0], whys(mei)[0]] == [200, "Rides, R-1: 1200 × 1 points per 10 × 100 % = 120 points"]
    big = rides.buy(mei, 5_000, at=NOON + DAY)
    assert (big.answer["points"], big.answer["limited_by"]) == (120, "purchase")
    assert whys(mei)[-1] == "Rides, R-5: 5000 × 1 points per 10 × 100 %; its limit left 120 points"
    with reading():
        assert [each.cap for each in partners.purchases_at(1, limit=9)] == ["purchase", "day", "day", "day", ""]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_purchase_above_its_own_cap(mei, till):
    till(purchase_points=120).buy(mei, 5_000)
    with transaction():
        execute(text("UPDATE partner_purchase SET purchase_points = 100"))
    with reading():
        broken = [check.name for check in partners.checks() if execute(check.breaks).first()]
    assert "no partner gives more than its caps allow" in broken


def test_what_was_approved_before_one_purchase_had_a_cap_gives_as_it_did(mei, till, purse):
    rides = till(member_day_points=900)
    with transaction():
        lower_the_guards()
        execute(text("UPDATE partner SET purchase_points = NULL"))
        execute(text("UPDATE partner_version SET purchase_points = NULL"))
    assert rides.buy(mei, 8_000).answer["limited_by"] == ""
    assert purse(mei)[0] == 800


def test_a_member_earns_no_more_a_day_than_the_cap_leaves(mei, tom, till, purse, whys):
    rides = till(member_day_points=150)
    limits = [rides.buy(mei, 1_000).answer["limited_by"] for _ride in range(3)]

    assert limits == ["", "day", "day"]
    assert purse(mei)[0] == 150
    assert whys(mei)[1] == "Rides, R-2: 1000 × 1 points per 10 × 100 %; its limit left 50 points"
    assert rides.buy(tom, 1_000).answer["limited_by"] == ""


def test_all_members_earn_no_more_a_month_than_the_cap_leaves(mei, tom, till, purse):
    rides = till(month_points=150)
    rides.buy(mei, 1_000)
    assert rides.buy(tom, 1_000).answer["limited_by"] == "month"
    assert (purse(mei)[0], purse(tom)[0]) == (100, 50)

    assert rides.buy(tom, 1_000, at=NOON + 31 * DAY).answer["limited_by"] == ""


def test_a_capped_purchase_gives_back_only_what_it_gave(mei, till, purse):
    rides = till(member_day_points=50)
    rides.buy(mei, 1_000, reference="R-7")
    assert rides.give_back("R-7", 400).answer["points_taken"] == 0
    assert rides.give_back("R-7", 300).answer["points_taken"] == 20
    assert purse(mei)[0] == 30


def test_a_changed_rate_counts_for_what_is_reported_from_then_on(mei, till, purse):
    rides = till()
    rides.buy(mei, 1_000, reference="R-7")
    cast.change_partner(rides.partner_id, "Rides", partners.Rates(3, 10), seen=1, at=NOON)
    rides.buy(mei, 1_000)
    assert purse(mei)[0] == 400

    rides.give_back("R-7", 1_000)
    assert purse(mei)[0] == 300


TAKEN = "what a reported refund says it took is what was taken for it"
READY = "points of a reported purchase are made ready when its partner's days are over"
BY_RATE = "a reported purchase was given all that its rate gives, or what a cap left"
MULTIPLIED = "a reported purchase counts by the level's multiplier, where its partner's version says so"


def broken():
    with reading():
        return [check.name for check in partners.checks() if execute(check.breaks).first()]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (
            "UPDATE partner_purchase SET cents = 100",
            "a reported purchase gave what its rate gives for what is kept, or more by what expired",
        ),
        ("UPDATE partner_purchase SET cents = 1", "no more of a reported purchase is refunded than was paid"),
        (
            "UPDATE partner_purchase SET growth_per_cents = 10",
            "a reported purchase has given its growth once it is kept, and none before",
        ),
        (
            "UPDATE partner_purchase SET kept_at = reported_at",
            "points of a reported purchase that is kept are no longer on the way",
        ),
        ("UPDATE partner_purchase SET month_points = 1", "no partner gives more than its caps allow"),
        ("UPDATE partner_purchase SET member_day_points = 1", "no partner gives more than its caps allow"),
        ("UPDATE partner_purchase SET ready_at = '2026-03-05 12:00:01.000000'", READY),
        ("UPDATE partner_purchase SET ready_at = reported_at", READY),
        ("UPDATE partner_purchase SET kept_at = reported_at", READY),
        ("UPDATE partner_purchase SET kept_at = NULL", READY),
        ("UPDATE posting SET happened_at = '2026-03-05 11:59:59.000000' WHERE kind = 'unlock'", READY),
        ("UPDATE partner_purchase SET points = 49 WHERE id = 2", BY_RATE),
        ("UPDATE partner_purchase SET cents = 499 WHERE id = 2", BY_RATE),
        ("UPDATE partner_purchase SET cap = 'day' WHERE id = 2", BY_RATE),
        ("UPDATE partner_purchase SET multiplier_percent = 120", MULTIPLIED),
        ("UPDATE partner_month SET points = 1", "a partner's month counts what its purchases gave"),
        ("DELETE FROM partner_month", "a partner's month counts what its purchases gave"),
        (
            "UPDATE partner_purchase SET account = 'x' WHERE id = 1",
            "a purchase by account is of the member who had bound it then",
        ),
        ("UPDATE partner_purchase SET points = 7", "points of partners come from a reported purchase"),
        ("UPDATE partner_refund SET points = points + 1", TAKEN),
        ("UPDATE partner_refund SET growth = growth + 1", TAKEN),
        ("UPDATE partner_refund SET cents = cents + 1", TAKEN),
        ("UPDATE partner_refund SET reference = 'another'", TAKEN),
    ],
)
def test_the_proof_sees_what_is_wrong(mei, till, tamper, broken):

    rides = till(ready_after_days=3)
    rides.buy(mei, 1_000, reference="R-7")
    rides.give_back("R-7", 400)
    rides.buy(mei, 500)
    if broken == READY:
        with transaction():
            partners.keep(2, terms=rides.terms, at=NOON + 3 * DAY)
    checks = {check.name: check.breaks for check in partners.checks()}
    with reading():
        assert [name for name, breaks in checks.items() if execute(breaks).first()] == []

    with transaction():
        lower_the_guards()
        execute(text(tamper))
    if "growth" in tamper:
        with transaction():
            execute(text("UPDATE partner_purchase SET kept_at = reported_at"))

    with reading():
        assert broken in [name for name, breaks in checks.items() if execute(breaks).first()]


def test_whatever_caps_leave_whenever_it_is_kept_and_however_rates_change_is_sound(mei, tom, till):
    rides = till(member_day_points=150, month_points=220, ready_after_days=3, with_level=True)
    for number, member_id in enumerate((mei, mei, tom, mei, tom)):
        rides.buy(member_id, 777, at=NOON + number * timedelta(hours=1))
    changed = partners.Rates(3, 10, ready_after_days=7, member_day_points=40)
    cast.change_partner(rides.partner_id, "Rides", changed, seen=1, at=NOON + DAY)
    rides.buy(mei, 1_000, at=NOON + DAY)
    # Reported late, of a day whose cap was met; and of a month that is over.
    rides.buy(mei, 1_000, at=NOON + DAY, occurred_at=NOON)
    rides.buy(tom, 10, at=NOON + 30 * DAY)
    with transaction():
        partners.keep(1, terms=rides.terms, at=NOON + 9 * DAY)

    assert broken() == []


@pytest.mark.breaks_the_books
def test_the_proof_sees_points_that_are_kept_back_after_their_day(mei, till, shop):
    till(ready_after_days=3).buy(mei, 1_000)
    with transaction():
        membership.note_review(terms=shop, at=NOON + 4 * DAY)
    assert broken() == []
    with transaction():
        membership.note_review(terms=shop, at=NOON + 4 * DAY + timedelta(seconds=1))

    assert broken() == [READY]
