"""Stamp cards: what is kept gives stamps, a full card is one coupon, and what is returned takes stamps back."""

import contextlib
import random
import runpy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import aftersales, catalogue, checkout, coupons, earning, notices
from mall.domain.earning import stamps_returned
from mall.domain.earning.stamps import Standing
from tests.domain.ledger.test_proof import Undone, lower_the_guards
from tests.stage import NOON, open_shop

VERSIONS = Path(__file__).parents[3] / "migrations" / "versions"
DAY = timedelta(days=1)
KEPT = NOON + 15 * DAY


def buy(stage, member_id, item, *, quantity=1, form="cash", at=NOON, use=()):
    """Let a member buy pieces and have them delivered."""
    stage.put_in(member_id, item, form, quantity=quantity, at=at)
    order = stage.place(member_id, use=use, at=at)
    order = order if order.state == "paid" else stage.pay(order, at=at)
    return stage.deliver(stage.ship(order, at=at), at=at)


def keep(stage, member_id, item, *, at=NOON, **said):
    """Let a member buy pieces and keep them: the return window is over."""
    order = buy(stage, member_id, item, at=at, **said)
    assert stage.close(order, at=at + 15 * DAY)
    return order


def stamps(member_id, card_id=1):
    """Return all stamps of a member on a card, as they came and went."""
    row = earning.Stamp
    with reading():
        rows = execute(select(row.stamps).where(row.member_id == member_id, row.card_id == card_id).order_by(row.id))
        return list(rows.scalars())


def full(member_id, card_id=1):
    """Return where the full cards of a member stand: [(number, state of the coupon, void, owed)]."""
    card, coupon = earning.FullCard, coupons.Coupon
    with reading():
        rows = execute(
            select(card.number, coupon.state, card.voided_at, card.owed_at)
            .join(coupon, coupon.id == card.coupon_id)
            .where(card.member_id == member_id, card.card_id == card_id)
            .order_by(card.number)
        )
        return [(row.number, row.state, row.voided_at is not None, row.owed_at is not None) for row in rows]


def told(member_id):
    notice = notices.Notice
    with reading():
        rows = execute(
            select(notice.kind, notice.details).where(
                notice.member_id == member_id, notice.kind.in_(("stamp_card_full", "coupon_received"))
            )
        )
        return [(row.kind, row.details["title"]["en"], row.details.get("coupons")) for row in rows]


def coupon_of(member_id):
    with reading():
        return execute(select(coupons.Coupon.id).where(coupons.Coupon.member_id == member_id)).scalars().one()


def test_each_piece_that_is_kept_is_a_stamp_and_the_last_one_fills_the_card(stage, mei, mug):
    stage.stamp_card()
    keep(stage, mei, mug, quantity=2)
    assert (stamps(mei), full(mei), told(mei)) == ([2], [], [])

    keep(stage, mei, mug)

    assert stamps(mei) == [2, 1]
    assert full(mei) == [(1, "usable", False, False)]
    assert told(mei) == [("stamp_card_full", "Buy three", 1)]


def test_an_order_gives_no_stamp_before_its_window_is_over(stage, mei, mug):
    stage.stamp_card()
    order = buy(stage, mei, mug)
    assert stamps(mei) == []

    stage.close(order, at=KEPT)
    assert not stage.close(order, at=KEPT)

    assert stamps(mei) == [1]


def test_what_is_over_begins_the_next_card_and_a_large_order_fills_several(stage, mei, mug):
    stage.stamp_card()
    keep(stage, mei, mug, quantity=8)

    assert [number for number, *_rest in full(mei)] == [1, 2]
    assert told(mei) == [("stamp_card_full", "Buy three", 2)]

    keep(stage, mei, mug)
    assert [number for number, *_rest in full(mei)] == [1, 2, 3]


def test_where_orders_count_a_large_one_is_one_stamp_if_it_is_large_enough(stage, mei, mug):
    stage.stamp_card(counts="order", least_cents=3_000)
    keep(stage, mei, mug)
    keep(stage, mei, mug, quantity=2)
    keep(stage, mei, mug, quantity=5)

    assert stamps(mei) == [1, 1]


def test_a_piece_counts_from_the_least_amount_it_was_paid_with(stage, mei, mug):
    stage.stamp_card(least_cents=1_591)
    stage.stamp_card(least_cents=1_590)
    keep(stage, mei, mug)

    assert (stamps(mei, 1), stamps(mei, 2)) == ([], [1])


