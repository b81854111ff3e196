"""Kinds of coupon: what is meant is kept, what cannot be meant is refused; what members have keeps its worth."""

from datetime import timedelta

import pytest

from mall.base.db import reading, transaction
from mall.domain import audit, coupons
from tests.stage import NOON

DAY = timedelta(days=1)


def edit(stage, kind, *, seen=1, **changes):
    with transaction():
        coupons.edit_template(kind, seen_version=seen, terms=stage.terms, by="staff:1", at=NOON, **changes)


def template(kind):
    with reading():
        return coupons.template_of(kind)


def test_a_kind_of_coupon_is_made_once_for_its_key(stage):
    def make():
        with transaction():
            return coupons.make_template(
                key="one", title={"en": " Ten  off "}, kind="amount", amount_cents=1_000, valid_days=30,
                terms=stage.terms, by="staff:1", at=NOON,
            )  # fmt: skip

    kind = make()
    assert make() == kind
    assert template(kind).title == {"en": "Ten off"}
    with reading():
        assert [entry.act for entry in audit.entries(subject=f"coupon:{kind}", limit=9)] == ["coupon.made"]


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"title": {"en": "  "}}, "title"),
        ({"title": {"en": "x" * 121}}, "title"),
        ({"kind": "gold"}, "kind"),
        ({"amount_cents": None}, "amount_cents"),
        ({"amount_cents": 0}, "amount_cents"),
        ({"amount_cents": 2**63}, "amount_cents"),
        ({"kind": "percent", "percent": 101}, "percent"),
        ({"kind": "percent", "percent": None}, "percent"),
        ({"kind": "percent", "percent": 5, "cap_cents": 0}, "cap_cents"),
        ({"threshold_cents": -1}, "threshold_cents"),
        ({"threshold_cents": None}, "threshold_cents"),
        ({"valid_days": None}, "ends_at"),
        ({"valid_days": 0}, "valid_days"),
        ({"starts_at": NOON + DAY, "ends_at": NOON}, "ends_at"),
        ({"ends_at": NOON - DAY}, "ends_at"),
        ({"member_limit": 0}, "member_limit"),
        ({"total_limit": -1}, "total_limit"),
        ({"min_rank": 6}, "min_rank"),
        ({"scope": "moon"}, "scope"),
        ({"kind": "gift"}, "scope"),
        ({"kind": "gift", "scope": "product"}, "scope_ids"),
        ({"scope": "product"}, "scope_ids"),
        ({"scope": "product", "scope_ids": [99]}, "scope_ids"),
        ({"scope": "category", "scope_ids": [2**70]}, "scope_ids"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_field(stage, details, field):
    with pytest.raises(coupons.BadTemplate) as refused:
        stage.coupon_kind(**details)

    assert refused.value.field == field


def test_a_gift_is_one_item(stage, lamp):
    mug = stage.item()

    with pytest.raises(coupons.BadTemplate, match="Name one item"):
        stage.coupon_kind(kind="gift", scope="product", scope_ids=[lamp.product_id, mug.product_id])
    kind = stage.coupon_kind(kind="gift", scope="product", scope_ids=[lamp.product_id], threshold_cents=500)
    assert template(kind).threshold_cents == 0


def test_what_its_kind_does_not_have_is_dropped(stage):
    kind = stage.coupon_kind(kind="shipping", amount_cents=500, percent=5, cap_cents=1)

    row = template(kind)
    assert (row.amount_cents, row.percent, row.cap_cents) == (None, None, None)


def test_before_anybody_has_one_everything_may_change(stage, lamp):
    kind = stage.coupon_kind()

    edit(stage, kind, amount_cents=2_000, scope="product", scope_ids=[lamp.product_id])

    assert template(kind).amount_cents == 2_000
    with reading():
        assert coupons.scope_of(kind) == [lamp.product_id]


def test_what_is_over_may_still_be_renamed(stage):
    kind = stage.coupon_kind(valid_days=None, ends_at=NOON + DAY)

    with transaction():
        coupons.edit_template(
            kind, seen_version=1, title={"en": "Spring"}, terms=stage.terms, by="staff:1", at=NOON + 2 * DAY
        )

    assert template(kind).title == {"en": "Spring"}


def test_what_members_have_keeps_its_worth(stage, mei):
    kind = stage.coupon_kind()
    stage.coupon(mei, of=kind)

    edit(stage, kind, title={"en": "Ten euro off"})
    for changes in ({"amount_cents": 900}, {"threshold_cents": 1}, {"stackable": True}, {"total_limit": 5}):
        with pytest.raises(coupons.AlreadyGiven):
            edit(stage, kind, seen=2, **changes)

    assert template(kind).title == {"en": "Ten euro off"}


def test_codes_that_are_out_keep_its_worth_too(stage):
    kind = stage.coupon_kind()
    with transaction():
        coupons.make_codes(kind, count=1, key="k", by="staff:1", at=NOON)

    with pytest.raises(coupons.AlreadyGiven):
        edit(stage, kind, amount_cents=900)


def test_two_who_change_one_do_not_overwrite_each_other(stage):
    kind = stage.coupon_kind()
    edit(stage, kind, title={"en": "A"})

    with pytest.raises(coupons.TemplateChanged):
        edit(stage, kind, title={"en": "B"})


def test_what_is_withdrawn_is_given_to_nobody_and_stays_good(stage, mei):
    kind = stage.coupon_kind()
    coupon = stage.coupon(mei, of=kind)
    with transaction():
        assert coupons.withdraw_template(kind, by="staff:1", at=NOON)
        assert not coupons.withdraw_template(kind, by="staff:1", at=NOON)

    with pytest.raises(coupons.Withdrawn):
        stage.coupon(mei, of=kind)
    with reading():
        assert [each.id for each in coupons.ready(mei, product_ids=[], at=NOON)] == [coupon]


def test_what_costs_something_has_no_limit_of_its_own(stage, lamp):
    voucher = stage.item("Voucher", kind="coupon")
    limited = stage.coupon_kind(total_limit=5)
    with transaction(), pytest.raises(coupons.NotForSale):
        coupons.sell(limited, voucher.product_id, by="staff:1", at=NOON)
    kind = stage.coupon_kind()
    with transaction():
        coupons.sell(kind, voucher.product_id, by="staff:1", at=NOON)
        with pytest.raises(coupons.BadTemplate):
            coupons.sell(kind, lamp.product_id, by="staff:1", at=NOON)

    with pytest.raises((coupons.NotForSale, coupons.AlreadyGiven)):
        edit(stage, kind, member_limit=1)


@pytest.mark.parametrize(
    ("details", "ends"),
    [
        ({"valid_days": 30}, NOON.replace(day=1, month=4, hour=23, minute=59, second=59, microsecond=999_999)),
        ({"valid_days": None, "ends_at": NOON + 5 * DAY}, NOON + 5 * DAY),
        ({"valid_days": 30, "ends_at": NOON + 5 * DAY}, NOON + 5 * DAY),
    ],
)
def test_a_coupon_ends_with_its_kind_or_its_days_whichever_is_first(stage, mei, details, ends):
    stage.coupon(mei, **details)

    with reading():
        [row] = coupons.coupons_of(mei)
    assert row.ends_at == ends


def test_days_begin_when_it_can_be_used(stage, mei):
    stage.coupon(mei, starts_at=NOON + 10 * DAY, valid_days=1)

    with reading():
        [row] = coupons.coupons_of(mei)
    assert (row.usable_from, row.ends_at.date()) == (NOON + 10 * DAY, (NOON + 11 * DAY).date())
