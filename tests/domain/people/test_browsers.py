"""A browser is known to an account by a mark only the mall can make, for that account and that browser."""

import pytest

from mall.base.seals import configure_seals
from mall.domain import people
from mall.domain.people import browsers

OLA, FINN = people.read_email("ola@tessera.example"), people.read_email("finn@tessera.example")


@pytest.fixture(autouse=True)
def secret():
    configure_seals(["the present secret", "a former secret"])


def test_a_browser_is_known_to_the_accounts_it_was_in_with():
    held = browsers.remember(browsers.remember("", "staff", OLA), "staff", FINN)

    assert browsers.known_as(held, "staff", OLA) == browsers.known_as(held, "staff", FINN) == held.split(".")[0]


def test_it_is_known_at_one_door_and_to_no_other_account():
    held = browsers.remember("", "staff", OLA)

    assert browsers.known_as(held, "member", OLA) is None
    assert browsers.known_as(held, "staff", FINN) is None


def test_a_mark_is_worth_nothing_in_another_browser():
    _number, mark = browsers.remember("", "staff", OLA).split(".")

    assert browsers.known_as(f"another.{mark}", "staff", OLA) is None


def test_it_is_still_known_by_a_former_secret_but_not_by_one_that_is_gone():
    configure_seals(["a former secret"])
    held = browsers.remember("", "staff", OLA)

    configure_seals(["the present secret", "a former secret"])
    assert browsers.known_as(held, "staff", OLA)
    configure_seals(["the present secret"])
    assert browsers.known_as(held, "staff", OLA) is None


def test_it_is_known_to_its_last_five_accounts():
    accounts = [people.read_email(f"member{number}@tessera.example") for number in range(7)]
    held = ""
    for account in [*accounts, accounts[-1]]:
        held = browsers.remember(held, "member", account)

    assert [browsers.known_as(held, "member", each) is not None for each in accounts] == [False] * 2 + [True] * 5
    assert len(held) <= browsers.LONGEST


@pytest.mark.parametrize("held", ["", ".", "a", "a.b", "\xe9.b", "a." * 500])
def test_what_was_made_up_is_no_mark(held):
    assert browsers.known_as(held, "staff", OLA) is None
