"""A partner's account: its key is kept as a hash, made anew and revoked; every change is in the audit log."""

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import audit, partners
from tests.domain.partners.conftest import NOON

RATES = partners.Rates(1, 10)


def acts():
    with reading():
        return [entry.act for entry in reversed(audit.entries(subject="partner:1"))]


def holder(key):
    with reading():
        return partners.key_holder(key)


def test_a_key_opens_until_another_is_made_or_it_is_revoked(shop):
    with transaction():
        partner_id, first = partners.open_partner("Rides", RATES, by="staff:1", at=NOON)
    assert holder(first).id == partner_id
    with transaction():
        second = partners.rotate_key(partner_id, by="staff:1", at=NOON)
    assert (holder(first), holder(second).id) == (None, partner_id)
    for _twice in range(2):
        with transaction():
            partners.revoke_key(partner_id, by="staff:1", at=NOON)
    assert holder(second) is None
    assert acts() == ["partner.opened", "partner.key_made", "partner.key_revoked"]


def test_no_key_is_kept_anywhere(shop):
    with transaction():
        _partner_id, key = partners.open_partner("Rides", RATES, by="staff:1", at=NOON)
    with reading():
        kept = str(execute(select(partners.Partner)).all()) + str(execute(select(audit.Entry)).all())

    assert len(key) == 43
    assert key not in kept
    assert key[:8] in kept


@pytest.mark.parametrize(
    ("field", "figure"),
    [
        ("earn_points", -1),
        ("earn_per_cents", 0),
        ("growth_per_cents", 0),
        ("ready_after_days", 366),
        ("member_day_points", 0),
        ("month_points", 10**18),
        ("ready_after_days", None),
    ],
)
def test_a_rate_out_of_bounds_is_refused_at_its_field(shop, field, figure):
    rates = {"earn_points": 1, "earn_per_cents": 10, field: figure}
    with pytest.raises(partners.BadRate) as refused, transaction():
        partners.open_partner("Rides", partners.Rates(**rates), by="staff:1", at=NOON)
    assert refused.value.field == field


def test_two_partners_are_never_called_the_same(shop):
    with transaction():
        partners.open_partner("Rides", RATES, by="staff:1", at=NOON)
        other, _key = partners.open_partner("Kiosk", RATES, by="staff:1", at=NOON)
    with pytest.raises(partners.NameTaken), transaction():
        partners.open_partner("Rides", RATES, by="staff:1", at=NOON)
    with pytest.raises(partners.NameTaken), transaction():
        partners.change_partner(other, "Rides", RATES, by="staff:1", at=NOON)


def test_saving_without_a_change_writes_nothing(shop):
    with transaction():
        partner_id, _key = partners.open_partner("Rides", RATES, by="staff:1", at=NOON)
        partners.change_partner(partner_id, "Rides", RATES, by="staff:1", at=NOON)
    assert acts() == ["partner.opened"]
