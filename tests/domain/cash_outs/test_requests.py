"""Points become cash on application: held while it waits, gone when approved, back in their own lots otherwise."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound
from mall.base.text import say
from mall.domain import approvals, audit, cash_outs, ledger, notices, people, programme, repeats
from tests.conftest import NOON
from tests.domain.cash_outs.conftest import ACCOUNT


def state(cash_out_id=1):
    with reading():
        return execute(select(cash_outs.CashOut.state).where(cash_outs.CashOut.id == cash_out_id)).scalar_one()


def notes_to(member_id):
    kind = notices.Notice.kind
    mine = (notices.Notice.member_id == member_id, kind.startswith("points_cash"))
    with reading():
        return list(execute(select(kind).where(*mine).order_by(notices.Notice.id).distinct()).scalars())


def test_points_are_held_while_a_request_waits(mei, give, ask, purse):
    give(mei, 1_000)
    ask(mei, 600)

    assert purse(mei) == (400, 600)
    with reading():
        (mine,) = cash_outs.cash_outs_of(mei)
        assert cash_outs.account_of(mine) == "DE89370400440532013000"
    assert (mine.gross_cents, mine.fee_cents, mine.state, mine.account_end) == (480, 50, "asked", "3000")
    assert "3704" not in str(mine)


def test_approved_the_points_are_gone_and_the_money_is_paid_with_a_reference(mei, give, ask, desk, purse):
    give(mei, 1_000)
    number = ask(mei, 600)
    for _twice in range(2):
        desk("approve", number)
    assert (purse(mei), state()) == ((400, 0), "approved")

    for _twice in range(2):
        desk("note_paid", number, payout_reference="TX-77")

    assert state() == "paid"
    assert notes_to(mei) == ["points_cash_paid"]
    with reading():
        acts = [entry.act for entry in audit.entries(subject=f"member:{mei}") if "cash_out" in entry.act]
    assert acts == ["points.cash_out.paid", "points.cash_out.approved", "points.cash_out.asked"]


def test_declined_the_points_go_back_to_their_own_lots_and_the_member_reads_why(mei, give, ask, desk, purse, terms):
    give(mei, 400)
    give(mei, 600)
    with reading():
        before = execute(select(ledger.Position).order_by(ledger.Position.lot_id)).all()
    number = ask(mei, 700)
    for _twice in range(2):
        desk("decline", number, reason="The account is another's.")

    with reading():
        assert execute(select(ledger.Position).order_by(ledger.Position.lot_id)).all() == before
        (mine,) = cash_outs.cash_outs_of(mei)
    assert (mine.state, mine.reason) == ("declined", "The account is another's.")
    assert notes_to(mei) == ["points_cash_declined"]


def test_a_member_withdraws_what_waits_and_nothing_else(mei, tom, give, ask, desk, purse, terms):
    give(mei, 2_000)
    number = ask(mei, 600)
    with pytest.raises(NotFound), transaction():
        cash_outs.withdraw(tom, number, terms=terms, at=NOON)
    for _twice in range(2):
        with transaction():
            cash_outs.withdraw(mei, number, terms=terms, at=NOON)
    assert (purse(mei), state()) == ((2_000, 0), "withdrawn")

    other = ask(mei, 600)
    desk("approve", other)
    with pytest.raises(cash_outs.NotWaiting), transaction():
        cash_outs.withdraw(mei, other, terms=terms, at=NOON)


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_what_was_decided_is_not_decided_again(mei, give, ask, desk, terms, verb):
    give(mei, 1_000)
    number = ask(mei, 600)
    with transaction():
        cash_outs.withdraw(mei, number, terms=terms, at=NOON)

    with pytest.raises(cash_outs.NotWaiting):
        desk(verb, number, **({"reason": "x"} if verb == "decline" else {}))


@pytest.mark.parametrize(
    ("verb", "more"), [("approve", {}), ("decline", {"reason": "x"}), ("note_paid", {"payout_reference": "TX"})]
)
def test_nobody_deals_with_their_own(mei, give, ask, desk, verb, more, purse):
    give(mei, 1_000)
    number = ask(mei, 600)
    with pytest.raises(cash_outs.OwnCashOut):
        desk(verb, number, own=mei, **more)
    assert purse(mei) == (400, 600)


def test_who_was_let_in_by_a_colleague_meanwhile_does_not_approve(mei, give, ask, desk, adm):
    give(mei, 1_000)
    number = ask(mei, 600)
    with transaction():
        audit.write("staff.roles_changed", by="staff:1", subject="staff:9", at=NOON)
    with pytest.raises(approvals.NotApart):
        desk("approve", number)


def test_only_what_is_approved_is_paid(mei, give, ask, desk):
    give(mei, 1_000)
    number = ask(mei, 600)
    with pytest.raises(Exception, match="Only what was approved"):
        desk("note_paid", number, payout_reference="TX-77")
    assert state() == "asked"


def test_it_is_off_unless_the_programme_says_so(mei, give, ask, shop):
    give(mei, 1_000)
    with pytest.raises(cash_outs.NotOffered):
        ask(mei, 600, terms=shop)


def test_what_was_asked_while_it_was_on_is_approved_after_it_was_switched_off_and_nobody_asks_anew(
    mei, tom, give, ask, shop
):
    give(mei, 1_000)
    give(tom, 1_000)
    asked = ask(mei, 500)
    off = programme.terms_of(shop.version, programme.settings_of(shop) | {"cash_out_least_points": 0})
    with pytest.raises(cash_outs.NotOffered):
        ask(tom, 500, terms=off)

    with transaction():
        cash_outs.approve(asked, own_member_id=None, other_approvers=1, terms=off, by="staff:9", at=NOON)

    assert state(asked) == "approved"
    with pytest.raises(cash_outs.NotOffered):
        ask(mei, 500, terms=off)


def test_who_owes_points_or_is_frozen_or_unverified_gets_none(app, mei, tom, give, ask, desk, terms):
    give(tom, 1_000)
    with transaction():
        people.freeze_member(tom, own_member_id=None, by="staff:1", reason="x", at=NOON)
    with pytest.raises(cash_outs.MemberFrozen):
        ask(tom, 600)
    with transaction():
        purse = ledger.lock(mei, zone=terms.zone)
        lot = ledger.earn(
            purse, 600, reference="member:1", rule="x", origin="import", expiry=terms.expiry_of(terms.today(NOON)),
            version=1, worth=terms.worth, why=say("x"), at=NOON,
        )  # fmt: skip
        ledger.unlock(purse, [lot], at=NOON)
        ledger.redeem(purse, 600, reference="thing:1", at=NOON)
        ledger.take_back(purse, {lot: 0}, reference="member:1", key="t", why=say("x"), at=NOON)
    with pytest.raises(cash_outs.InDebt, match="You owe 600 points"):
        ask(mei, 600)


def test_who_owes_points_by_now_is_not_paid_for_those_held_and_declining_repays(mei, tom, give, ask, desk, terms):
    give(tom, 1_000)
    with transaction():
        purse = ledger.lock(mei, zone=terms.zone)
        lot = ledger.earn(
            purse, 600, reference="member:1", rule="x", origin="import", expiry=terms.expiry_of(terms.today(NOON)),
            version=1, worth=terms.worth, why=say("x"), at=NOON,
        )  # fmt: skip
        ledger.unlock(purse, [lot], at=NOON)
    number = ask(mei, 600)
    with transaction():
        purse = ledger.lock(mei, zone=terms.zone)
        ledger.take_back(purse, {lot: 0}, reference="member:1", key="t", why=say("x"), at=NOON)
    with pytest.raises(cash_outs.OwesByNow, match="owes 600 points by now"):
        desk("approve", number)
    assert state() == "asked"

    desk("decline", number, reason="You returned what earned them.")

    with reading():
        has = ledger.balances(mei, at=NOON)
    assert (has.ready, has.held, has.owed) == (0, 0, 0)


def test_a_member_frozen_meanwhile_is_not_approved_but_may_be_declined(mei, give, ask, desk, purse):
    give(mei, 1_000)
    number = ask(mei, 600)
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="x", at=NOON)
    with pytest.raises(cash_outs.MemberFrozen):
        desk("approve", number)
    desk("decline", number, reason="Frozen")
    assert purse(mei) == (1_000, 0)


def test_too_few_or_too_many_points_a_second_request_and_odd_accounts_are_refused(mei, give, ask, purse):
    give(mei, 2_000)
    with pytest.raises(cash_outs.TooFewPoints, match="at least 500"):
        ask(mei, 499)
    with pytest.raises(ledger.InsufficientPoints):
        ask(mei, 2_001)
    for account in ("", "1234", "DE89!", "X" * 35):
        with pytest.raises(cash_outs.BadAccount):
            ask(mei, 600, account=account)
    for account in ("DE88 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0103 00", "gb82west12345698765433"):
        with pytest.raises(cash_outs.MistypedIban, match="check digits"):
            ask(mei, 600, account=account)
    ask(mei, 600)
    with pytest.raises(cash_outs.OneAtATime):
        ask(mei, 600)
    assert purse(mei) == (1_400, 600)


ABSURD = {"cash_out_points": 1, "cash_out_cents": 1_000_000}


@pytest.mark.parametrize("points", [10**15, 2**63 - 1])
def test_more_points_than_there_are_are_refused_whatever_they_would_give(either, mei, give, ask, shop, terms, points):
    give(mei, 1_000)
    absurd = programme.terms_of(shop.version, programme.settings_of(terms) | ABSURD)
    with pytest.raises(ledger.InsufficientPoints, match=f"needs {points} points; 1000 are available"):
        ask(mei, points, terms=absurd)


def test_more_money_than_a_bank_would_carry_is_refused_in_a_sentence(mei, give, ask, shop, terms, purse):
    give(mei, 200_000)
    absurd = programme.terms_of(shop.version, programme.settings_of(terms) | ABSURD)
    with pytest.raises(cash_outs.TooManyPoints, match="at most 100000 points") as refused:
        ask(mei, 100_001, terms=absurd)
    assert refused.value.field == "points"
    assert purse(mei) == (200_000, 0)
    ask(mei, 100_000, terms=absurd)
    assert purse(mei) == (100_000, 100_000)


def test_a_form_sent_twice_is_one_request(mei, give, ask, purse):
    give(mei, 2_000)
    assert ask(mei, 600, key="k") == ask(mei, 600, key="k")
    with pytest.raises(repeats.SentOtherwise, match=r"600 points were asked for as cash with it, .* ends in 3000"):
        ask(mei, 700, key="k")
    assert purse(mei) == (1_400, 600)


@pytest.mark.parametrize("other", [{"account": "DE75 5121 0800 1245 1261 99"}, {"payee": "Tom Lin"}])
def test_a_form_that_is_sent_again_with_another_account_is_not_taken_for_the_first(mei, give, ask, other):
    give(mei, 2_000)
    ask(mei, 600, key="k")
    with pytest.raises(repeats.SentOtherwise):
        ask(mei, 600, key="k", **other)


def test_points_past_their_last_day_come_back_for_a_week(mei, give, ask, desk, purse, terms):
    give(mei, 1_000)
    number = ask(mei, 600)
    later = terms.expiry_of(terms.today(NOON))[1] + timedelta(days=2)
    desk("decline", number, reason="x", at=later)

    assert purse(mei, at=later) == (600, 0)


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("cash_out_least_points", 62),
        ("cash_out_least_points", -1),
        ("cash_out_points", 0),
        ("cash_out_cents", 0),
        ("cash_out_fee_cents", -1),
    ],
)
def test_a_programme_that_would_pay_nothing_is_refused(terms, setting, wrong):
    with pytest.raises(programme.BadSetting) as refused:
        programme.terms_of(1, programme.settings_of(terms) | {setting: wrong})
    assert refused.value.setting == setting


POINTS = "points of a cash-out are held while it waits, gone when approved, else back"
DECISION = "a cash-out was decided as its request says, and approved by another"
AGREED = "a cash-out pays what was asked and approved, fee and all"
PAID = "a cash-out was paid when, and only when, the audit says so"
BOUNCED = "a cash-out came back from the bank when, and only when, the audit says so"
BACK = "points of a cash-out come back, whole, when and only when the bank sent its money back"
WHOLE = "what left as money comes back whole, lot by lot, and once"
ACCOUNTED = "all points of a lot are accounted for"
NOT_BACK = (
    "UPDATE cash_out SET state = 'paid', bounced_at = NULL, bounced_by = '', bounce_reason = '', bounce_reference = ''"
    " WHERE id = 4"
)
WITHOUT_GUARD = "DROP TRIGGER posting_no_update"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        ("UPDATE cash_out SET points = 601 WHERE id = 1", POINTS),
        ("UPDATE cash_out SET state = 'withdrawn' WHERE id = 1", POINTS),
        ("UPDATE cash_out SET state = 'approved' WHERE id = 2", POINTS),
        (
            "UPDATE cash_out SET state = 'withdrawn' WHERE id = 1",
            "points are turned into cash only for a cash-out that was approved",
        ),
        ("UPDATE cash_out SET rate_cents = 90", "a cash-out pays what its rate gives for its points"),
        ("UPDATE cash_out SET decided_by = 'staff:8' WHERE id = 1", DECISION),
        ("UPDATE approval SET decision = 'declined' WHERE id = 1", DECISION),
        ("UPDATE approval SET key = 'x' WHERE id = 1", DECISION),
        ("UPDATE cash_out SET fee_cents = 0 WHERE id = 1", AGREED),
        ("UPDATE cash_out SET rate_cents = 160, gross_cents = gross_cents * 2 WHERE id = 1", AGREED),
        (
            "UPDATE cash_out SET state = 'paid', paid_at = decided_at, paid_by = 'staff:9', payout_reference = 'x'"
            " WHERE id = 1",
            PAID,
        ),
        (
            "UPDATE cash_out SET state = 'approved', paid_at = NULL, payout_reference = '' WHERE id = 3",
            PAID,
        ),
        ("UPDATE cash_out SET payout_reference = 'y' WHERE id = 3", PAID),
        ("UPDATE cash_out SET bounce_reference = 'y' WHERE id = 4", BOUNCED),
        ("UPDATE cash_out SET bounce_reason = 'Another reason' WHERE id = 4", BOUNCED),
        ("UPDATE cash_out SET bounced_by = 'staff:8' WHERE id = 4", BOUNCED),
        (
            "UPDATE cash_out SET state = 'bounced', bounced_at = paid_at, bounced_by = 'staff:9', bounce_reason = 'x',"
            " bounce_reference = 'x' WHERE id = 3",
            BOUNCED,
        ),
        (
            "UPDATE cash_out SET state = 'bounced', bounced_at = paid_at, bounced_by = 'staff:9', bounce_reason = 'x',"
            " bounce_reference = 'x' WHERE id = 3",
            BACK,
        ),
        (NOT_BACK, BACK),
        (NOT_BACK, BOUNCED),
        ((WITHOUT_GUARD, "UPDATE posting SET points = points - 1 WHERE source = 'cash-out'"), BACK),
        ((WITHOUT_GUARD, "UPDATE posting SET points = points - 1 WHERE source = 'cash-out'"), WHOLE),
        ((WITHOUT_GUARD, "UPDATE posting SET points = points - 1 WHERE source = 'cash-out'"), ACCOUNTED),
        ((WITHOUT_GUARD, "UPDATE posting SET reverses = NULL WHERE source = 'cash-out'"), WHOLE),
        ((WITHOUT_GUARD, "UPDATE posting SET reverses = 1 WHERE source = 'cash-out'"), WHOLE),
        ((WITHOUT_GUARD, "UPDATE posting SET source = 'redemption' WHERE source = 'cash-out'"), BACK),
    ],
)
def test_the_proof_sees_what_is_wrong(mei, tom, give, ask, desk, tamper, broken):
    give(mei, 1_000)
    give(tom, 2_000)
    desk("approve", ask(mei, 600))
    desk("decline", ask(tom, 600), reason="x")
    paid = ask(tom, 700)
    desk("approve", paid)
    desk("note_paid", paid, payout_reference="TX-78")
    back = ask(tom, 800)
    desk("approve", back)
    desk("note_paid", back, payout_reference="TX-79")
    desk("note_bounced", back, reason="The account is closed.", bounce_reference="RT-79")
    checks = {check.name: check.breaks for check in (*cash_outs.checks(), *ledger.checks())}
    with reading():
        assert [name for name, breaks in checks.items() if execute(breaks).first()] == []

    with transaction():
        for each in (tamper,) if isinstance(tamper, str) else tamper:
            execute(text(each))

    with reading():
        assert broken in [name for name, breaks in checks.items() if execute(breaks).first()]


def test_the_account_may_be_written_with_spaces_in_any_case(mei, give, ask):
    give(mei, 1_000)
    ask(mei, 600, account=f"  {ACCOUNT.lower()} ")
    with reading():
        (mine,) = cash_outs.cash_outs_of(mei)
        assert cash_outs.account_of(mine) == "DE89370400440532013000"
