"""What a partner gives is proposed by one and approved by another, and no one of them has its key as well."""

import pytest
from sqlalchemy import select, update

from mall.base.db import execute, reading, transaction
from mall.domain import approvals, audit, partners, people
from tests.domain.partners.conftest import NOON

ADA, BEA, CAI = "staff:1", "staff:2", "staff:3"
RATES, MORE = partners.Rates(1, 10), partners.Rates(5, 10)


@pytest.fixture
def proposed(shop):
    """Rides, as Ada proposed it."""
    with transaction():
        return partners.open_partner("Rides", RATES, by=ADA, at=NOON, reason="Agreed")


def approve(partner_id, *, by, seen=1, others=1):
    with transaction():
        partners.approve_version(partner_id, seen=seen, by=by, at=NOON, other_approvers=others)


def change(partner_id, rates=MORE, *, by, seen=1):
    with transaction():
        partners.change_partner(partner_id, "Rides", rates, seen=seen, by=by, at=NOON, reason="Agreed anew")


def make_key(partner_id, *, by):
    with transaction():
        return partners.make_key(partner_id, by=by, at=NOON)


def holds(partner_id):
    with reading():
        partner = partners.partner_of(partner_id)
    return partner.version, partner.earn_points


def broken():
    with reading():
        return [check.name for check in partners.checks() if execute(check.breaks).first()]


def test_nobody_approves_what_they_proposed(proposed):
    with pytest.raises(approvals.OwnRequest):
        approve(proposed, by=ADA)
    assert holds(proposed)[0] is None

    approve(proposed, by=BEA)
    approve(proposed, by=BEA)

    assert holds(proposed) == (1, 1)


def test_who_is_alone_approves_alone_and_it_is_marked(proposed):
    approve(proposed, by=ADA, others=0)
    make_key(proposed, by=ADA)
    with reading():
        assert partners.versions_of(proposed)[0].by_one_person
        assert [entry.by_one_person for entry in audit.entries(act="partner.key_made")] == [True]
    assert broken() == []


def test_before_approval_there_is_no_key(proposed):
    with pytest.raises(partners.NotYetApproved):
        make_key(proposed, by=ADA)


def test_who_approved_what_a_partner_gives_never_has_its_key(proposed):
    approve(proposed, by=BEA)
    with pytest.raises(partners.ApproverHasNoKey):
        make_key(proposed, by=BEA)

    key = make_key(proposed, by=ADA)

    with reading():
        assert partners.key_holder(key).id == proposed


def test_who_has_the_key_approves_nothing_that_a_colleague_proposes(proposed):
    approve(proposed, by=BEA)
    make_key(proposed, by=ADA)
    change(proposed, by=BEA)

    with pytest.raises(partners.KeyHolder):
        approve(proposed, by=ADA, seen=2)
    approve(proposed, by=CAI, seen=2)

    assert holds(proposed) == (2, 5)


def test_a_new_key_made_by_another_frees_who_had_the_one_before(proposed):
    approve(proposed, by=BEA)
    make_key(proposed, by=ADA)
    change(proposed, by=BEA)
    make_key(proposed, by=CAI)

    approve(proposed, by=ADA, seen=2)

    assert holds(proposed) == (2, 5)
    assert broken() == []


def test_whose_access_a_colleague_has_just_touched_makes_no_key(proposed):
    approve(proposed, by=BEA)
    with transaction():
        audit.write("staff.totp_reset", by=BEA, subject=CAI, at=NOON)
    with pytest.raises(partners.KeyNotApart, match="less than 24 hours ago"):
        make_key(proposed, by=CAI)


def test_a_change_holds_once_it_is_approved_and_every_version_is_kept(proposed):
    approve(proposed, by=BEA)
    change(proposed, by=ADA)
    assert holds(proposed) == (1, 1)

    approve(proposed, by=BEA, seen=2)

    assert holds(proposed) == (2, 5)
    with reading():
        kept = [(row.number, row.earn_points, row.asked_by, row.decided_by) for row in partners.versions_of(proposed)]
    assert kept == [(2, 5, ADA, BEA), (1, 1, ADA, BEA)]


