"""Many at once reach for the last coupon, for one coupon, for one code: one of them has it.

Each race has a twin in which a figure is read before it is written: there the same people break the promise.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, coupons, ledger
from mall.domain.coupons import codes, given, giving_by_hand, giving_packs
from tests.concurrency.test_selling import crowd
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 16
SECONDS = 40
CROWD = 100


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def together() -> Callable[[], None]:
    """Let the threads of a race meet once, at the place that calls this."""
    return meeting(THREADS)


def refusals(outcomes: list[Any]) -> set[type]:
    return {type(error) for error in errors(outcomes)}


def count(model: Any, *conditions: Any) -> int:
    with reading():
        return execute(select(func.count()).select_from(model).where(*conditions)).scalar_one()


# The last coupon, a hundred buyers.


def all_use_the_last(app: Flask, stage: Stage, buyers: int) -> list[Any]:
    """Let buyers, each with a coupon of a kind of which one may be used in all, place their baskets at once."""
    prices = (catalogue.points_price(100), catalogue.mix_price(5_000, least=100, most=100, step=100))
    lamp = stage.item("Lamp", prices=prices, stock=1_000)
    members = crowd(stage, buyers, lamp)
    kind = stage.coupon_kind(total_limit=1)
    jobs = []
    with transaction():
        for member_id in members:
            checkout.put_in(
                checkout.Owner(member_id=member_id), variant_id=lamp.variant_id, option_id=lamp.options["mix"],
                points_each=100, at=NOON,
            )  # fmt: skip
            coupons.give_by_hand(kind, member_id, key=f"{member_id}", terms=stage.terms, by="staff:1", at=NOON)
    for member_id in members:
        with reading():
            [mine] = coupons.ready(member_id, product_ids=[], at=NOON)
        basket, priced = stage.price(member_id, use=[mine.id])
        jobs.append(
            lambda m=member_id, c=mine.id, k=basket.key, s=priced.quote.fingerprint: stage.place(
                m, use=[c], key=k, shown=s
            )
        )
    return race(app, jobs, threads=THREADS, seconds=SECONDS)


def test_the_last_coupon_is_used_by_one_of_a_hundred_buyers(postgres_app, stage):
    outcomes = all_use_the_last(postgres_app, stage, CROWD)

    assert refusals(outcomes) == {coupons.UsedUp}
    assert len(errors(outcomes)) == CROWD - 1
    assert count(coupons.Coupon, coupons.Coupon.state == "used") == 1
    assert count(checkout.Order) == 1


@pytest.fixture
def total_read_first(monkeypatch: pytest.MonkeyPatch, together: Callable[[], None]) -> None:
    """Look how many were used, then write how many are: not one statement, and nothing locked."""

    def count_used(template_ids: list[int]) -> int:
        template = coupons.CouponTemplate
        moved = 0
        for template_id in template_ids:
            row = execute(select(template.used, template.total_limit).where(template.id == template_id)).one()
            together()
            if row.used < row.total_limit:
                execute(update(template).where(template.id == template_id).values(used=row.used + 1))
                moved += 1
        return moved

    monkeypatch.setattr(given, "_count_used", count_used)


@pytest.mark.breaks_the_books
def test_a_total_that_is_read_first_is_passed(postgres_app, stage, total_read_first):
    outcomes = all_use_the_last(postgres_app, stage, 2 * THREADS)

    assert refusals(outcomes) <= {coupons.UsedUp}
    assert count(coupons.Coupon, coupons.Coupon.state == "used") > 1


# One coupon, thirty orders of one member.


def all_reach_for_one(app: Flask, stage: Stage) -> list[Any]:
    """Let thirty orders of one member use the same coupon at once, as if each had seen it free."""
    mei = stage.member("mei")
    stage.coupon(mei)
    with reading():
        [mine] = coupons.ready(mei, product_ids=[], at=NOON)

    def use(number: int) -> None:
        with transaction():
            ledger.lock(mei, zone=stage.terms.zone)
            coupons.use([mine], member_id=mei, reference=f"order:{number}", at=NOON)

    return race(app, [lambda n=n: use(n) for n in range(1, 31)], threads=THREADS, seconds=SECONDS)


@pytest.mark.breaks_the_books  # There are no such orders.
def test_sec_57_one_coupon_is_for_one_of_thirty_orders(postgres_app, stage):
    outcomes = all_reach_for_one(postgres_app, stage)

    assert refusals(outcomes) == {coupons.CouponGone}
    assert len(errors(outcomes)) == 29


@pytest.mark.breaks_the_books
def test_a_coupon_that_is_looked_at_first_is_used_for_many(postgres_app, stage, monkeypatch, together):
    def use(chosen: list[coupons.Ready], *, member_id: int, reference: str, at: Any) -> None:
        coupon = coupons.Coupon
        [mine] = chosen
        state = execute(select(coupon.state).where(coupon.id == mine.id)).scalar_one()
        together()
        if state != "usable":
            raise coupons.CouponGone()
        execute(update(coupon).where(coupon.id == mine.id).values(state="used", used_for=reference, used_at=at))

    monkeypatch.setattr(coupons, "use", use)
    monkeypatch.setattr(ledger, "lock", lambda *_who, **_where: None)

    outcomes = all_reach_for_one(postgres_app, stage)

    assert len(errors(outcomes)) < 29


# One code, a hundred members.


def all_type_one_code(app: Flask, stage: Stage, members: int) -> list[Any]:
    lamp = stage.item("Lamp", prices=(catalogue.points_price(100),))
    ids = crowd(stage, members, lamp)
    kind = stage.coupon_kind()
    with transaction():
        [code] = coupons.make_codes(kind, count=1, key="k", by="staff:1", at=NOON)

    def take(member_id: int) -> int:
        with transaction():
            return coupons.take_code(member_id, code, terms=stage.terms, at=NOON)

    return race(app, [lambda m=m: take(m) for m in ids], threads=THREADS, seconds=SECONDS)


def test_sec_58_a_code_for_one_is_taken_by_one_of_a_hundred_members(postgres_app, stage):
    outcomes = all_type_one_code(postgres_app, stage, CROWD)

    assert refusals(outcomes) == {coupons.WrongCode}
    assert len(errors(outcomes)) == CROWD - 1
    assert count(coupons.Coupon) == 1


@pytest.mark.breaks_the_books
def test_a_code_that_is_read_first_is_taken_by_many(postgres_app, stage, monkeypatch, together):
    def count_taken(code_id: int) -> bool:
        code = coupons.CouponCode
        row = execute(select(code.taken, code.each_for).where(code.id == code_id)).one()
        together()
        if row.taken >= row.each_for:
            return False
        execute(update(code).where(code.id == code_id).values(taken=row.taken + 1))
        return True

    monkeypatch.setattr(codes, "count_taken", count_taken)

    outcomes = all_type_one_code(postgres_app, stage, 2 * THREADS)

    assert count(coupons.Coupon) > 1
    assert refusals(outcomes) <= {coupons.WrongCode}


# The last pack, a hundred members; and one member who may have one, in thirty ways at once.


def pack_for(stage: Stage, **limits: int) -> int:
    kind = stage.coupon_kind()
    with transaction():
        return coupons.make_pack(key="pack", title={"en": "Welcome"}, parts={kind: 3}, by="staff:1", at=NOON, **limits)


def all_reach_for_the_last_pack(app: Flask, stage: Stage, members: int) -> list[Any]:
    lamp = stage.item("Lamp", prices=(catalogue.points_price(100),))
    ids, pack = crowd(stage, members, lamp), pack_for(stage, total_limit=1)

    def give(member_id: int) -> None:
        with transaction():
            coupons.give_pack(pack, member_id, reference="level:3", terms=stage.terms, at=NOON)

    return race(app, [lambda m=m: give(m) for m in ids], threads=THREADS, seconds=SECONDS)


def test_the_last_pack_is_had_whole_by_one_of_a_hundred_members(postgres_app, stage):
    outcomes = all_reach_for_the_last_pack(postgres_app, stage, CROWD)

    assert refusals(outcomes) == {coupons.GivenUp}
    assert len(errors(outcomes)) == CROWD - 1
    assert count(coupons.Coupon) == 3


@pytest.mark.breaks_the_books
def test_a_last_pack_that_is_read_first_is_had_by_many(postgres_app, stage, monkeypatch, together):
    def count_packs(pack_id: int, packs: int = 1) -> bool:
        template = coupons.CouponTemplate
        row = execute(select(template.used, template.total_limit).where(template.id == pack_id)).one()
        together()
        if row.used >= row.total_limit:
            return False
        execute(update(template).where(template.id == pack_id).values(used=row.used + 1))
        return True

    monkeypatch.setattr(giving_packs, "count_packs", count_packs)

    outcomes = all_reach_for_the_last_pack(postgres_app, stage, 2 * THREADS)

    assert count(coupons.GivenPack) > 1
    assert refusals(outcomes) <= {coupons.GivenUp}


def one_member_reaches_for_thirty(app: Flask, stage: Stage) -> list[Any]:
    mei, pack = stage.member("mei"), pack_for(stage, member_limit=1)

    def give(number: int) -> None:
        with transaction():
            coupons.give_pack(pack, mei, reference=f"level:{number}", terms=stage.terms, at=NOON)

    return race(app, [lambda n=n: give(n) for n in range(30)], threads=THREADS, seconds=SECONDS)


def test_one_member_has_one_pack_of_thirty(postgres_app, stage):
    outcomes = one_member_reaches_for_thirty(postgres_app, stage)

    assert refusals(outcomes) == {coupons.HadOften}
    assert count(coupons.GivenPack) == 1 and count(coupons.Coupon) == 3


@pytest.mark.breaks_the_books
def test_without_the_purse_s_lock_one_member_has_many(postgres_app, stage, monkeypatch, together):
    had_by = giving_packs.had_by

    def look(*who: Any, **what: Any) -> Any:
        found = had_by(*who, **what)
        together()
        return found

    monkeypatch.setattr(giving_packs, "had_by", look)
    monkeypatch.setattr(ledger, "lock", lambda *_who, **_where: None)

    one_member_reaches_for_thirty(postgres_app, stage)

    assert count(coupons.GivenPack) > 1


# The only coupon one member may have, given at the desk by many.


def all_give_it(app: Flask, stage: Stage, mei: int, kind: int) -> list[Any]:
    def unit(number: int) -> Any:
        with transaction():
            return coupons.give_by_hand(kind, mei, key=f"k{number}", terms=stage.terms, by="staff:1", at=NOON)

    jobs = [lambda number=number: unit(number) for number in range(THREADS)]
    return race(app, jobs, threads=THREADS, seconds=SECONDS)


def test_a_coupon_that_many_give_by_hand_is_had_as_often_as_one_member_may(postgres_app, stage):
    mei, kind = stage.member("mei"), stage.coupon_kind(member_limit=1)

    outcomes = all_give_it(postgres_app, stage, mei, kind)

    assert refusals(outcomes) == {coupons.HadOften}
    assert count(coupons.Coupon, coupons.Coupon.member_id == mei) == 1


def test_without_the_purse_s_lock_many_give_it_by_hand_and_it_is_had_too_often(
    postgres_app, stage, monkeypatch, together
):
    mei, kind = stage.member("mei"), stage.coupon_kind(member_limit=1)
    counted = giving_by_hand.why_not_given_to

    def met(*which: Any, at: Any) -> Any:
        found = counted(*which, at=at)
        together()
        return found

    monkeypatch.setattr(ledger, "lock", lambda member_id, *, zone: None)
    monkeypatch.setattr(giving_by_hand, "why_not_given_to", met)

    all_give_it(postgres_app, stage, mei, kind)

    assert count(coupons.Coupon, coupons.Coupon.member_id == mei) > 1


# Two who are given several packs with totals, in opposite order.


def both_are_given_both(app: Flask, stage: Stage, *, lock: bool, meet: Callable[[], None]) -> list[Any]:
    """Let two members at once be given two packs of which there are so many, the one first this, the other that."""
    inside = [stage.coupon_kind(), stage.coupon_kind()]
    with transaction():
        first, second = (
            coupons.make_pack(
                key=f"pack {part}", parts={part: 2}, title={"en": "Welcome"}, total_limit=5, by="staff:1", at=NOON
            )
            for part in inside
        )
    mei, tom = stage.member("mei"), stage.member("tom")

    def given(member_id: int, packs: list[int]) -> list[int]:
        with transaction():
            ledger.lock(member_id, zone=stage.terms.zone)
            if lock:
                coupons.lock_packs(packs)
            coupons.give_for(packs[0], member_id, reference="level:2", terms=stage.terms, at=NOON)
            meet()
            return coupons.give_for(packs[1], member_id, reference="level:3", terms=stage.terms, at=NOON)

    jobs = [lambda: given(mei, [first, second]), lambda: given(tom, [second, first])]
    return race(app, jobs, threads=2, seconds=SECONDS)


def test_two_who_are_given_several_packs_in_opposite_order_do_not_deadlock(postgres_app, stage):
    outcomes = both_are_given_both(postgres_app, stage, lock=True, meet=meeting(2))

    assert errors(outcomes) == []
    assert count(coupons.GivenPack) == 4


def test_packs_that_are_counted_as_they_come_deadlock(postgres_app, stage):
    outcomes = both_are_given_both(postgres_app, stage, lock=False, meet=meeting(2))

    assert [type(error.orig) for error in errors(outcomes)] == [psycopg.errors.DeadlockDetected]


# Two orders with the same kinds that have a total: one is placed, one is called off.


def place_and_call_off(app: Flask, stage: Stage) -> list[Any]:
    """Use three kinds for an order while another that used them is over; both meet at the second of them, held until
    both wait. As the rows lie, the first kind comes last.
    """
    mei = stage.member("mei")
    kinds = [stage.coupon_kind(total_limit=10, stackable=True) for _each in range(3)]
    for kind in kinds:
        stage.coupon(mei, of=kind)
    template = coupons.CouponTemplate
    with transaction():
        coupons.use(coupons.ready(mei, product_ids=[], at=NOON), member_id=mei, reference="order:1", at=NOON)
    for kind in reversed(kinds):  # A row that is written lies behind all others from then on.
        with transaction():
            execute(update(template).where(template.id == kind).values(used=template.used))

    def hold() -> None:
        with transaction():
            execute(select(template.id).where(template.id == kinds[1]).with_for_update())
            until = time.monotonic() + 5
            while execute(_WAITING).scalar_one() < 2 and time.monotonic() < until:
                time.sleep(0.01)

    def use() -> None:
        time.sleep(0.2)
        with transaction():
            given._count_used(kinds)

    def come_back() -> list[int]:
        time.sleep(0.4)
        with transaction():
            return coupons.come_back("order:1", at=NOON)

    return race(app, [hold, use, come_back], threads=3, seconds=SECONDS)


_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.mark.breaks_the_books  # There are no such orders.
def test_an_order_placed_and_one_called_off_count_their_kinds_in_one_order(postgres_app, stage):
    outcomes = place_and_call_off(postgres_app, stage)

    assert not errors(outcomes)
    assert len(outcomes[2]) == 3
    assert count(coupons.CouponTemplate, coupons.CouponTemplate.used == 1) == 3  # One back, one used anew.


@pytest.mark.breaks_the_books
def test_kinds_counted_as_their_rows_lie_deadlock(postgres_app, stage, monkeypatch):
    def count_back(template_ids: list[int]) -> None:
        template = coupons.CouponTemplate
        execute(update(template).where(template.id.in_(template_ids)).values(used=template.used - 1))

    monkeypatch.setattr(given, "_count_back", count_back, raising=False)

    outcomes = place_and_call_off(postgres_app, stage)

    assert [type(error.orig) for error in errors(outcomes)] == [psycopg.errors.DeadlockDetected]
