"""Finance's pages say what the books say, open to what is behind, and answer wrong input with a sentence."""

import csv
import io
import re

import pytest
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.text import Message
from mall.domain import finance, ledger
from mall.domain.ledger.accounts import ACCOUNTS
from mall.web.finance import adjustments
from mall.web.finance.checks import ROOMS, rooms_of
from mall.web.shared.moves import place_words
from tests.cast import note_adjustment
from tests.domain.finance.conftest import APRIL, Books, instant

PAGES = [
    "/finance/",
    "/finance/roll-forward",
    "/finance/roll-forward?unit=money",
    "/finance/as-of",
    "/finance/ageing",
    "/finance/checks",
    "/finance/adjustments",
    "/finance/postings",
    "/finance/journal",
    "/finance/journal/accounts",
]
TABLES = [
    "/finance/liability.csv",
    "/finance/roll-forward/table.csv",
    "/finance/as-of/table.csv",
    "/finance/ageing/table.csv",
    "/finance/adjustments/table.csv",
    "/finance/postings/table.csv",
    "/finance/journal/download?format=csv&from=2026-01-01&to=2026-04-10",
]


def text(answer) -> str:
    return " ".join(answer.get_data(as_text=True).replace("<wbr>", "").split())


def table(answer) -> list[list[str]]:
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_opens(desk, address, language):
    desk.post("/language", data={"language": language, "next": "/"})

    assert desk.get(address).status_code == 200


@pytest.mark.parametrize("address", PAGES + TABLES)
def test_every_page_opens_before_anything_has_moved(empty_desk, address):
    assert empty_desk.get(address).status_code == 200


def test_the_liability_and_its_roll_forward(desk):
    page = text(desk.get("/finance/?month=2026-02"))

    assert "Opening, 1 February 2026" in page
    assert "1,570" in page
    assert "(1,000)" in page
    assert "Closing, 28 February 2026" in page
    assert "778" in page
    assert "€7.78" in page


def test_a_figure_opens_to_its_postings(desk):
    page = desk.get("/finance/?month=2026-02").get_data(as_text=True)
    assert "/finance/postings?month=2026-02&amp;movement=redeemed" in page

    opened = text(desk.get("/finance/postings?month=2026-02&movement=redeemed"))

    assert "(1,000)" in opened
    assert all(document in opened for document in ("shop:2", "shop:4", "shop:6"))
    assert "ready to use → redeemed" in opened and "wallet" not in opened and "redemption" not in opened
    earned = text(desk.get("/finance/postings?month=2026-02&movement=earned:purchase"))
    assert "540" in earned and "newly given → on the way" in earned


def test_entries_say_who_in_words(desk):
    pages = [text(desk.get(f"/finance/postings?month=2026-0{month}")) for month in (2, 3, 4)]

    assert any("Finn" in page for page in pages)
    assert not any("staff:" in page or "member:" in page for page in pages)


def test_every_account_is_called_something(app):
    with app.test_request_context():
        assert all(place_words(account) for account in ACCOUNTS)


def test_as_of_is_the_same_each_time_it_is_asked(desk, books):
    address = "/finance/as-of?day=2026-02-28&time=12:00"
    first = text(desk.get(address))
    with moved_to(instant("2026-05-20 12:00")):
        books.member("late", "2026-05-20 11:00")
        books.ready("late", 5_000, "2026-05-20 11:30")
    finance.roll_up(books.terms, APRIL)

    assert "€7.78" in first
    again = text(desk.get(address))
    assert first[first.index("<tbody>") : first.index("</tfoot>")] == again[
        again.index("<tbody>") : again.index("</tfoot>")
    ]  # fmt: skip


WRONG = [
    ("/finance/?month=2026-13", "“2026-13” is no month"),
    ("/finance/?month=0000-00", "is no month"),
    ("/finance/?month=2026-05", "2026-05 has not begun"),
    ("/finance/?month=%00x", "“x” is no month"),
    ("/finance/?month=" + "9" * 5_000, "is no month"),
    ("/finance/roll-forward?month=x", "“x” is no month"),
    ("/finance/roll-forward/table.csv?month=x", "“x” is no month"),
    ("/finance/liability.csv?month=2999-01", "2999-01 has not begun"),
    ("/finance/as-of?day=2026-02-30", "“2026-02-30” is no day"),
    ("/finance/as-of?day=9999-12-31", "There are no books of that day."),
    ("/finance/as-of?day=2026-04-11", "The books are settled up to one minute ago"),
    ("/finance/as-of?day=2026-04-01&time=25:00", "“25:00” is no time of day"),
    ("/finance/as-of?day=&time=09:00", "Enter the day, such as 2026-02-28."),
    ("/finance/ageing?time=25:00", "Enter the day, such as 2026-02-28."),
    ("/finance/journal/download?format=hledger&from=&to=2026-01-31", "Enter the day, such as 2026-02-28."),
    ("/finance/as-of/table.csv?day=x", "“x” is no day"),
    ("/finance/ageing?day=0001-01-01", "There are no books of that day."),
    ("/finance/ageing/table.csv?day=2999-01-01", "settled up to one minute ago"),
    ("/finance/postings?movement=<script>", "There is no movement “&lt;script&gt;”"),
    ("/finance/postings?movement=earned:moon", "There is no movement “moon”"),
    ("/finance/postings?month=1-1", "is no month"),
    ("/finance/postings?day=yesterday", "“yesterday” is no day"),
    ("/finance/postings/table.csv?movement=x", "There is no movement “x”"),
    ("/finance/journal?month=2026", "is no month"),
    ("/finance/journal/download?from=2026-01-01", "There is no journal format “”"),
    ("/finance/journal/download?format=excel&from=2026-01-01&to=2026-01-31", "no journal format “excel”"),
    ("/finance/journal/download?format=hledger&from=x&to=2026-01-31", "“x” is no day"),
    ("/finance/journal/download?format=hledger&from=2026-02-01&to=2026-01-31", "The first day lies after the last"),
]


