"""The proof finds coupon codes that nobody made, or of another kind than was made, and coupons of another kind."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from mall.base.db import execute, reading, transaction
from mall.domain import coupons
from mall.domain.coupons.codes import CodeBatch, CouponCode
from tests.stage import NOON, open_shop

MADE = "coupon codes are of the kind and as many as were made, as the audit says"
OF_KIND = "a coupon of a code is of the kind that the code was made for"


@pytest.fixture
def stage(either):
    return open_shop()


@pytest.fixture
def mei(stage):
    return stage.member("mei")


def codes(kind, key, count=2, each_for=1):
    with transaction():
        return coupons.make_codes(kind, count=count, each_for=each_for, key=key, by="staff:1", at=NOON)


def take(stage, member_id, code):
    with transaction():
        return coupons.take_code(member_id, code, terms=stage.terms, at=NOON + timedelta(minutes=1))


def broken():
    with reading():
        return [check.name for check in coupons.checks() if execute(check.breaks).first() is not None]


def tamper(statement):
    with transaction():
        execute(statement)


def test_codes_that_were_made_and_taken_are_sound(stage, mei):
    kind = stage.coupon_kind()
    with transaction():
        pack = coupons.make_pack(key="p", title={"en": "Welcome"}, parts={kind: 2}, by="staff:1", at=NOON)
    take(stage, mei, codes(kind, "one")[0])
    take(stage, mei, codes(pack, "two", each_for=3)[1])
    assert broken() == []


@pytest.mark.breaks_the_books
def test_the_proof_finds_codes_that_changed_their_batch_or_their_figures(stage):
    kind, better = stage.coupon_kind(), stage.coupon_kind()
    codes(kind, "one")
    codes(better, "two")
    assert broken() == []
    tamper(update(CouponCode).where(CouponCode.id == 1).values(batch_id=2))
    assert broken() == [MADE]
    tamper(update(CouponCode).where(CouponCode.id == 1).values(batch_id=1))
    tamper(update(CouponCode).where(CouponCode.id == 1).values(each_for=9))
    assert broken() == [MADE]
    tamper(update(CouponCode).where(CouponCode.id == 1).values(each_for=1))
    tamper(update(CodeBatch).where(CodeBatch.id == 1).values(template_id=better))
    assert broken() == [MADE]
    tamper(update(CodeBatch).where(CodeBatch.id == 1).values(template_id=kind, codes=1))
    assert broken() == [MADE]


@pytest.mark.breaks_the_books
def test_the_proof_finds_codes_that_nobody_made(stage):
    kind = stage.coupon_kind()
    batch = {"template_id": kind, "key": "none", "codes": 1, "each_for": 1, "made_by": "staff:1", "made_at": NOON}
    tamper(insert(CodeBatch).values(batch))
    assert broken() == [MADE]
    with reading():
        made = execute(select(CodeBatch.id)).scalar_one()
    tamper(insert(CouponCode).values(batch_id=made, digest="0" * 64, each_for=1, taken=0))
    assert broken() == [MADE]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_coupon_of_a_code_that_is_of_another_kind(stage, mei):
    take(stage, mei, codes(stage.coupon_kind(), "one")[0])
    tamper(update(coupons.Coupon).values(template_id=stage.coupon_kind()))
    assert OF_KIND in broken()
