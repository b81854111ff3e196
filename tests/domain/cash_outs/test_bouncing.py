"""What the bank sends back returns as points to their own lots, once; it is paid again only by a new request."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound, Refusal
from mall.base.text import say
from mall.domain import audit, cash_outs, ledger, notices, people
from tests.conftest import NOON

SAID = {"reason": "The account is closed.", "bounce_reference": "RT-77"}
DAY = timedelta(days=1)


@pytest.fixture
def pay(ask, desk):
    """Pay a member out: `pay(mei, 600)`; returns the request's id."""

    def paid(member_id, points, **more):
        number = ask(member_id, points, **more)
        desk("approve", number)
        desk("note_paid", number, payout_reference="TX-77")
        return number

    return paid


def positions():
    with reading():
        return execute(select(ledger.Position).order_by(ledger.Position.lot_id)).all()


def row_of(cash_out_id):
    with reading():
        return execute(select(cash_outs.CashOut).where(cash_outs.CashOut.id == cash_out_id)).one()


def bounced_notices(member_id):
    notice = notices.Notice
    with reading():
        mine = (notice.member_id == member_id, notice.kind == "points_cash_bounced")
        return execute(select(notice.details).where(*mine)).scalars().all()


def test_the_points_go_back_to_the_very_lots_they_came_from(either, mei, give, pay, desk, purse):
    give(mei, 400)
    give(mei, 600)
    before = positions()
    number = pay(mei, 700)
    assert purse(mei) == (300, 0)

    desk("note_bounced", number, **SAID, at=NOON + DAY)

    assert (purse(mei), positions()) == ((1_000, 0), before)
    row = row_of(number)
    assert (row.state, row.bounced_at, row.bounced_by) == ("bounced", NOON + DAY, "staff:9")
    assert (row.bounce_reason, row.bounce_reference, row.payout_reference) == (
        "The account is closed.",
        "RT-77",
        "TX-77",
    )


def test_each_posting_that_comes_back_names_the_one_it_is_the_opposite_of(mei, give, pay, desk):
    give(mei, 400)
    give(mei, 600)
    desk("note_bounced", pay(mei, 700), **SAID)

    posting = ledger.Posting
    with reading():
        gone = execute(select(posting).where(posting.destination == "cash-out").order_by(posting.id)).all()
        back = execute(select(posting).where(posting.source == "cash-out").order_by(posting.id)).all()
    assert [(each.lot_id, each.points) for each in gone] == [(1, 400), (2, 300)]
    assert [(each.reverses, each.lot_id, each.points) for each in back] == [
        (each.id, each.lot_id, each.points) for each in reversed(gone)
    ]


def test_the_member_reads_why_and_the_audit_says_who_noted_it(mei, give, pay, desk):
    give(mei, 1_000)
    number = pay(mei, 600)
    desk("note_bounced", number, **SAID)

    assert bounced_notices(mei) == [
        {"points": 600, "repaid": 0, "words": "The account is closed.", "account_end": "3000"}
    ]
    with reading():
        entry = audit.entries(subject=f"member:{mei}")[0]
    assert (entry.act, entry.by, entry.reason) == ("points.cash_out.bounced", "staff:9", "The account is closed.")
    assert entry.after == {"cash_out": number, "points": 600, "amount_cents": 430, "document": "RT-77"}


def test_noted_twice_it_comes_back_once_and_noted_otherwise_says_what_was_noted(mei, give, pay, desk, purse):
    give(mei, 1_000)
    number = pay(mei, 600)
    for by in ("staff:9", "staff:9", "staff:8"):
        desk("note_bounced", number, **SAID, by=by)
    for other in ({"reason": "No such account."}, {"bounce_reference": "RT-78"}):
        with pytest.raises(
            cash_outs.BouncedOtherwise, match="already, with the reference RT-77: The account is closed"
        ):
            desk("note_bounced", number, **(SAID | other))

    assert purse(mei) == (1_000, 0)
    assert row_of(number).bounced_by == "staff:9"
    assert len(bounced_notices(mei)) == 1
    with reading():
        acts = [entry.act for entry in audit.entries(subject=f"member:{mei}")]
    assert acts.count("points.cash_out.bounced") == 1