@pytest.mark.parametrize("address, words", WRONG)
def test_wrong_input_gets_a_sentence(desk, address, words):
    answer = desk.get(address)

    assert answer.status_code == 422
    assert words in text(answer)


def test_what_was_typed_stays(desk):
    page = desk.get("/finance/as-of?day=2026-04-11&time=09:15").get_data(as_text=True)

    assert 'value="2026-04-11"' in page
    assert 'value="09:15"' in page


@pytest.mark.parametrize("page", ["0", "-1", "99999999999999999999", "x", "9000", ""])
@pytest.mark.parametrize("address", ["/finance/postings?month=2026-02&", "/finance/adjustments?"])
def test_a_page_that_is_none(desk, address, page):
    assert desk.get(f"{address}page={page}").status_code == 200


def test_tables_to_take_along_carry_numbers(desk):
    rows = table(desk.get("/finance/liability.csv?month=2026-02"))

    assert rows[0] == ["Movement", "Entries", "Points", "Liability, EUR"]
    assert rows[1] == ["Opening", "", "1570", "15.70"]
    assert ["Redeemed", "3", "-1000", "-10.00"] in rows
    assert rows[-1][2:] == ["778", "7.78"]


def test_sec_78_a_cell_is_never_a_formula(desk, books):
    at = instant("2026-04-02 10:00")
    for number, reason in enumerate(("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1")):
        with books.purse("mei", "2026-04-02 10:00") as purse:
            ledger.adjust_up(
                purse, 5, key=f"={number}", reference=f"=cmd|{number}", expiry=books.terms.expiry_of(APRIL.date()),
                version=1, worth=(100, 100), why=Message("{reason}", {"reason": reason}), by="=staff", at=at,
            )  # fmt: skip
            note_adjustment(books.members["mei"], 5, at=at)

    for address in ("/finance/adjustments/table.csv", "/finance/postings/table.csv?month=2026-04", TABLES[-1]):
        rows = table(desk.get(address))
        assert len(rows) > 7
        cells = [cell for row in rows for cell in row]
        assert any(cell.startswith("'=") for cell in cells)
        for cell in cells:
            assert not cell.lstrip(" ").startswith(("=", "+", "@", "\t", "\r"))
            assert not cell.startswith("-") or cell[1:].replace(".", "").isdigit()


def test_adjustments_name_who_asked_and_why(desk):
    page = text(desk.get("/finance/adjustments"))

    assert page.index("Typed twice") < page.index("For the delay")
    assert "(10)" in page
    assert "Finn" in page


def test_what_changed_is_one_sentence_in_both_languages(desk):
    assert re.search(r"[+−±]\S+ on March", text(desk.get("/finance/")))
    desk.post("/language", data={"language": "zh"})
    assert len(re.findall(r"较 三月 [+−±]\S+", text(desk.get("/finance/")))) == 3


def test_every_adjustment_is_sent_however_many_are_read_at_once(desk, books, monkeypatch):
    whole = desk.get("/finance/adjustments/table.csv").text
    monkeypatch.setattr(adjustments, "READ_AT_ONCE", 1)

    assert len(whole.splitlines()) > 2
    assert desk.get("/finance/adjustments/table.csv").text == whole


def test_an_adjustment_above_the_limit_names_who_approved_it(desk, books):
    terms, at = books.terms, instant("2026-04-09 10:00")
    with transaction():
        asked = ledger.ask_adjustment(
            books.members["mei"], 5_000, reason="goodwill", document="A letter", key="letter", own_member_id=None,
            terms=terms, by="staff:1", at=at,
        )  # fmt: skip
    with transaction():
        ledger.approve_adjustment(
            asked.request_id, own_member_id=None, other_approvers=1, terms=terms, by="staff:2", at=at
        )

    with reading():
        latest = finance.adjustments_page(until=instant("2026-04-10 11:00"), page=1).adjustments[0]
    assert (latest.actor, latest.approved_by) == ("staff:1", "staff:2")