def test_what_is_had_for_points_gives_no_stamp(stage, mei, mug):
    stage.stamp_card()
    stage.give(mei, 5_000)
    keep(stage, mei, mug, form="points")

    assert stamps(mei) == []


def test_a_piece_that_a_gift_coupon_took_off_gives_no_stamp(stage, mei, mug):
    stage.stamp_card()
    gift = stage.coupon(mei, kind="gift", amount_cents=None, scope="product", scope_ids=[mug.product_id])
    order = keep(stage, mei, mug, quantity=2, use=(gift,))
    assert stamps(mei) == [1]

    stage.refund(order, pieces={1: 1}, at=KEPT)
    assert stamps(mei) == [1]


def test_a_card_is_for_its_category_its_items_and_its_level(stage, mei, mug):
    bowl = stage.mug()
    with transaction():
        category = catalogue.create_category({"en": "Bowls"}, by="staff:1", at=NOON)
        catalogue.edit_product(bowl.product_id, categories=[category], terms=stage.terms, by="staff:1", at=NOON)
    stage.stamp_card(scope="category", scope_ids=[category])
    stage.stamp_card(scope="product", scope_ids=[mug.product_id])
    stage.stamp_card(min_rank=3)
    stage.put_in(mei, mug, "cash", quantity=2)
    keep(stage, mei, bowl)

    assert [stamps(mei, card_id) for card_id in (1, 2, 3)] == [[1], [2], []]


@pytest.mark.parametrize("at", [NOON + DAY - timedelta(seconds=1), NOON + 31 * DAY])
def test_an_order_placed_outside_the_window_of_a_card_gives_no_stamp(stage, mei, mug, at):
    stage.stamp_card(starts_at=NOON + DAY, ends_at=NOON + 31 * DAY)
    keep(stage, mei, mug, at=at)

    assert stamps(mei) == []


def test_a_draft_gives_no_stamp(stage, mei, mug):
    stage.stamp_card(approved=False)
    keep(stage, mei, mug)

    assert stamps(mei) == []


def test_an_order_placed_before_a_card_was_ended_still_counts_when_it_is_kept(stage, mei, mug):
    card_id = stage.stamp_card()
    early = buy(stage, mei, mug)
    with transaction():
        assert earning.end_stamp_card(card_id, by="staff:1", at=NOON + timedelta(hours=1), reason="Too many")
    late = buy(stage, mei, mug, at=NOON + timedelta(hours=2))
    for order in (early, late):
        stage.close(order, at=NOON + 16 * DAY)

    assert stamps(mei) == [1]


def test_a_member_fills_no_more_cards_than_one_may(stage, mei, mug):
    stage.stamp_card(member_limit=1)
    keep(stage, mei, mug, quantity=7)

    assert [number for number, *_rest in full(mei)] == [1]


def test_all_members_fill_no_more_cards_than_there_are(stage, mei, mug):
    stage.stamp_card(total_limit=2)
    keep(stage, mei, mug, quantity=3)
    tom = stage.member("tom")
    keep(stage, tom, stage.mug(), quantity=9)

    assert (len(full(mei)), len(full(tom))) == (1, 1)
    with reading():
        assert earning.stamp_card_state(earning.stamp_card_of(1), KEPT) == "full"


def test_a_coupon_is_given_for_a_full_card_also_when_its_kind_was_withdrawn(stage, mei, mug):
    stage.stamp_card()
    with transaction():
        coupons.withdraw_template(1, by="staff:1", at=NOON)
    keep(stage, mei, mug, quantity=3)

    assert full(mei) == [(1, "usable", False, False)]


def test_what_is_returned_later_takes_its_stamps_and_an_unused_coupon_is_void(stage, mei, mug):
    stage.stamp_card()
    order = keep(stage, mei, mug, quantity=4)
    stage.refund(order, pieces={1: 1}, at=KEPT)
    assert (stamps(mei), full(mei)) == ([4, -1], [(1, "usable", False, False)])

    stage.refund(order, pieces={1: 1}, at=KEPT)

    assert (stamps(mei), full(mei)) == ([4, -1, -1], [(1, "revoked", True, False)])

    keep(stage, mei, mug)
    assert full(mei) == [(1, "revoked", True, False), (2, "usable", False, False)]


