"""What breaks a check is shown in words: titles, figures as figures, and the way to what a row names."""

import pytest
from sqlalchemy import text as sql

from mall.base.clock import now
from mall.base.db import execute, transaction
from mall.domain import cash, checkout, earning, finance
from mall.domain.finance import proof_board
from mall.domain.ledger.accounts import KINDS
from mall.web.finance import evidence_words
from mall.web.finance.evidence import evidence_of, heading
from mall.web.finance.evidence_names import COLUMNS, TABLES
from mall.web.finance.evidence_words import STOCK_ACTS, key_words
from mall.web.shared.documents import document_words
from mall.worker import JOBS
from tests import cast
from tests.domain.finance.conftest import NEW_YEAR


def every_check():
    return [*(check for room in proof_board.ROOMS for check in room.checks()),
            *proof_board._watch(at=now()), *cash.watch(at=now())]  # fmt: skip


def test_every_column_of_every_check_has_a_title(app):
    columns = {(check.name, column.key) for check in every_check() for column in check.breaks.selected_columns}
    assert {name for _check, name in columns} - COLUMNS.keys() - {"id"} == set()


def test_what_a_number_is_of_is_said_by_the_table_of_its_check(app):
    tables = finance.tables_of(at=now())
    of = {tables[check.name]["id"] for check in every_check() if "id" in check.breaks.selected_columns}
    assert {"orders", "payment", "lot", "coupon"} <= of and of - TABLES.keys() <= {""}
    with app.test_request_context():
        assert (heading("id", {"id": "orders"}), heading("id", {"id": ""})) == ("Order", "Row")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("amount_cents", 1_590, "€15.90"),
        ("amount_cents", -1_590, "−€15.90"),
        ("points", 18_420, "18,420"),
        ("lot_id", 18_420, "18420"),
        ("multiplier_percent", 150, "150 %"),
        ("tax_basis_points", 1_900, "19 %"),
        ("tax_basis_points", 825, "8.25 %"),
        ("rank", 1, "Registered"),
        ("rank", 99, "99"),
        ("day", "2026-03-02", "2 March 2026"),
        ("day", "2026-13-99", "2026-13-99"),
        ("reference", "order:7", "Order 10007"),
        ("reference", "cashout:7", "Points to cash 7"),
        ("subject", "member:7", "Member 7"),
        ("decided_by", "system", "the mall itself"),
        ("reference", "task:12", "Reward of a task 12"),
        ("task", "check_in", "Daily check-in"),
        ("place", "wallet", "ready to use"),
        ("source", "ch_<b>1", "ch_&lt;b&gt;1"),
        ("points", None, "–"),
        ("note", "", "–"),
        ("known", False, "no"),
    ],
)
def test_a_value_is_written_as_a_reader_reads_it(app, new_shop, name, value, said):
    with app.test_request_context():
        (row,) = evidence_of([{name: value}], tables={}).rows
    assert said in str(row[0])


def test_a_break_of_the_statement_is_called_what_it_is_on_its_own_page(app, new_shop):
    with app.test_request_context():
        (row,) = evidence_of(
            [{"kind": "fee", "state": "open"}], tables=dict.fromkeys(("kind", "state"), "statement_break")
        ).rows
    assert row == ["A fee nobody has explained", "Still open"]


STATED = {
    ("act", "audit_entry"): tuple(STOCK_ACTS),
    ("kind", "fact"): tuple(earning.FACTS),
    ("kind", "notice"): tuple(JOBS),
    ("kind", "posting"): KINDS,
    ("origin", "finance_day_sum"): finance.ORIGINS,
    ("reason", "level_history"): ("registered", "reached", "kept", "lowered", "carried"),
    ("round", "setback"): tuple(JOBS),
    ("state", "campaign"): ("draft", "approved", "ended"),
    ("state", "cash_out"): ("asked", "approved", "paid", "bounced", "declined", "withdrawn"),
    ("state", "goods_return"): ("asked", "approved", "exchanged"),
    ("state", "invitation"): ("clear", "suspect", "accepted", "rejected"),
    ("state", "orders"): tuple(checkout.NEXT),
    ("state", "payment"): ("open", "paid", "expired"),
    ("state", "product_review"): ("waiting", "published"),
    ("state", "refund"): ("asked", "sent", "done"),
    ("state", "stamp_card"): ("draft", "approved", "ended"),
    ("state", "statement_break"): finance.BREAK_STATES,
}


@pytest.mark.parametrize(("column", "table", "value"), [(*of, value) for of, all_ in STATED.items() for value in all_])
def test_no_key_of_a_row_is_left_as_the_program_calls_it(app, new_shop, column, table, value):
    with app.test_request_context():
        said = key_words(column, table, value)
    assert said and said[0].isupper() | (table == "posting") and said != value


@pytest.mark.parametrize(
    ("occasion", "said"),
    [
        ("level:2", "Reaching Ordinary"),
        ("level:2:again:1", "Reaching Ordinary"),
        ("birthday:2026-05-17", "Birthday of 17 May 2026"),
        ("birthday:2026-05-17:again:1", "Birthday of 17 May 2026"),
    ],
)
def test_a_pack_given_again_is_called_by_what_it_was_for(app, new_shop, occasion, said):
    with app.test_request_context():
        assert key_words("occasion", "level_pack", occasion) == said


def test_every_job_has_a_name():
    assert set(evidence_words.JOBS) == set(JOBS)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("order:7", "Order 10007"),
        ("order:7:2", "Order 10007, line 2"),
        ("task:12", "Reward of a task 12"),
        ("adjustment:3-5", "Adjustment 3-5"),
        ("level_pack:9", "Level pack 9"),
        ("", ""),
        ("ride-4711", "ride-4711"),
        ("moon:1", "moon:1"),
        ("task:", "task:"),
    ],
)
def test_a_document_is_called_what_it_is(app, reference, said):
    with app.test_request_context():
        assert document_words(reference) == said


@pytest.mark.breaks_the_books
def test_a_broken_purse_is_shown_with_its_member_in_both_languages(client, desk, books):
    member_id = books.members["mei"]
    with transaction():
        execute(sql("UPDATE purse SET wallet = wallet + 5000 WHERE member_id = :member_id"), {"member_id": member_id})
    desk.post("/finance/checks/runs")

    page = desk.get("/finance/checks").text
    assert '<th scope="col">Member</th>' in page and f"Member {member_id}" in page and "member_id" not in page
    assert f'href="/office/members/{member_id}"' not in page  # Finance alone has no way into the office.
    desk.post("/language", data={"language": "zh"})
    assert '<th scope="col">会员</th>' in desk.get("/finance/checks").text

    ada = client.application.test_client()
    cast.sign_in_staff(ada, cast.hire("ada", at=NEW_YEAR))
    assert f'<a href="/office/members/{member_id}">Member {member_id}</a>' in ada.get("/finance/checks").text
