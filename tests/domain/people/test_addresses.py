"""A member's addresses: as many as needed, one of them the default, none of them another's."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound
from mall.domain import people
from mall.domain.people.addresses import MOST_ADDRESSES
from tests import cast
from tests.conftest import NOON
from tests.threads import errors, race

HOME = people.AddressLines("Mei Lin", "Mill Lane 7", "Bath", "BA1 1AA", "GB")
WORK = people.AddressLines("Mei Lin", "Quay 1", "Bristol", "BS1 4UZ", "GB", line2="2nd floor", phone="+44 117 1")


@pytest.fixture
def mei(either):
    return cast.join("mei", at=NOON, terms=cast.open_shop(at=NOON))


def add(member_id, lines=HOME, **given):
    with transaction():
        return people.add_address(member_id, lines, at=NOON, **given)


def of(member_id):
    with reading():
        return [(row.id, row.is_default) for row in people.addresses_of(member_id)]


def test_the_first_address_is_the_default(mei):
    first, second = add(mei), add(mei, WORK)

    assert of(mei) == [(first, True), (second, False)]
    with reading():
        assert people.default_address(mei).line1 == "Mill Lane 7"


def test_another_can_be_made_the_default(mei):
    first, second, third = add(mei), add(mei, WORK), add(mei, WORK, as_default=True)
    assert of(mei) == [(third, True), (first, False), (second, False)]
    with transaction():
        people.make_default(mei, second)

    assert of(mei) == [(second, True), (first, False), (third, False)]


def test_removing_the_default_leaves_the_oldest_one(mei):
    first, second, third = add(mei), add(mei), add(mei, as_default=True)
    with transaction():
        people.remove_address(mei, third)
    assert of(mei) == [(first, True), (second, False)]
    for address in (first, second):
        with transaction():
            people.remove_address(mei, address)

    assert of(mei) == []


def test_an_address_is_changed_in_place(mei):
    first = add(mei)
    with transaction():
        people.edit_address(mei, first, replace(HOME, line1="Mill Lane 8"), at=NOON)

    with reading():
        assert people.address_of(mei, first).line1 == "Mill Lane 8"


def test_anothers_address_is_not_there(mei):
    theirs = add(mei)
    with transaction():
        tom = people.register(
            email=people.read_email("tom@tessera.example"),
            password=people.password_hash(cast.PASSWORD),
            display_name="Tom",
            language="en",
            wants_news=False,
            verify_page="",
            at=NOON,
        )
    for verb in (
        lambda: people.edit_address(tom, theirs, WORK, at=NOON),
        lambda: people.remove_address(tom, theirs),
        lambda: people.make_default(tom, theirs),
        lambda: people.address_of(tom, theirs),
    ):
        with pytest.raises(NotFound), transaction():
            verb()

    assert of(mei) == [(theirs, True)]


def test_the_list_has_an_end(mei):
    for _ in range(MOST_ADDRESSES):
        add(mei)

    with pytest.raises(people.TooManyAddresses, match="You have 20 addresses"):
        add(mei)


def test_addresses_added_at_once_have_one_default(mei, either):
    outcomes = race(either, [lambda: add(mei, as_default=True)] * 8)

    assert errors(outcomes) == []
    assert [default for _id, default in of(mei)] == [True] + [False] * 7


def test_who_edits_an_address_waits_for_its_member_before_it_is_touched(postgres_app):
    """Else who removes it meanwhile would wait for the editor, and the editor for them."""
    mei = cast.join("mei", at=NOON, terms=cast.open_shop(at=NOON))
    first, home = add(mei), add(mei)

    def edit():
        with postgres_app.app_context(), transaction():
            people.edit_address(mei, home, WORK, as_default=True, at=NOON)

    with ThreadPoolExecutor(1) as pool, transaction():
        people.make_default(mei, first)  # Holds the member, and nothing of the other address.
        edited = pool.submit(edit)
        while not edited.done() and execute(WAITING).scalar_one() == 0:
            threading.Event().wait(0.01)
        people.remove_address(mei, home)

    assert isinstance(edited.exception(), NotFound)
    assert of(mei) == [(first, True)]


WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
