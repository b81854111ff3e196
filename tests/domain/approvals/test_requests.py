"""What needs two people is asked by one and approved by another, once, and audited; alone only where there is one."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound
from mall.domain import approvals, audit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def ask(by="staff:1", kind="adjustment", subject="member:7"):
    with transaction():
        return approvals.ask(kind, subject=subject, what={"points": 5_000}, by=by, at=NOON, reason="Lost parcel")


def approve(request, **values):
    with transaction():
        return approvals.approve(request, **{"by": "staff:2", "at": LATER} | values)


def test_another_person_approves_and_gets_back_what_was_asked(app):
    request = approve(ask())

    assert request.what == {"points": 5_000}
    assert (request.asked_by, request.asked_at) == ("staff:1", NOON)
    assert (request.decision, request.decided_by, request.decided_at) == ("approved", "staff:2", LATER)
    assert not request.by_one_person


def test_nobody_approves_their_own_request(app):
    request = ask()

    with pytest.raises(approvals.OwnRequest, match="Another person"):
        approve(request, by="staff:1")

    with reading():
        assert approvals.request_for(request).decision is None


def touch_access(of="staff:2", *, by="staff:1", at=NOON):
    with transaction():
        audit.write("staff.set_up_link_made", by=by, subject=of, at=at)


@pytest.mark.parametrize("by", ["staff:1", "staff:3"], ids=["who asked", "whom they may have added before"])
@pytest.mark.parametrize("at", [NOON - timedelta(hours=23), NOON, LATER], ids=["before", "as asked", "after"])
def test_nobody_approves_whose_access_a_colleague_has_just_touched(either, by, at):
    request = ask()
    touch_access(by=by, at=at)

    with pytest.raises(approvals.NotApart, match="Somebody else"):
        approve(request)
    with reading():
        assert approvals.request_for(request).decision is None
    assert approve(request, by="staff:4").decided_by == "staff:4"


@pytest.mark.parametrize(
    "touched",
    [
        {"at": NOON - timedelta(hours=24)},
        {"by": "staff:2", "at": NOON},
        {"by": "system", "at": NOON},
        {"of": "staff:1", "by": "staff:2", "at": NOON},
    ],
    ids=["a day before", "by themselves", "from the server's own commands", "of the one who asked"],
)
def test_access_that_is_their_own_lets_them_approve(app, touched):
    request = ask()
    touch_access(**touched)

    assert approve(request).decided_by == "staff:2"


def test_what_was_approved_stays_so_when_access_is_touched_later(app):
    request = ask()
    approve(request)
    touch_access(at=LATER)

    assert approve(request) is None


def test_where_only_one_person_could_approve_it_is_marked(app):
    request = approve(ask(), by="staff:1", other_approvers=0)

    assert request.by_one_person
    with reading():
        assert [entry.act for entry in audit.entries(by_one_person=True)] == ["adjustment.approved"]


@pytest.mark.parametrize("by", ["staff:1", "staff:3"], ids=["by who asked", "by whom they may have made up"])
@pytest.mark.parametrize("at", [NOON - timedelta(hours=23), NOON, LATER], ids=["before", "as asked", "after"])
def test_nobody_approves_alone_who_may_have_sent_the_others_away(either, by, at):
    request = ask()
    touch_access(by=by, at=at)

    with pytest.raises(approvals.NotAlone, match="A colleague approves it, or it is asked for again"):
        approve(request, by="staff:1", other_approvers=0)
    with reading():
        assert approvals.request_for(request).decision is None


@pytest.mark.parametrize(
    "touched",
    [{"at": NOON - timedelta(hours=24)}, {"by": "staff:2", "at": NOON}, {"by": "system", "at": NOON}],
    ids=["a day before", "what they did to their own", "from the server's own commands"],
)
def test_who_has_long_been_alone_approves_alone(app, touched):
    request = ask()
    touch_access(**touched)

    assert approve(request, by="staff:1", other_approvers=0).by_one_person


def test_a_second_person_who_happens_to_be_the_only_other_is_two_people(app):
    assert not approve(ask(), by="staff:2", other_approvers=0).by_one_person


def test_a_request_is_decided_once(app):
    request = ask()
    approve(request)

    with pytest.raises(approvals.AlreadyDecided):
        approve(request, by="staff:3")
    with pytest.raises(approvals.AlreadyDecided), transaction():
        approvals.decline(request, by="staff:3", at=LATER, reason="Too late")

    with reading():
        assert approvals.request_for(request).decided_by == "staff:2"


def test_decided_again_by_the_same_person_nothing_more_is_to_be_done(app):
    request, unwanted = ask(), ask(subject="member:8")
    approve(request)

    assert approve(request) is None
    for _time in range(2):
        with transaction():
            approvals.decline(unwanted, by="staff:2", at=LATER, reason="Too much")
    with pytest.raises(approvals.AlreadyDecided), transaction():
        approvals.decline(request, by="staff:2", at=LATER, reason="After all not")
    with reading():
        acts = [entry.act for entry in audit.entries()]
    assert (acts.count("adjustment.approved"), acts.count("adjustment.declined")) == (1, 1)


def test_who_approved_alone_and_asks_again_hears_the_same_even_with_a_colleague_by_then(app):
    request = ask()
    approve(request, by="staff:1", other_approvers=0)

    assert approve(request, by="staff:1", other_approvers=1) is None


def test_the_one_who_asked_may_withdraw(app):
    request = ask()

    with transaction():
        approvals.decline(request, by="staff:1", at=LATER, reason="Mistyped")
    with reading():
        assert approvals.request_for(request).decision == "declined"


def test_waiting_lists_the_undecided_of_a_kind_oldest_first(app):
    first, second, other = ask(), ask(subject="member:8"), ask(kind="programme", subject="programme:2")
    approve(ask(subject="member:9"))

    with reading():
        assert [row.id for row in approvals.waiting()] == [first, second, other]
        assert [row.id for row in approvals.waiting("adjustment")] == [first, second]
        assert [row.id for row in approvals.requests_about("programme", "programme:2")] == [other]


def test_every_step_is_audited(app):
    approve(ask())

    with reading():
        assert [(entry.act, entry.by) for entry in audit.entries(subject="member:7")] == [
            ("adjustment.approved", "staff:2"),
            ("adjustment.asked", "staff:1"),
        ]


def test_a_request_that_is_not_there(app):
    with pytest.raises(NotFound):
        approve(404)


def test_the_table_itself_refuses_oneself(app):
    request = ask()

    with pytest.raises(IntegrityError, match="never_oneself"), transaction():
        execute(
            update(approvals.Approval)
            .where(approvals.Approval.id == request)
            .values(decision="approved", decided_by="staff:1", decided_at=LATER)
        )