def test_the_board_says_so_when_nothing_was_asked_yet(desk):
    page = text(desk.get("/finance/checks"))

    assert "The books were not proven yet." in page
    assert "Run all checks" in page
    # Mei's hold of the middle of March is still open.
    assert "Points held for over 60 minutes" in page


def test_the_proof_is_run_by_a_button_and_kept(desk):
    assert desk.get("/finance/checks/runs").status_code == 405
    assert desk.post("/finance/checks/runs").status_code == 302

    page = text(desk.get("/finance/checks"))
    assert "Every check passed." in page
    assert "by Finn" in page
    assert "Needs attention" not in page
    assert "Proven" in text(desk.get("/finance/"))


@pytest.mark.breaks_the_books
def test_what_failed_comes_first_with_its_rows(desk, books):
    finance.roll_up(books.terms, APRIL)
    books.earn("mei", 5, "2026-04-02 10:00")

    with moved_to(APRIL):
        desk.post("/finance/checks/runs")
        page = text(desk.get("/finance/checks"))

    assert "2 checks failed." in page
    assert page.index("No posting was written into a day already added up") < page.index("Purses are the sums")
    # The room in which they failed stands before all others, with how many of its checks passed.
    assert page.index(">Sums of finance <") < page.index(">Programme <")
    assert re.search(r">Sums of finance <span[^>]*badge-bad[^>]*>5 of 7</span>", page)
    assert "2 checks failed" in text(desk.get("/finance/"))


def test_every_room_that_proves_something_has_a_name_on_the_board(app):
    assert {result.room for result in finance.prove()} == set(ROOMS)


def test_a_proof_kept_before_rooms_were_written_down_is_one_list(app):
    old = finance.Result("purses are the sums of their postings", ok=True, rows=0, microseconds=1)
    with app.test_request_context():
        assert [(room.words, room.passed, room.failed) for room in rooms_of([old])] == [("All checks", [old], 0)]


def test_a_journal_to_look_at_and_to_take_along(desk):
    page = text(desk.get("/finance/journal?month=2026-02"))
    assert "Balanced" in page
    assert "Income:Points:Redeemed" in page

    answer = desk.get("/finance/journal/download?format=hledger&from=2026-01-01&to=2026-03-31&month=2026-03")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == "attachment; filename=journal-2026-01-01-2026-03-31.journal"
    assert "Liabilities:Points  0 PTS =* -1078 PTS" in answer.get_data(as_text=True)


def test_accounts_are_named(desk):
    names = {"redeemed": "Income:4010-Redeemed"}
    assert desk.post("/finance/journal/accounts", data=names).status_code == 302
    assert "Income:4010-Redeemed" in text(desk.get("/finance/journal?month=2026-02"))

    answer = desk.post("/finance/journal/accounts", data={"redeemed": "our revenue"})

    assert answer.status_code == 422
    assert "is no account name" in text(answer)
    assert 'value="our revenue"' in text(answer)
    with reading():
        assert finance.chart()["redeemed"] == "Income:4010-Redeemed"


@pytest.mark.parametrize(
    "address, most",
    [
        ("/finance/", 7),
        ("/finance/roll-forward", 4),
        ("/finance/as-of", 4),
        ("/finance/ageing", 5),
        ("/finance/adjustments", 7),
        ("/finance/postings?month=2026-02", 6),
        ("/finance/postings?month=2026-02&page=2", 6),
    ],
)
def test_pages_take_few_statements(desk, count_statements, address, most):
    desk.get(address)
    count_statements.clear()

    assert desk.get(address).status_code == 200

    assert len(count_statements) <= most, "\n".join(count_statements)


def test_nobody_else_comes_in(client, books: Books, april):
    assert client.get("/finance/").status_code == 302


def test_a_get_changes_nothing(desk):
    for address in PAGES + TABLES:
        desk.get(address)

    with reading():
        for table_read in (finance.ProofRun, finance.RolledDay, finance.DaySum, finance.ChartAccount):
            assert execute(select(table_read)).all() == []


@pytest.mark.parametrize("page", ["ageing", "as-of"])
def test_a_day_that_is_none_does_not_stand_in_the_field_for_days(desk, page):
    answer = desk.get(f"/finance/{page}?day=zzz&time=soon")

    assert answer.status_code == 422
    assert "“zzz” is no day" in answer.text
    assert 'type="date" value=""' in answer.text


def test_the_table_of_entries_is_in_words_and_keeps_the_moves_that_machines_know(desk):
    head, *rows = table(desk.get("/finance/postings/table.csv?month=2026-03"))
    cells = {name: {row[head.index(name)] for row in rows} for name in ("Kind", "From", "To", "Actor", "Document")}

    assert "Held for an order" in cells["Kind"] and "ready to use" in cells["From"]
    assert not {"wallet", "issuance", "hold"} & (cells["Kind"] | cells["From"] | cells["To"])
    assert not any(name.startswith(("staff:", "member:", "system")) for name in cells["Actor"])
    assert all(":" in row[head.index("Move")] for row in rows)
