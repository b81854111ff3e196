"""A pack is given whole or not at all: for points, by a code, at the desk, for what was reached; once for each."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, coupons, notices
from tests.stage import NOON

DAY = timedelta(days=1)


@pytest.fixture
def kinds(stage):
    """Ten off, and free delivery."""
    return stage.coupon_kind(), stage.coupon_kind(title={"en": "Free parcel"}, kind="shipping", amount_cents=None)


def pack_of(stage, parts, **said):
    with transaction():
        return coupons.make_pack(
            key=f"pack-{sorted(parts)}-{sorted(said)}", parts=parts, by="staff:1", at=NOON,
            **({"title": {"en": "Welcome", "zh": "欢迎"}} | said),
        )  # fmt: skip


@pytest.fixture
def pack(stage, kinds):
    """Two times ten off, and one free delivery."""
    ten, parcel = kinds
    return pack_of(stage, {ten: 2, parcel: 1})


def edit(pack, **details):
    with reading():
        seen = coupons.template_of(pack).version
    with transaction():
        coupons.edit_pack(pack, seen_version=seen, by="staff:1", at=NOON, **details)


def give(stage, pack, member_id, *, reference="level:3", at=NOON):
    with transaction():
        return coupons.give_pack(pack, member_id, reference=reference, terms=stage.terms, at=at)


def by_hand(stage, pack, member_id, *, key="k"):
    with transaction():
        return coupons.give_by_hand(pack, member_id, key=key, terms=stage.terms, by="staff:1", at=NOON)


def code_of(pack, *, each_for=1):
    with transaction():
        [code] = coupons.make_codes(pack, count=1, each_for=each_for, key=f"k{pack}", by="staff:1", at=NOON)
    return code


def take(stage, member_id, code):
    with transaction():
        return coupons.take_code(member_id, code, terms=stage.terms, at=NOON)


def had(member_id):
    with reading():
        return sorted((row.title["en"], row.source, row.state) for row in coupons.coupons_of(member_id))


def told(kind):
    with reading():
        notice = notices.Notice
        return [row.details for row in execute(select(notice.details).where(notice.kind == kind))]


def test_a_pack_is_given_whole(stage, mei, pack):
    assert len(give(stage, pack, mei)) == 3

    assert had(mei) == [
        ("Free parcel", "pack", "usable"),
        ("Ten off", "pack", "usable"),
        ("Ten off", "pack", "usable"),
    ]
    with reading():
        assert coupons.given_and_used(pack) == (1, 0)


def test_for_one_cause_it_is_given_once_and_for_another_again(stage, mei, pack):
    give(stage, pack, mei)

    assert give(stage, pack, mei) == []
    assert len(give(stage, pack, mei, reference="birthday:2026")) == 3
    assert len(give(stage, pack, stage.member("tom"))) == 3


def test_its_member_is_told_once_of_all_of_it(stage, mei, pack):
    give(stage, pack, mei)
    give(stage, pack, mei)
    by_hand(stage, pack, mei)

    assert [(each["title"]["en"], each["coupons"]) for each in told("coupon_pack_received")] == [("Welcome", 3)] * 2
    assert told("coupon_received") == []


def test_at_the_desk_it_is_given_once_for_each_form(stage, mei, pack):
    assert len(by_hand(stage, pack, mei)) == 3
    assert by_hand(stage, pack, mei) == []
    assert len(by_hand(stage, pack, mei, key="another")) == 3


def test_a_code_gives_it_once(stage, mei, pack):
    code = code_of(pack)

    ids = take(stage, mei, code)

    assert len(ids) == 3 and take(stage, mei, code) == ids
    with pytest.raises(coupons.WrongCode):
        take(stage, stage.member("tom"), code)
    assert told("coupon_pack_received") == []


def test_points_buy_it_and_a_cancelled_order_takes_it_back(stage, mei, pack):
    voucher = stage.item("Voucher", kind="coupon", delivery="digital")
    with transaction():
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 1_600)
    stage.put_in(mei, voucher, quantity=2)

    order = stage.place(mei)

    assert [source for _title, source, _state in had(mei)] == ["points"] * 6
    stage.refund(order)
    assert {state for _title, _source, state in had(mei)} == {"revoked"}
    assert stage.balances(mei).ready == 1_600


def test_of_a_refunded_pack_what_was_used_is_netted_up_to_what_the_piece_cost(stage, mei, kinds):
    ten, parcel = kinds
    pack = pack_of(stage, {ten: 2, parcel: 1})
    voucher = stage.item("Voucher", kind="coupon", delivery="digital")
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(6_000),))
    with transaction():
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    order = stage.place(mei)
    with reading():
        tens = [row.id for row in coupons.coupons_of(mei) if row.kind == "amount"]
    for coupon_id in tens:
        stage.put_in(mei, lamp, "cash")
        stage.pay(stage.place(mei, use=[coupon_id]))

    plan = stage.refund(order)

    assert (plan.line_points, plan.netted_points, plan.points) == (800, 800, 0)
    assert sorted(each.points for each in plan.netted) == [0, 800]
    assert [state for _title, _source, state in had(mei)] == ["revoked", "used", "used"]


# All or nothing.


def refused(stage, pack, member_id, refusal, *, at=NOON):
    """Say that no way leads to a pack, and that nothing of it is given."""
    before = had(member_id)
    with pytest.raises(refusal):
        give(stage, pack, member_id, at=at)
    assert had(member_id) == before


def test_a_withdrawn_coupon_keeps_the_whole_pack_back(stage, mei, pack, kinds):
    code = code_of(pack)
    with transaction():
        coupons.withdraw_template(kinds[1], by="staff:1", at=NOON)

    refused(stage, pack, mei, coupons.PartGone)
    with pytest.raises(coupons.PartGone, match="Free parcel"):
        by_hand(stage, pack, mei)
    with pytest.raises(coupons.WrongCode):
        take(stage, mei, code)
    with transaction():
        coupons.give_out_again(kinds[1], by="staff:1", at=NOON)
    assert len(take(stage, mei, code)) == 3


def test_a_used_up_coupon_keeps_the_whole_pack_back(stage, mei, kinds):
    last = stage.coupon_kind(title={"en": "The last"}, total_limit=1)
    pack = pack_of(stage, {kinds[0]: 1, last: 1})
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(6_000),))
    stage.put_in(mei, lamp, "cash")
    stage.place(mei, use=[stage.coupon(mei, of=last)])

    refused(stage, pack, mei, coupons.PartUsedUp)


def test_a_coupon_had_as_often_as_it_may_keeps_the_whole_pack_back(stage, mei, kinds):
    once = stage.coupon_kind(title={"en": "Once"}, member_limit=1)
    pack = pack_of(stage, {kinds[0]: 1, once: 1})
    stage.coupon(mei, of=once)

    refused(stage, pack, mei, coupons.PartHadOften)
    assert len(give(stage, pack, stage.member("tom"))) == 2


def test_a_coupon_that_ended_keeps_no_pack_back(stage, mei, kinds):
    once = stage.coupon_kind(title={"en": "Once"}, member_limit=1, valid_days=3)
    pack = pack_of(stage, {kinds[0]: 1, once: 1})
    stage.coupon(mei, of=once)

    refused(stage, pack, mei, coupons.PartHadOften)
    assert len(give(stage, pack, mei, at=NOON + 10 * DAY)) == 2


def test_a_pack_has_limits_and_dates_of_its_own(stage, mei, kinds):
    ten, _parcel = kinds
    pack = pack_of(stage, {ten: 2}, member_limit=1, total_limit=2, starts_at=NOON - DAY, ends_at=NOON + 2 * DAY)
    give(stage, pack, mei)
    with pytest.raises(coupons.HadOften):
        give(stage, pack, mei, reference="level:4")
    give(stage, pack, stage.member("tom"))
    refused(stage, pack, stage.member("una"), coupons.GivenUp)
    later = pack_of(stage, {ten: 2}, starts_at=NOON + DAY)
    refused(stage, later, mei, coupons.PackNotYet)
    over = pack_of(stage, {ten: 2}, ends_at=NOON + DAY)
    refused(stage, over, mei, coupons.Withdrawn, at=NOON + DAY)
    with transaction():
        coupons.withdraw_template(over, by="staff:1", at=NOON)
    refused(stage, over, mei, coupons.Withdrawn)


def test_an_item_whose_pack_is_kept_back_is_not_to_be_had(stage, mei, pack, kinds):
    voucher = stage.item("Voucher", kind="coupon", delivery="digital")
    with transaction():
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    with transaction():
        coupons.withdraw_template(kinds[0], by="staff:1", at=NOON)

    with pytest.raises(checkout.NoLongerOffered):
        stage.place(mei)


def test_what_was_ordered_is_given_though_a_coupon_of_it_was_withdrawn_meanwhile(stage, mei, pack, kinds):
    voucher = stage.item("Voucher", prices=(catalogue.cash_price(500),), kind="coupon", delivery="digital")
    with transaction():
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)
    stage.put_in(mei, voucher, "cash")
    order = stage.place(mei)
    with transaction():
        coupons.withdraw_template(kinds[0], by="staff:1", at=NOON)

    stage.pay(order)

    assert len(had(mei)) == 3


def test_what_costs_something_has_no_limit(stage, pack, kinds):
    voucher = stage.item("Voucher", kind="coupon")
    limited = pack_of(stage, {kinds[0]: 2}, total_limit=5)
    of_limited = pack_of(stage, {stage.coupon_kind(member_limit=3): 2})
    for each in (limited, of_limited):
        with pytest.raises(coupons.NotForSale), transaction():
            coupons.sell(each, voucher.product_id, by="staff:1", at=NOON)
    with transaction():
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)
    with pytest.raises(coupons.NotForSale):
        edit(pack, member_limit=1)


# Made, and changed.


@pytest.mark.parametrize(
    ("parts", "said", "sentence"),
    [
        ({}, {}, "Put at least two coupons in the pack."),
        ({1: 1}, {}, "Put at least two coupons in the pack."),
        ({1: 21}, {}, "A pack holds 20 coupons of 6 kinds at most"),
        ({1: 0, 2: 3}, {}, "of each at least one"),
        ({1: 1, 99: 1}, {}, "Choose coupons that there are."),
        ({1: 1, -1: 1}, {}, "Choose coupons that there are."),
        ({1: 1, 2**63: 1}, {}, "Choose coupons that there are."),
        ({1: 2}, {"title": {"en": " "}}, "Give the coupon a name."),
        ({1: 2}, {"title": {"en": "x" * 121}}, "Use 120 signs at most for a name."),
        ({1: 2}, {"total_limit": 0}, "Use a whole number from 1"),
        ({1: 2}, {"member_limit": 2**63}, "Use a whole number from 1"),
        ({1: 2}, {"ends_at": NOON}, "That is over already."),
        ({1: 2}, {"starts_at": NOON + DAY, "ends_at": NOON + DAY}, "It must end after it starts."),
    ],
)
def test_a_pack_that_cannot_be_meant_is_refused(stage, kinds, parts, said, sentence):
    with pytest.raises(coupons.BadTemplate, match=sentence):
        pack_of(stage, parts, **said)


def test_a_pack_holds_no_pack_nothing_withdrawn_and_no_more_than_one_member_may_use(stage, pack, kinds):
    gone, twice = stage.coupon_kind(), stage.coupon_kind(member_limit=2)
    with transaction():
        coupons.withdraw_template(gone, by="staff:1", at=NOON)
    for parts, sentence in (
        ({kinds[0]: 1, pack: 1}, "Choose coupons that there are."),
        ({kinds[0]: 1, gone: 1}, "“Ten off” is no longer given out."),
        ({twice: 3}, "One member may use “Ten off” 2 times."),
    ):
        with pytest.raises(coupons.BadPack, match=sentence):
            pack_of(stage, parts)


def test_with_the_same_key_it_is_the_first_ones(stage, kinds):
    assert pack_of(stage, {kinds[0]: 2}) == pack_of(stage, {kinds[0]: 2})


def test_what_is_in_it_may_change_until_somebody_has_it(stage, mei, pack, kinds):
    edit(pack, parts={kinds[0]: 3})
    assert len(give(stage, pack, mei)) == 3
    edit(pack, parts={kinds[0]: 3}, title={"en": "Hello"}, ends_at=NOON + DAY)

    with pytest.raises(coupons.PackGiven):
        edit(pack, parts={kinds[0]: 2})
    with pytest.raises(coupons.PackChanged), transaction():
        coupons.edit_pack(pack, seen_version=1, by="staff:1", at=NOON, title={"en": "Mine"})
    with pytest.raises(coupons.NoSuchPack), transaction():
        coupons.edit_pack(kinds[0], seen_version=1, by="staff:1", at=NOON)
    with pytest.raises(coupons.NoSuchTemplate), transaction():
        coupons.edit_template(pack, seen_version=3, terms=stage.terms, by="staff:1", at=NOON)


def test_a_total_may_come_later_and_counts_what_was_given_before(stage, mei, pack):
    give(stage, pack, mei)
    with pytest.raises(coupons.BadTemplate):
        edit(pack, total_limit=0)
    edit(pack, total_limit=1)
    refused(stage, pack, stage.member("tom"), coupons.GivenUp)
    edit(pack, total_limit=None)
    give(stage, pack, stage.members["tom"])
    with pytest.raises(coupons.BadPack, match="2 were given already"):
        edit(pack, total_limit=1)


def test_what_a_coupon_in_a_pack_is_worth_stays(stage, pack, kinds):
    with pytest.raises(coupons.AlreadyGiven), transaction():
        coupons.edit_template(kinds[0], seen_version=1, terms=stage.terms, by="staff:1", at=NOON, amount_cents=1)


def test_giving_one_takes_as_many_statements_however_much_is_in_it(stage, mei, kinds, count_statements):
    small, large = pack_of(stage, {kinds[0]: 2}), pack_of(stage, {kinds[0]: 10, kinds[1]: 10})
    counts = []
    for pack in (small, large):
        count_statements.clear()
        give(stage, pack, mei)
        counts.append(len(count_statements))
    assert counts[0] == counts[1] <= 15
