"""Members register once, prove their e-mail, and say of themselves what they like, the birthday once a year."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from mall.base.db import again, execute, reading, transaction
from mall.base.errors import NotFound
from mall.domain import audit, notices, people
from mall.domain.people.member_numbers import check_digit, new_number
from tests import cast
from tests.conftest import NOON
from tests.threads import race

PAGE = "https://shop.example.com/verify-email/"
DAY = timedelta(days=1)


def register(email="new@tessera.example", *, at=NOON, name="New"):
    hashed = people.password_hash(cast.PASSWORD)
    with transaction():
        return people.register(
            email=people.read_email(email),
            password=hashed,
            display_name=name,
            language="zh",
            wants_news=True,
            verify_page=PAGE,
            at=at,
        )


def member(member_id):
    with reading():
        return people.member_of(member_id)


def mails(kind):
    with reading():
        query = select(notices.Notice).where(notices.Notice.kind == kind).order_by(notices.Notice.id)
        return execute(query).all()


def token_of(kind):
    return mails(kind)[-1].details["link"].rpartition("/")[2]


def test_a_new_member_gets_the_link_that_verifies(either):
    member_id = register()

    row = member(member_id)
    assert (row.email, row.display_name, row.language) == ("new@tessera.example", "New", "zh")
    assert row.marketing_consent_at == NOON
    assert row.verified_at is None
    [mail] = mails("verify_email")
    assert mail.member_id == member_id
    assert mail.details["link"].startswith(PAGE)


def test_a_known_email_makes_nobody_and_its_owner_is_told_once_a_day(either):
    owner = register()

    assert register("NEW+other@tessera.example") is None
    assert register("new@tessera.example") is None
    assert register("new@tessera.example", at=NOON + DAY) is None
    assert [mail.member_id for mail in mails("email_known")] == [owner, owner]


def test_two_registering_at_once_are_one_member(either):
    outcomes = race(either, [lambda: again(register)] * 6, threads=6)

    assert len([outcome for outcome in outcomes if outcome is not None]) == 1
    assert len([outcome for outcome in outcomes if isinstance(outcome, int)]) == 1


def test_a_link_verifies_once(either):
    member_id = register()
    token = token_of("verify_email")
    with transaction():
        assert people.verify(token, at=NOON + DAY) == member_id
    assert member(member_id).verified_at == NOON + DAY

    with pytest.raises(people.DeadLink), transaction():
        people.verify(token, at=NOON + DAY)


def test_a_link_verifies_for_three_days(either):
    register()
    with pytest.raises(people.DeadLink), transaction():
        people.verify(token_of("verify_email"), at=NOON + 3 * DAY)


def test_a_link_sent_to_an_old_address_verifies_nothing(either):
    member_id = register()
    old = token_of("verify_email")
    with transaction():
        people.ask_email_change(member_id, people.read_email("other@tessera.example"), page=PAGE, at=NOON)
    with transaction():
        people.change_email(token_of("confirm_email"), at=NOON)

    with pytest.raises(people.DeadLink), transaction():
        people.verify(old, at=NOON)
    assert member(member_id).email == "other@tessera.example"
    assert member(member_id).verified_at == NOON


def test_a_verified_member_is_not_asked_again(either):
    member_id = register()
    with transaction():
        people.verify(token_of("verify_email"), at=NOON)
        people.ask_to_verify(member_id, page=PAGE, at=NOON)

    assert len(mails("verify_email")) == 1


def test_an_email_taken_in_the_meantime_is_refused(either):
    first, _second = register("one@tessera.example"), register("two@tessera.example")
    with transaction():
        people.ask_email_change(first, people.read_email("free@tessera.example"), page=PAGE, at=NOON)
    register("free@tessera.example")

    with pytest.raises(people.EmailTaken), transaction():
        people.change_email(token_of("confirm_email"), at=NOON)
    assert member(first).email == "one@tessera.example"


def test_a_new_reset_link_outlives_the_first_until_one_is_used(either):
    register()
    for _ in range(2):
        with transaction():
            people.ask_reset(people.read_email("new@tessera.example"), page=PAGE, at=NOON)
    first, second = (mail.details["link"].rpartition("/")[2] for mail in mails("reset_password"))
    sealed = people.password_hash("eight copper kettles")
    with transaction():
        people.reset_password(second, sealed, at=NOON)

    with pytest.raises(people.DeadLink), transaction():
        people.reset_password(first, sealed, at=NOON)


def test_a_link_is_mailed_although_an_older_one_was_swept_away(either):
    """SQLite gives the id of the last row that was deleted to the next: nothing may go by it that is sent once."""
    mei = member(register())
    for at in (NOON, NOON + timedelta(days=4)):
        with transaction():
            people.sweep_tokens(before=at)
            people.ask_to_verify(mei.id, page="", at=at)

    assert len(mails("verify_email")) == 3


def freeze(member_id, verb=people.freeze_member, *, own=None):
    with transaction():
        verb(member_id, own_member_id=own, by="staff:1", reason="Points for parcels", at=NOON)


def test_a_frozen_member_gets_no_reset_link(either):
    member_id = register()
    freeze(member_id)
    with transaction():
        people.ask_reset(people.read_email("new@tessera.example"), page=PAGE, at=NOON)
    assert mails("reset_password") == []

    freeze(member_id, people.unfreeze_member)
    assert member(member_id).deactivated_at is None


def test_freezing_twice_is_freezing_once(either):
    member_id = register()
    for verb in (people.freeze_member, people.unfreeze_member):
        for _press in range(2):
            freeze(member_id, verb)

    with reading():
        acts = [(act.act, act.reason) for act in audit.entries(subject=f"member:{member_id}", limit=10)]
    assert acts == [("member.unfrozen", "Points for parcels"), ("member.frozen", "Points for parcels")]


def test_nobody_freezes_or_unfreezes_their_own_account_nor_one_that_there_is_not(either):
    member_id = register()
    for verb in (people.freeze_member, people.unfreeze_member):
        with pytest.raises(people.OwnAccount, match="for a colleague"):
            freeze(member_id, verb, own=member_id)
        with pytest.raises(NotFound):
            freeze(member_id + 1, verb)


def save(member_id, *, at, **said):
    values = {"display_name": "New", "birthday": None, "phone": "", "language": "en", "wants_news": False}
    with transaction():
        people.save_profile(member_id, **(values | said), at=at)


def test_a_birthday_changes_once_in_365_days(either):
    member_id = register()
    save(member_id, birthday=date(1990, 5, 1), at=NOON)

    with pytest.raises(people.BirthdayRests, match="2027-03-02"):
        save(member_id, birthday=date(1990, 5, 2), display_name="Other", at=NOON + 364 * DAY)
    assert member(member_id).display_name == "New"
    save(member_id, birthday=date(1990, 5, 1), display_name="Other", at=NOON + DAY)
    save(member_id, birthday=date(1990, 5, 2), at=NOON + 365 * DAY)

    assert member(member_id).birthday == date(1990, 5, 2)


def test_consent_keeps_the_day_it_was_given(either):
    member_id = register()
    save(member_id, wants_news=True, at=NOON + DAY)
    assert member(member_id).marketing_consent_at == NOON
    save(member_id, at=NOON + DAY)
    assert member(member_id).marketing_consent_at is None


def test_nobody_is_not_there(either):
    with pytest.raises(NotFound), reading():
        people.member_of(77)


def test_a_member_number_shows_a_mistyped_digit():
    numbers = {new_number() for _ in range(200)}

    assert len(numbers) == 200
    for number in numbers:
        assert len(number) == 10
        assert check_digit(number[:-1]) == int(number[-1])
        mistyped = str((int(number[0]) + 1) % 10) + number[1:]
        assert check_digit(mistyped[:-1]) != int(mistyped[-1])


@pytest.mark.parametrize(
    ("name", "seen"),
    [("Chen Meilin", "Chen"), ("Mei", "Mei"), ("陈美玲", "陈**"), ("欧阳", "欧**"), ("", ""), ("美", "美")],
)
def test_others_see_the_first_name_only(name, seen):
    assert people.first_name_of(name) == seen