def test_only_what_was_paid_comes_back(mei, give, ask, desk, purse):
    give(mei, 2_000)
    number = ask(mei, 600)
    with pytest.raises(cash_outs.NotPaid):
        desk("note_bounced", number, **SAID)
    desk("approve", number)
    with pytest.raises(cash_outs.NotPaid):
        desk("note_bounced", number, **SAID)
    declined = ask(mei, 500)
    desk("decline", declined, reason="x")
    with pytest.raises(cash_outs.NotPaid):
        desk("note_bounced", declined, **SAID)
    with pytest.raises(NotFound):
        desk("note_bounced", 99, **SAID)
    assert purse(mei) == (1_400, 0)


def test_nobody_notes_their_own_as_sent_back(mei, give, pay, desk, purse):
    give(mei, 1_000)
    number = pay(mei, 600)
    with pytest.raises(cash_outs.OwnCashOut):
        desk("note_bounced", number, **SAID, own=mei)
    assert (purse(mei), row_of(number).state) == ((400, 0), "paid")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"bounce_reference": ""}, "reference"),
        ({"bounce_reference": "x" * 81}, "reference"),
    ],
)
def test_without_a_reason_and_the_banks_reference_nothing_comes_back(mei, give, pay, desk, said, field):
    give(mei, 1_000)
    number = pay(mei, 600)
    with pytest.raises(Refusal, match="characters") as refused:
        desk("note_bounced", number, **(SAID | said))
    assert refused.value.field == field
    assert row_of(number).state == "paid"


def test_it_is_paid_again_only_by_a_new_request(mei, give, ask, pay, desk, purse):
    give(mei, 1_000)
    number = pay(mei, 600)
    desk("note_bounced", number, **SAID)
    with pytest.raises(cash_outs.SentBack):
        desk("note_paid", number, payout_reference="TX-77")
    with pytest.raises(cash_outs.NotWaiting):
        desk("approve", number, by="staff:8")

    again = pay(mei, 1_000, account="DE75 5121 0800 1245 1261 99")

    assert (purse(mei), row_of(again).state, row_of(number).state) == ((0, 0), "paid", "bounced")


def test_points_past_their_last_day_come_back_for_a_week_and_once(mei, give, pay, desk, purse, terms):
    give(mei, 1_000)
    number = pay(mei, 600)
    over = terms.expiry_of(terms.today(NOON))[1]
    later = over + 2 * DAY

    desk("note_bounced", number, **SAID, at=later)

    assert purse(mei, at=later) == (600, 0)
    with reading():
        lots = execute(select(ledger.Lot).order_by(ledger.Lot.id)).all()
    assert [(lot.origin, lot.parent_id, lot.points) for lot in lots] == [
        ("adjustment", None, 1_000),
        ("renewal", 1, 600),
    ]
    assert (lots[1].expires_on - terms.today(later)).days == 7

    once_more = pay(mei, 600, at=later)
    desk("note_bounced", once_more, **SAID, at=later + 30 * DAY)
    assert purse(mei, at=later + 30 * DAY) == (0, 0)


def test_what_the_member_owes_by_then_is_repaid_first(mei, give, pay, desk, terms):
    with transaction():
        purse = ledger.lock(mei, zone=terms.zone)
        lot = ledger.earn(
            purse, 600, reference="member:1", rule="x", origin="import", expiry=terms.expiry_of(terms.today(NOON)),
            version=1, worth=terms.worth, why=say("x"), at=NOON,
        )  # fmt: skip
        ledger.unlock(purse, [lot], at=NOON)
    number = pay(mei, 600)
    with transaction():
        purse = ledger.lock(mei, zone=terms.zone)
        ledger.take_back(purse, {lot: 200}, reference="member:1", key="t", why=say("x"), at=NOON)

    desk("note_bounced", number, **SAID)

    with reading():
        has = ledger.balances(mei, at=NOON)
    assert (has.ready, has.owed) == (200, 0)
    assert bounced_notices(mei)[0]["repaid"] == 400


def test_a_frozen_member_has_the_points_back_and_stays_frozen(mei, give, ask, pay, desk, purse):
    give(mei, 1_000)
    number = pay(mei, 600)
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="x", at=NOON)

    desk("note_bounced", number, **SAID)

    assert (purse(mei), row_of(number).state) == ((1_000, 0), "bounced")
    with pytest.raises(cash_outs.MemberFrozen):
        ask(mei, 600)


def test_what_never_left_as_money_does_not_come_back(mei, give, terms):
    give(mei, 1_000)
    with pytest.raises(ledger.NothingCashedOut), transaction():
        ledger.undo_cash_out(ledger.lock(mei, zone=terms.zone), reference="cashout:7", at=NOON)
