"""Staff come by a one-time link, may do what their roles say, and there is always an administrator."""

from datetime import timedelta

import pytest

from mall.base.db import reading, transaction
from mall.domain import audit, people
from tests import cast
from tests.conftest import NOON
from tests.threads import race

DAY = timedelta(days=1)


@pytest.fixture
def ada(either):
    return cast.hire("ada", at=NOON)


@pytest.fixture
def ola(either):
    return cast.hire("ola", at=NOON)


def hire(email, roles, *, by="system"):
    with transaction():
        return people.add_staff(people.read_email(email), name="Someone", roles=roles, by=by, at=NOON)


def able_to(permission):
    with reading():
        return people.staff_able_to(permission)


def test_a_role_opens_its_permissions(ada, ola):
    finn = cast.hire("finn", at=NOON)

    assert able_to("operate") == [ada, ola]
    assert able_to("finance") == [ada, finn]
    assert able_to("admin") == [ada]


def test_the_link_sets_a_password_once_within_three_days(either):
    staff_id, token = hire("new@tessera.example", ["operator"])
    sealed = people.password_hash(cast.PASSWORD)
    with pytest.raises(people.DeadLink), transaction():
        people.set_staff_password(token, sealed, at=NOON + 3 * DAY)
    with transaction():
        assert people.set_staff_password(token, sealed, at=NOON + DAY) == staff_id
    with pytest.raises(people.DeadLink), transaction():
        people.set_staff_password(token, sealed, at=NOON + DAY)


def test_a_fresh_link_ends_the_one_before(ola):
    with transaction():
        first = people.new_set_up_token(ola, by="staff:9", at=NOON)
        second = people.new_set_up_token(ola, by="staff:9", at=NOON)

    with reading():
        assert people.alive("staff_set_up", second, at=NOON).staff_id == ola
        with pytest.raises(people.DeadLink):
            people.alive("staff_set_up", first, at=NOON)


def test_an_email_is_on_the_staff_once(ola):
    with pytest.raises(people.StaffKnown):
        hire("OLA+x@tessera.example", ["finance"])


@pytest.mark.parametrize("roles", [[], ["owner"], ["operator", "root"]])
def test_a_role_we_do_not_know_is_refused(either, roles):
    with pytest.raises(people.RolesMissing):
        hire("new@tessera.example", roles)


def test_the_last_administrator_stays(ada):
    for act in (
        lambda: people.deactivate_staff(ada, by="system", reason="left", at=NOON),
        lambda: people.change_roles(ada, ["operator"], by="system", at=NOON),
    ):
        with pytest.raises(people.LastAdmin), transaction():
            act()

    assert able_to("admin") == [ada]


def test_nobody_changes_their_own_access(ada):
    for act in (
        lambda: people.deactivate_staff(ada, by=f"staff:{ada}", reason="left", at=NOON),
        lambda: people.change_roles(ada, ["admin", "finance"], by=f"staff:{ada}", at=NOON),
    ):
        with pytest.raises(people.NotOneself), transaction():
            act()


def test_two_administrators_cannot_remove_each_other_at_once(either, ada):
    other, _token = hire("bea@tessera.example", ["admin"])

    def remove(whom, by):
        with transaction():
            people.deactivate_staff(whom, by=f"staff:{by}", reason="left", at=NOON)

    outcomes = race(either, [lambda: remove(ada, other), lambda: remove(other, ada)])

    assert [type(outcome) for outcome in outcomes if outcome is not None] == [people.LastAdmin]
    assert len(able_to("admin")) == 1


def test_every_act_is_in_the_audit(ada, ola):
    with transaction():
        people.change_roles(ola, ["finance"], by=f"staff:{ada}", at=NOON)
        people.reset_totp(ola, by=f"staff:{ada}", at=NOON)
        people.deactivate_staff(ola, by=f"staff:{ada}", reason="moved away", at=NOON)
        people.reactivate_staff(ola, by=f"staff:{ada}", reason="came back", at=NOON)

    with reading():
        acts = [(entry.act, entry.by) for entry in audit.entries(subject=f"staff:{ola}")]
    assert acts[:4] == [
        ("staff.reactivated", f"staff:{ada}"),
        ("staff.deactivated", f"staff:{ada}"),
        ("staff.totp_reset", f"staff:{ada}"),
        ("staff.roles_changed", f"staff:{ada}"),
    ]
