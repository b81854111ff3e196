"""A partner's key is kept as a hash, made anew and revoked; figures have their bounds; every act is in the audit."""

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import audit, partners
from tests import cast
from tests.domain.partners.conftest import NOON

RATES = partners.Rates(1, 10)


def opened(name="Rides", rates=RATES):
    with transaction():
        return partners.open_partner(name, rates, by="staff:1", at=NOON, reason="Agreed")


def acts():
    with reading():
        return [entry.act for entry in reversed(audit.entries(subject="partner:1"))]


def holder(key):
    with reading():
        return partners.key_holder(key)


def test_a_key_opens_until_another_is_made_or_it_is_revoked(shop):
    partner_id, first = cast.partner(at=NOON)
    assert holder(first).id == partner_id
    with transaction():
        second = partners.make_key(partner_id, by="staff:1", at=NOON)
    assert (holder(first), holder(second).id) == (None, partner_id)
    for _twice in range(2):
        with transaction():
            partners.revoke_key(partner_id, by="staff:1", at=NOON)
    assert holder(second) is None
    assert acts() == ["partner.asked", "partner.approved", *["partner.key_made"] * 2, "partner.key_revoked"]


def test_no_key_is_kept_anywhere(shop):
    _partner_id, key = cast.partner(at=NOON)
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
        ("member_day_points", None),
        ("month_points", None),
    ],
)
def test_a_rate_out_of_bounds_is_refused_at_its_field(shop, field, figure):
    rates = {"earn_points": 1, "earn_per_cents": 10, field: figure}
    with pytest.raises(partners.BadRate) as refused:
        opened(rates=partners.Rates(**rates))
    assert refused.value.field == field


def test_two_partners_are_never_called_the_same(shop):
    opened()
    other = opened("Kiosk")
    with pytest.raises(partners.NameTaken):
        opened()
    with pytest.raises(partners.NameTaken), transaction():
        partners.change_partner(other, "Rides", RATES, seen=1, by="staff:1", at=NOON, reason="Why not")


def test_a_form_that_is_sent_twice_is_one_partner(shop):
    ids = set()
    for _twice in range(2):
        with transaction():
            ids.add(partners.open_partner("Rides", RATES, by="staff:1", at=NOON, reason="Agreed", key="form-1"))
    assert len(ids) == 1


def test_what_is_proposed_without_a_change_is_refused_and_writes_nothing(shop):
    partner_id = opened()
    with pytest.raises(partners.NothingProposed), transaction():
        partners.change_partner(partner_id, "Rides", RATES, seen=1, by="staff:1", at=NOON, reason="Again")
    assert acts() == ["partner.asked"]