def test_on_either_database_a_part_of_a_card_is_sound_and_a_return_takes_of_it(either):
    stage = open_shop()
    mei, mug = stage.member("mei"), stage.mug()
    stage.stamp_card()
    order = keep(stage, mei, mug, quantity=4)

    stage.refund(order, pieces={1: 2}, at=KEPT)

    assert (stamps(mei), full(mei)) == ([4, -2], [(1, "revoked", True, False)])
    with reading():
        assert broken() == []


def test_where_the_coupon_was_used_it_stays_and_the_stamps_are_owed(stage, mei, mug):
    stage.stamp_card()
    order = keep(stage, mei, mug, quantity=3)
    buy(stage, mei, mug, at=KEPT, use=(coupon_of(mei),))
    stage.refund(order, at=KEPT)

    assert (stamps(mei), full(mei)) == ([3, -3], [(1, "used", False, True)])

    keep(stage, mei, mug, quantity=5, at=KEPT)
    assert len(full(mei)) == 1  # Three of the five make up for what is owed.
    keep(stage, mei, mug, quantity=1, at=KEPT)
    assert [(number, owed) for number, _state, _void, owed in full(mei)] == [(1, True), (2, False)]


def test_a_used_coupon_that_comes_back_while_its_stamps_are_owed_is_void_and_nothing_is_owed(stage, mei, mug):
    stage.stamp_card()
    first, second = (keep(stage, mei, mug, quantity=quantity) for quantity in (3, 2))
    coupon = coupon_of(mei)
    used_for = buy(stage, mei, mug, at=KEPT, use=(coupon,))
    stage.refund(first, at=KEPT)
    with reading():
        plan = aftersales.plan_refund(stage.order(used_for), reason="changed_mind", at=KEPT, zone=stage.terms.zone)
    assert plan.voided == (coupon,)

    stage.refund(used_for, at=KEPT)

    assert (stage.coupon_state(coupon), full(mei)) == ("revoked", [(1, "revoked", True, False)])

    keep(stage, mei, mug, at=KEPT)  # With the two that were kept it is the third.
    assert full(mei) == [(1, "revoked", True, False), (2, "usable", False, False)]
    stage.refund(second, at=KEPT)
    assert (stamps(mei), full(mei)[1]) == ([3, 2, -3, 1, -2], (2, "revoked", True, False))


def test_an_order_given_up_brings_no_coupon_back_for_which_stamps_are_owed(stage, mei, mug):
    stage.stamp_card()
    order = keep(stage, mei, mug, quantity=3)
    coupon = coupon_of(mei)
    stage.put_in(mei, mug, "cash", at=KEPT)
    used_for = stage.place(mei, use=(coupon,), at=KEPT)
    stage.refund(order, pieces={1: 1}, at=KEPT)

    checkout.give_up(
        used_for.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site="http://localhost"
    )

    assert full(mei) == [(1, "revoked", True, False)]


def test_a_coupon_comes_back_once_later_stamps_have_made_up_for_what_was_owed(stage, mei, mug):
    stage.stamp_card()
    order = keep(stage, mei, mug, quantity=3)
    used_for = buy(stage, mei, mug, at=KEPT, use=(coupon_of(mei),))
    stage.refund(order, at=KEPT)
    keep(stage, mei, mug, quantity=3, at=KEPT)

    stage.refund(used_for, at=KEPT)

    assert full(mei) == [(1, "usable", False, True)]


def test_an_order_that_used_a_coupon_and_gave_stamps_takes_both_along(stage, mei, mug):
    stage.stamp_card()
    keep(stage, mei, mug, quantity=2)
    keep(stage, mei, mug)
    used_for = keep(stage, mei, mug, quantity=2, at=KEPT, use=(coupon_of(mei),))
    with reading():
        plan = aftersales.plan_refund(stage.order(used_for), reason="changed_mind", at=KEPT, zone=stage.terms.zone)
    assert plan.voided == ()

    stage.refund(used_for, at=KEPT + 16 * DAY)

    assert full(mei) == [(1, "usable", False, False)]


def test_before_the_window_is_over_a_return_takes_no_stamps_and_fewer_are_given(stage, mei, mug):
    stage.stamp_card()
    order = buy(stage, mei, mug, quantity=3)
    stage.refund(order, pieces={1: 1})
    stage.close(order, at=KEPT)

    assert stamps(mei) == [2]