def test_a_purchase_keeps_the_version_it_was_reported_under(mei, till, purse):
    rides = till()
    rides.buy(mei, 1_000)
    change(rides.partner_id, by=ADA)
    rides.buy(mei, 1_000)
    approve(rides.partner_id, by=BEA, seen=2)
    rides.buy(mei, 1_000)

    with reading():
        bought = partners.Purchase
        kept = [tuple(row) for row in execute(select(bought.partner_version, bought.points).order_by(bought.id))]
    assert kept == [(1, 100), (1, 100), (2, 500)]
    assert purse(mei)[0] == 700


def test_what_was_declined_changes_nothing_and_can_be_proposed_anew(proposed):
    approve(proposed, by=BEA)
    change(proposed, by=ADA)
    with transaction():
        partners.decline_version(proposed, by=BEA, at=NOON, reason="Too much")
    with pytest.raises(approvals.AlreadyDecided):
        approve(proposed, by=CAI, seen=2)
    change(proposed, by=ADA, seen=2)
    approve(proposed, by=BEA, seen=3)
    assert holds(proposed) == (3, 5)


def test_who_changes_what_waits_withdraws_it_and_it_is_never_approved_unseen(proposed):
    change(proposed, by=CAI)
    with pytest.raises(partners.PartnerChanged):
        approve(proposed, by=BEA)
    with pytest.raises(partners.PartnerChanged):
        change(proposed, RATES, by=ADA)
    with reading():
        assert [row.decision for row in partners.versions_of(proposed)] == [None, "declined"]


def hire(email):
    """Take somebody on; nobody is on the staff yet, so the first is staff:1."""
    with transaction():
        return people.add_staff(people.read_email(email), name="Cy", roles=["admin"], by="system", at=NOON)[0]


def test_who_looks_after_a_partner_earns_nothing_there_and_is_told_no_more_than_others(mei, tom, till):
    rides = till()
    with reading():
        email = people.member_of(mei).email
    assert f"staff:{hire(email)}" == ADA

    with pytest.raises(partners.UnknownMember):
        rides.buy(mei, 1_000)
    with transaction():
        token, _ends_at = partners.invite(rides.partner_id, "rider-7", at=NOON)
    with pytest.raises(partners.RunsPartner, match="You look after Rides at the desk here"), transaction():
        partners.bind(mei, token, terms=rides.terms, at=NOON)

    assert rides.buy(tom, 1_000).answer["points"] == 100


def test_who_works_here_and_has_nothing_to_do_with_a_partner_earns_there(mei, till):
    rides = till()
    with reading():
        email = people.member_of(mei).email
    hire("ada@tessera.example")
    hire("bea@tessera.example")
    assert f"staff:{hire(email)}" == CAI

    assert rides.buy(mei, 1_000).answer["points"] == 100


def give_the_approver_the_key():
    execute(update(partners.Partner).values(key_made_by=BEA))


def raise_the_rate():
    execute(update(partners.Partner).values(earn_points=9))


def forget_the_version():
    execute(update(partners.Purchase).where(partners.Purchase.id == 2).values(partner_version=None))


def take_another_version():
    execute(update(partners.Purchase).values(partner_version=7))


ONE_HAND = "nobody both approved what a partner gives and made its key"
OTHER = "what holds at a partner is the version approved last"
RATE = "a reported purchase has the rates of the version that held"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (give_the_approver_the_key, ONE_HAND),
        (raise_the_rate, OTHER),
        (forget_the_version, RATE),
        (take_another_version, RATE),
    ],
)
def test_the_proof_sees_a_version_that_two_people_did_not_agree_to(mei, till, tamper, said):
    rides = till()
    rides.buy(mei, 1_000)
    rides.buy(mei, 1_000)
    assert broken() == []

    with transaction():
        tamper()

    assert said in broken()


def test_a_version_is_never_changed(either, proposed):
    with pytest.raises(Exception, match="append-only"), transaction():
        execute(update(partners.PartnerVersion).values(earn_points=9))
