"""A sign-in is good while it lasts, is complete, and its person may come in; one statement says so."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.base.seals import unseal
from mall.domain import people
from mall.domain.people.totp import SEALED_FOR
from tests import cast
from tests.conftest import NOON
from tests.threads import errors, race

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def mei(either):
    return cast.join("mei", at=NOON, terms=cast.open_shop(at=NOON))


@pytest.fixture
def ola(either):
    return cast.hire("ola", at=NOON)


def enter(**whose):
    with transaction():
        return people.open_sign_in(**whose, at=NOON)


def holder(token, at=NOON):
    with reading():
        return people.person_of(token, at=at)


def test_a_token_says_whose_it_is(mei, ola):
    member, staff = holder(enter(member_id=mei)), holder(enter(staff_id=ola))

    assert (member.actor, member.name, member.verified, member.roles) == (f"member:{mei}", "Mei", True, frozenset())
    assert (staff.actor, staff.name, staff.roles) == (f"staff:{ola}", "Ola", frozenset({"operator"}))
    assert staff.may("operate")
    assert not staff.may("finance")
    assert not member.may("operate")


def test_one_statement_finds_the_person(app, count_statements):
    mei = cast.join("mei", at=NOON, terms=cast.open_shop(at=NOON))
    token = enter(member_id=mei)
    count_statements.clear()

    assert holder(token)
    assert len(count_statements) == 1


def test_the_token_is_stored_hashed(mei):
    token = enter(member_id=mei)

    with reading():
        rows = execute(select(people.SignIn)).all()
    assert len(token) >= 43
    assert token not in str(rows)


@pytest.mark.parametrize("token", ["", "unknown", "x" * 5_000])
def test_an_unknown_token_is_nobodys(either, token):
    assert holder(token) is None


def test_a_members_sign_in_lasts_thirty_days_unused(mei):
    token = enter(member_id=mei)

    assert holder(token, NOON + 30 * DAY)
    assert holder(token, NOON + 30 * DAY + MINUTE) is None


def test_a_staff_sign_in_lasts_two_hours_unused_and_twelve_in_all(ola):
    token = enter(staff_id=ola)
    assert holder(token, NOON + 2 * HOUR + MINUTE) is None

    for hours in range(1, 13):
        person = holder(token, NOON + hours * HOUR)
        assert person is not None
        with transaction():
            people.note_seen(person, at=NOON + hours * HOUR)
    assert holder(token, NOON + 12 * HOUR + MINUTE) is None


def test_a_visit_is_noted_once_in_five_minutes(mei):
    token = enter(member_id=mei)
    assert not people.to_be_noted(holder(token), at=NOON + 4 * MINUTE)
    person = holder(token)
    assert people.to_be_noted(person, at=NOON + 5 * MINUTE)
    with transaction():
        people.note_seen(person, at=NOON + 5 * MINUTE)
        people.note_seen(person, at=NOON + 9 * MINUTE)

    with reading():
        assert people.member_of(mei).last_seen_at == NOON + 5 * MINUTE


def test_ending_the_others_keeps_one(mei):
    one, other, third = (enter(member_id=mei) for _ in range(3))
    with transaction():
        assert people.end_sign_ins(member_id=mei, but=holder(one).sign_in_id, at=NOON) == 2

    assert holder(one)
    assert holder(other) is None
    assert holder(third) is None


def test_half_a_sign_in_opens_nothing_and_waits_ten_minutes(ola):
    token = enter(staff_id=ola, passed=False)
    assert holder(token) is None
    with reading():
        assert people.half_in(token, at=NOON + 11 * MINUTE) is None
        half = people.half_in(token, at=NOON + 9 * MINUTE)
    assert (half.staff_id, half.enrolled) == (ola, False)
    with transaction():
        whole = people.pass_second_factor(half.sign_in_id, at=NOON)

    assert holder(token) is None
    assert holder(whole).id == ola
    with reading():
        assert people.half_in(whole, at=NOON) is None


def phone_of(staff_id):
    with transaction():
        people.prepare_totp(staff_id)
        people.prepare_totp(staff_id)
    with reading():
        address, secret = people.totp_address(staff_id, shop="Tessera")
        assert unseal(people.staff_of(staff_id).totp_secret, purpose=SEALED_FOR) == secret
    assert address.startswith("otpauth://totp/Tessera:ola%40tessera.example")
    return pyotp.TOTP(secret)


def test_a_code_of_the_neighbouring_half_minute_fits_an_older_one_does_not(ola):
    phone = phone_of(ola)
    for late, fits in ((-30, True), (0, True), (30, True), (60, False), (-60, False)):
        code = phone.at(NOON + timedelta(seconds=late))
        with transaction():
            people.reset_totp(ola, by="system", at=NOON)
        phone = phone_of(ola)
        code = phone.at(NOON + timedelta(seconds=late))
        if fits:
            with transaction():
                people.confirm_totp(ola, code, at=NOON)
        else:
            with pytest.raises(people.WrongCode), transaction():
                people.confirm_totp(ola, code, at=NOON)


def test_one_code_used_by_many_at_once_lets_one_in(either, ola):
    phone = phone_of(ola)
    with transaction():
        people.confirm_totp(ola, phone.at(NOON), at=NOON)
    code = phone.at(NOON + 5 * MINUTE)

    def give():
        with transaction():
            people.check_code(ola, code, at=NOON + 5 * MINUTE)
        return "in"

    outcomes = race(either, [give] * 8)

    assert outcomes.count("in") == 1
    assert {type(error) for error in errors(outcomes)} == {people.WrongCode}


def test_a_recovery_code_used_by_many_at_once_lets_one_in(either, ola):
    phone = phone_of(ola)
    with transaction():
        codes = people.confirm_totp(ola, phone.at(NOON), at=NOON)

    def give():
        with transaction():
            people.check_code(ola, codes[3], at=NOON)
        return "in"

    outcomes = race(either, [give] * 8)

    assert outcomes.count("in") == 1


def test_new_recovery_codes_end_the_old_ones(either, ola):
    phone = phone_of(ola)
    with transaction():
        old = people.confirm_totp(ola, phone.at(NOON), at=NOON)
        new = people.new_recovery_codes(ola)

    with pytest.raises(people.WrongCode), transaction():
        people.check_code(ola, old[0], at=NOON)
    with transaction():
        people.check_code(ola, new[0], at=NOON)


def test_what_is_long_over_is_swept(either, mei):
    enter(member_id=mei)
    with transaction():
        assert people.sweep_sign_ins(before=NOON) == 0
        assert people.sweep_sign_ins(before=NOON + DAY) == 1
        assert people.sweep_tokens(before=NOON) == 0
        assert people.sweep_tokens(before=NOON + 4 * DAY) == 1