def test_an_order_stays_a_stamp_while_enough_of_it_is_kept(stage, mei, mug):
    stage.stamp_card(counts="order", least_cents=3_000)
    order = keep(stage, mei, mug, quantity=3)
    stage.refund(order, pieces={1: 1}, at=KEPT)
    assert stamps(mei) == [1]

    stage.refund(order, pieces={1: 1}, at=KEPT)
    assert stamps(mei) == [1, -1]


def test_a_refund_says_beforehand_what_it_takes_of_stamp_cards(stage, mei, mug):
    stage.stamp_card()
    order = keep(stage, mei, mug, quantity=3)
    with reading():
        plan = aftersales.plan_refund(stage.order(order), reason="changed_mind", at=KEPT, zone=stage.terms.zone)

    assert [(each.card.title["en"], each.stamps, len(each.voids)) for each in plan.stamps] == [("Buy three", 3, 1)]


def test_keeping_takes_few_statements_more_whatever_the_number_of_lines(stage, mei, mug, count_statements):
    def kept(lines, at=NOON + DAY):
        for _line in range(lines - 1):
            stage.put_in(mei, stage.mug(), "cash", at=at)
        order = buy(stage, mei, mug, at=at)
        count_statements.clear()
        assert stage.close(order, at=KEPT + DAY)
        return len(count_statements)

    kept(1, at=NOON)
    without = kept(1, at=NOON)
    stage.stamp_card(stamps_needed=7, starts_at=NOON + DAY)

    assert kept(1) == without + 4  # Whether it gave some, the stamps, their lines, where the member stands.
    assert kept(4) == without + 4
    assert kept(3) <= without + 10  # The card is full: coupon, card and notice.


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_kept_returned_and_used_the_stamps_are_those_of_what_is_kept(stage, mei, seed):
    chance = random.Random(seed)
    mug = stage.mug(stock=100)
    stage.stamp_card(scope="product", scope_ids=[mug.product_id])
    orders, kept = [], 0
    for _act in range(7):
        if not orders or chance.random() < 0.5:
            pieces = chance.randint(1, 4)
            orders.append(keep(stage, mei, mug, quantity=pieces))
            kept += pieces
        else:
            with contextlib.suppress(Refusal):  # Nothing of it is left.
                stage.refund(chance.choice(orders), pieces={1: 1}, at=KEPT)
                kept -= 1
        if chance.random() < 0.4:
            use_one(stage, mei)

        assert sum(stamps(mei)) == kept
        live = [each for each in full(mei) if not each[2]]
        assert len(live) >= kept // 3 >= len([each for each in live if each[1] != "used"])
    with reading():
        assert broken() == []


@given(
    needed=st.integers(2, 5),
    acts=st.lists(st.tuples(st.sampled_from(["keep", "back", "use", "comes back"]), st.integers(0, 12)), max_size=30),
)
def test_cards_follow_stamps_in_whatever_order_they_come_and_go(needed, acts):
    card = earning.StampCard(1, {}, needed, "piece", 0, 1, None, None)
    total, cards = 0, []
    for act, number in acts:
        live = [each for each in cards if each.state != "revoked"]
        if act == "keep":
            total += number
            due = Standing(total, len(live), len(cards)).to_fill(card)
            cards += [Held(len(cards) + place) for place in range(due)]
        elif act == "back" and total:
            stamps = min(number, total)
            back = stamps_returned._back(card, stamps, standing=Standing(total, len(live)), full=live[::-1])
            total -= stamps
            for each in cards:
                each.state = "revoked" if each.id in back.voids else each.state
                each.owed_at = NOON if each.id in back.owes else each.owed_at
        elif live:
            each = live[number % len(live)]
            owed = Standing(total, len(live)).uncovered_on(card)
            back = "revoked" if owed and each.state == "used" else "usable"
            each.state = "used" if act == "use" and each.state == "usable" else back if act != "use" else each.state
        live = [each for each in cards if each.state != "revoked"]
        uncovered = len(live) - total // needed
        assert uncovered >= 0
        assert uncovered <= len([each for each in live if each.state == "used"])
        assert not uncovered or not any(each.state == "usable" for each in live)


