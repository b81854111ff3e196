"""Codes: nobody can guess one, it is taken as often as it says, however it is written; wrong ones look alike."""

import math
from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, coupons
from tests.stage import NOON

DAY = timedelta(days=1)


def codes_of(kind, *, count=1, each_for=1, key="batch"):
    with transaction():
        return coupons.make_codes(kind, count=count, each_for=each_for, key=key, by="staff:1", at=NOON)


def take(stage, member_id, code, *, at=NOON):
    with transaction():
        return coupons.take_code(member_id, code, terms=stage.terms, at=at)


def test_a_code_has_at_least_sixty_random_bits_and_is_kept_as_a_hash():
    assert coupons.LENGTH * math.log2(len(set(coupons.ALPHABET))) >= 60


def test_codes_differ_and_none_is_kept(stage):
    codes = codes_of(stage.coupon_kind(), count=500)

    assert len({coupons.read_code(code) for code in codes}) == 500
    with reading():
        kept = set(execute(select(coupons.CouponCode.digest)).scalars())
    assert not kept & {coupons.read_code(code) for code in codes}
    assert all(len(digest) == 64 for digest in kept)


def test_a_code_gives_its_coupon_once(stage, mei):
    [code] = codes_of(stage.coupon_kind())

    [coupon] = take(stage, mei, code)

    assert take(stage, mei, code) == [coupon]
    with reading():
        assert [(row.id, row.source) for row in coupons.coupons_of(mei)] == [(coupon, "code")]


def test_a_code_for_one_is_for_the_first(stage, mei):
    [code] = codes_of(stage.coupon_kind())
    take(stage, mei, code)

    with pytest.raises(coupons.WrongCode):
        take(stage, stage.member("tom"), code)


def test_a_code_for_two_is_for_two(stage, mei):
    [code] = codes_of(stage.coupon_kind(), each_for=2)
    take(stage, mei, code)
    take(stage, stage.member("tom"), code)

    with pytest.raises(coupons.WrongCode):
        take(stage, stage.member("una"), code)


def test_sec_59_case_space_and_look_alikes_are_the_same_code():
    code = "01V7-K0AB-11ZZ-V0V0"
    for written in (
        code.lower(),
        code.replace("-", ""),
        code.replace("-", " "),
        "  o1v7—koab il zz  u0uo ",
        "OLU7KOABIIZZUOUO",
        "０１Ｖ７－Ｋ０ＡＢ－１１ＺＺ－Ｖ０Ｖ０",
    ):
        assert coupons.read_code(written) == "01V7K0AB11ZZV0V0", written


@pytest.mark.parametrize("how", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code}\t"])
def test_sec_59_a_code_is_taken_however_it_is_written_and_once(stage, mei, how):
    [code] = codes_of(stage.coupon_kind())

    assert take(stage, mei, how(code)) == take(stage, mei, code)
    with pytest.raises(coupons.WrongCode):
        take(stage, stage.member("tom"), how(code))


def test_what_is_over_withdrawn_or_had_looks_like_what_never_was(stage, mei):
    withdrawn = stage.coupon_kind()
    [gone] = codes_of(withdrawn, key="a")
    [over] = codes_of(stage.coupon_kind(valid_days=None, ends_at=NOON + DAY), key="b")
    limited = stage.coupon_kind(member_limit=1)
    first, second = codes_of(limited, count=2, key="c")
    take(stage, mei, first)
    with transaction():
        coupons.withdraw_template(withdrawn, by="staff:1", at=NOON)

    said = set()
    for code in (gone, over, second, "NONE-SUCH-CODE-HERE", "", "'; DROP TABLE coupon", "💥" * 900):
        with pytest.raises(coupons.WrongCode) as refused:
            take(stage, mei, code, at=NOON + 2 * DAY)
        said.add(str(refused.value))
    assert len(said) == 1


def test_in_the_place_of_one_that_ended_a_code_gives_another(stage, mei):
    limited = stage.coupon_kind(member_limit=1, valid_days=3)
    [code] = codes_of(limited)
    stage.coupon(mei, of=limited)

    with pytest.raises(coupons.WrongCode):
        take(stage, mei, code)
    assert take(stage, mei, code, at=NOON + 10 * DAY)


def test_a_code_gives_no_coupon_that_could_not_be_used(stage, mei):
    kind = stage.coupon_kind(total_limit=1)
    [code] = codes_of(kind)
    stage.put_in(mei, stage.item("Lamp", prices=(catalogue.cash_price(6_000),)), "cash")
    stage.place(mei, use=[stage.coupon(mei, of=kind)])

    with pytest.raises(coupons.WrongCode):
        take(stage, stage.member("tom"), code)


def test_a_batch_is_made_once_for_its_key(stage):
    kind = stage.coupon_kind()
    codes_of(kind, count=3)

    with pytest.raises(coupons.AlreadyMade):
        codes_of(kind, count=3)
    with reading():
        assert [(batch.codes, batch.taken) for batch in coupons.batches_of(kind)] == [(3, 0)]


@pytest.mark.parametrize(("count", "each_for"), [(0, 1), (-1, 1), (5_001, 1), (1, 0), (1, 1_000_001)])
def test_batches_have_bounds(stage, count, each_for):
    with pytest.raises(coupons.BadNumber):
        codes_of(stage.coupon_kind(), count=count, each_for=each_for)
