"""A member binds an account at a partner's by its link and their consent, and unbinds it; it is one member's."""

from datetime import timedelta

import pytest

from mall.base.db import reading, transaction
from mall.base.errors import NotFound
from mall.domain import partners, people, programme
from tests.domain.partners.conftest import NOON


def invite(rides, account="rider-7", *, at=NOON):
    with transaction():
        return partners.invite(rides.partner_id, account, at=at)[0]


def bind(member_id, token, *, at=NOON):
    with transaction():
        return partners.bind(member_id, token, terms=programme.current(at), at=at)


def bound(member_id):
    with reading():
        return [(each.partner, each.account) for each in partners.bindings_of(member_id)]


def test_what_is_bought_with_a_bound_account_is_the_members(mei, till, purse):
    rides = till()
    invited, rewards = bind(mei, invite(rides))

    rides.buy(mei, 1_000, account="rider-7")

    assert (invited.partner, invited.account, rewards) == ("Rides", "rider-7", ())
    assert bound(mei) == [("Rides", "rider-7")]
    assert purse(mei)[0] == 100


def test_a_link_is_good_once_and_for_half_an_hour(mei, tom, till):
    rides = till()
    token = invite(rides)
    bind(mei, token)
    with pytest.raises(people.DeadLink):
        bind(tom, token)
    late = invite(rides, "rider-8")
    with pytest.raises(people.DeadLink):
        bind(tom, late, at=NOON + timedelta(minutes=30))


def test_a_newer_link_for_an_account_ends_the_one_before(mei, till):
    rides = till()
    first, second = invite(rides), invite(rides)
    with pytest.raises(people.DeadLink):
        bind(mei, first)
    bind(mei, second)


def test_an_account_is_one_members_and_a_member_has_one_at_a_partner(mei, tom, till):
    rides = till()
    bind(mei, invite(rides))
    with pytest.raises(partners.AlreadyBound):
        invite(rides)
    other = invite(rides, "rider-8")
    with pytest.raises(partners.BoundElsewhere, match="another account at Rides"):
        bind(mei, other)
    bind(tom, other)
    assert bound(tom) == [("Rides", "rider-8")]


def test_an_unbound_account_earns_nothing_and_may_be_bound_again(mei, tom, till, purse):
    rides = till()
    bind(mei, invite(rides))
    with reading():
        (mine,) = partners.bindings_of(mei)
    with pytest.raises(NotFound), transaction():
        partners.unbind(tom, mine.id, at=NOON)
    for _twice in range(2):
        with transaction():
            partners.unbind(mei, mine.id, at=NOON)

    with pytest.raises(partners.UnknownMember):
        rides.buy(mei, 1_000, account="rider-7")
    bind(tom, invite(rides))
    rides.buy(tom, 1_000, account="rider-7")
    assert (purse(mei)[0], purse(tom)[0]) == (0, 100)


def test_a_replay_answers_the_same_though_the_account_was_unbound_since(mei, till):
    rides = till()
    bind(mei, invite(rides))
    rides.buy(mei, 1_000, account="rider-7", reference="R-7", key="k")
    with reading():
        (mine,) = partners.bindings_of(mei)
    with transaction():
        partners.unbind(mei, mine.id, at=NOON)

    assert rides.buy(mei, 1_000, account="rider-7", reference="R-7", key="k").again


def test_binding_is_a_task_where_the_shop_pays_for_it(app, mei, till, shop, purse):
    rides = till()
    settings = programme.settings_of(shop)
    for task in settings["tasks"]:
        task["active"] = task["active"] or task["key"] == "bind_account"
    terms = programme.terms_of(shop.version, settings)
    token = invite(rides)
    with transaction():
        _invited, rewards = partners.bind(mei, token, terms=terms, at=NOON)
    with reading():
        (mine,) = partners.bindings_of(mei)
    with transaction():
        partners.unbind(mei, mine.id, at=NOON)
    again = invite(rides)
    with transaction():
        _invited, nothing = partners.bind(mei, again, terms=terms, at=NOON)

    assert [reward.points for reward in rewards] == [30]
    assert nothing == ()
    assert purse(mei)[0] == 30