@dataclass
class Held:
    """A full card of a member, as it is read."""

    id: int
    state: str = "usable"
    owed_at: datetime | None = None

    @property
    def coupon_id(self):
        return self.id


def use_one(stage, member_id):
    """Use a member's first unused coupon for a bowl, if there is one."""
    with reading():
        coupon = coupons.Coupon
        mine = select(coupon.id).where(coupon.member_id == member_id, coupon.state == "usable")
        ids = list(execute(mine.limit(1)).scalars())
    if ids:
        stage.put_in(member_id, stage.mug(), "cash", at=KEPT)
        stage.pay(stage.place(member_id, use=ids, at=KEPT), at=KEPT)


BROKEN = {
    "stamps are given for an order that is kept, and taken back for what it gave": (
        "UPDATE fact SET kind = 'order_reduced' WHERE kind = 'order_kept'"
    ),
    "a member's stamps fill the cards that are full, but for limits and used coupons": (
        "UPDATE full_card SET voided_at = filled_at"
    ),
    "no coupon of a full card can be used while stamps are owed on the card": (
        "UPDATE stamp SET stamps = 2 WHERE stamps > 2"
    ),
    "a full card has its coupon, and a coupon of a stamp card its full card": "DELETE FROM full_card",
    "stamp cards are filled within their limits, and a total counts them": "UPDATE stamp_card SET filled = 2",
    "a stamp card that gives stamps was approved by a person": "UPDATE approval SET decision = 'declined'",
    "an order has the stamps that its kept purchases give, less what was returned": (
        "UPDATE order_line SET refunded = 1"
    ),
    "an order that gave stamps was placed while the card ran, for its level and its goods": (
        "UPDATE stamp_card SET min_rank = 3"
    ),
    "a purchase that is kept while a stamp card runs has given its stamp": "DELETE FROM stamp",
}


@pytest.mark.parametrize("check", BROKEN)
@pytest.mark.breaks_the_books
def test_the_proof_finds_what_is_wrong_with_stamps(stage, mei, mug, check):
    stage.stamp_card(total_limit=5)
    keep(stage, mei, mug, quantity=4)
    with reading():
        assert broken() == []

    with contextlib.suppress(Undone), transaction():
        lower_the_guards()
        execute(text(BROKEN[check]))
        assert check in broken()
        raise Undone


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE full_card SET member_id = 77",
        "UPDATE coupon SET template_id = 77",
        "INSERT INTO coupon (member_id, template_id, source, reference, key, given_at, usable_from, ends_at, state)"
        " SELECT member_id, template_id, source, reference, 'twice', given_at, given_at, ends_at, state FROM coupon",
    ],
)
@pytest.mark.breaks_the_books
def test_the_proof_finds_coupons_of_others_of_other_kinds_and_second_ones(stage, mei, mug, statement):
    stage.stamp_card()
    keep(stage, mei, mug, quantity=4)

    with contextlib.suppress(Undone), transaction():
        lower_the_guards()
        execute(text(statement))
        assert "a full card has its coupon, and a coupon of a stamp card its full card" in broken()
        raise Undone


def broken():
    return [
        check.name for check in (*earning.checks(), *checkout.checks()) if execute(check.breaks).first() is not None
    ]


def test_a_coupon_that_came_back_before_this_was_settled_is_void_from_the_migration_on(either):
    stage = open_shop()
    mei, mug = stage.member("mei"), stage.mug()
    stage.stamp_card()
    order = keep(stage, mei, mug, quantity=6)
    with reading():
        first, second = sorted(coupon.id for coupon in coupons.coupons_of(mei))
    for coupon in (first, second):
        buy(stage, mei, mug, at=KEPT, use=(coupon,))
    stage.refund(order, pieces={1: 2}, at=KEPT)
    assert full(mei) == [(1, "used", False, False), (2, "used", False, True)]
    move = runpy.run_path(next(map(str, VERSIONS.glob("*_cff25222152d_*"))))["_void_coupons_owed"]
    with contextlib.suppress(Undone), transaction() as connection:
        execute(text("UPDATE coupon SET state = 'usable', used_for = NULL, used_at = NULL WHERE id = 2"))

        for _again in range(2):
            move(connection)

        assert full(mei) == [(1, "used", False, False), (2, "revoked", True, False)]
        raise Undone
