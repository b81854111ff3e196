"""Finance reads the cashier's statement by day, brings it as a file, and looks after what does not agree."""

import csv
import io

import pytest
from sqlalchemy import func, select

from mall.base.db import execute, reading
from mall.domain import cash, finance

HERE = "/finance/reconciliation"
FILE = (
    "id,type,amount,fee,net,currency,source,created,available_on,payout\n"
    "txn_1,charge,15.90,0.55,15.35,eur,pi_1,2026-04-02 09:00:00,2026-04-04,\n"
    "txn_2,payout,-10.00,0.00,-10.00,eur,po_1,2026-04-03 09:00:00,,po_1\n"
    "txn_3,stripe_fee,-2.00,,,eur,,2026-04-03 10:00:00,,\n"
)


def text(answer) -> str:
    return " ".join(answer.get_data(as_text=True).replace("<wbr>", "").split())


def send(desk, lines=FILE, **more):
    return desk.post(f"{HERE}/file", data={"cashier": "stripe", "text": lines} | more)


def stored() -> int:
    with reading():
        return execute(select(func.count()).select_from(cash.StatementLine)).scalar_one()


def breaks():
    with reading():
        return finance.every_break()


@pytest.fixture
def read(desk):
    """Finance's browser, a file imported."""
    answer = send(desk, act="import")
    assert answer.status_code == 303
    return desk


def test_a_file_is_shown_before_it_is_imported(desk):
    answer = send(desk)

    assert answer.status_code == 200
    assert "3 new lines" in text(answer)
    assert "Import 3 lines" in text(answer)
    assert stored() == 0


def test_a_file_is_imported_once_however_often_it_is_pressed(read):
    again = send(read, act="import")

    assert again.status_code == 303
    assert stored() == 3
    assert "There is nothing new in this file" in text(send(read))


def test_a_file_may_be_uploaded(desk):
    answer = desk.post(f"{HERE}/file", data={"cashier": "stripe", "file": (io.BytesIO(FILE.encode()), "april.csv")})

    assert "3 new lines" in text(answer)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"text": ""}, "Choose a file, or put its lines in the field."),
        ({"cashier": "bank"}, "Choose a file, or put its lines in the field."),
        ({"text": "what is this"}, "The file has no column “id”"),
        ({"text": FILE.replace("15.35", "15.36")}, "Line 2: the amount less the fee is not the net."),
        ({"text": FILE.replace("15.90", "=1+1")}, "Line 2: “=1+1” under “amount” is no amount."),
        (
            {"text": FILE.replace("2026-04-02 09:00:00", "0001-01-01")},
            "Line 2: “0001-01-01” under “created” is no time.",
        ),
        ({"text": FILE.replace("2026-04-04", "9999-12-31")}, "Line 2: “9999-12-31” under “available_on” is no time."),
        ({"file": (io.BytesIO(b"\xff\xfe\x00a"), "x.csv")}, "This is no CSV file in UTF-8."),
        ({"file": (io.BytesIO(b"a" * 400_001), "x.csv")}, "The file is larger than 400 kB."),
        # As many bytes in a third as many signs: cut off in the middle it would be read as a whole one.
        ({"file": (io.BytesIO("行".encode() * 133_334), "x.csv")}, "The file is larger than 400 kB."),
    ],
)
def test_wrong_files_are_answered_by_a_sentence_and_nothing_is_lost(desk, data, said):
    answer = desk.post(f"{HERE}/file", data={"cashier": "stripe", "text": FILE, "act": "import"} | data)

    assert answer.status_code == 422
    assert said in text(answer)
    assert stored() == 0
    if "file" not in data and data.get("text"):
        assert data["text"].split("\n")[0] in answer.get_data(as_text=True)


def test_what_says_something_else_now_is_shown_and_stays_as_it_was(read):
    answer = send(read, FILE.replace("15.90,0.55,15.35", "16.90,0.55,16.35"))

    assert "1 line says something else" in text(answer)
    assert stored() == 3


def test_the_days_of_a_month_add_up(read):
    page = text(read.get(f"{HERE}?month=2026-04"))

    assert "Reconciliation, April 2026" in page
    table = list(csv.reader(io.StringIO(read.get(f"{HERE}/days.csv?month=2026-04").get_data().decode("utf-8-sig"))))
    assert [row[:1] + row[2:9] for row in table[1:]] == [
        ["2026-04-02", "15.90", "0.00", "0.00", "-0.55", "0.00", "15.35", "15.35"],
        ["2026-04-03", "0.00", "0.00", "0.00", "-2.00", "-10.00", "-12.00", "3.35"],
    ]


def test_the_lines_of_a_day_and_of_a_month(read):
    assert "txn_1" in text(read.get(f"{HERE}/lines?day=2026-04-02"))
    assert "txn_1" not in text(read.get(f"{HERE}/lines?day=2026-04-03"))
    table = list(csv.reader(io.StringIO(read.get(f"{HERE}/lines.csv?month=2026-04").get_data().decode("utf-8-sig"))))
    assert [row[0] for row in table[1:]] == ["txn_1", "txn_2", "txn_3"]


def test_sec_78_no_cell_of_the_tables_is_a_formula(desk):
    send(desk, FILE.replace("txn_1", "=cmd|' /C calc'!A0").replace("pi_1", "@SUM(1)"), act="import")

    for table in ("lines.csv?month=2026-04", "breaks.csv"):
        found = csv.reader(io.StringIO(desk.get(f"{HERE}/{table}").get_data().decode("utf-8-sig")))
        cells = [cell for row in found for cell in row]
        assert any("SUM" in cell for cell in cells)
        assert not [cell for cell in cells if cell[:1] in "=@+\t\r" and cell]


@pytest.mark.parametrize("address", [HERE, f"{HERE}/lines", f"{HERE}/file"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_opens_in_both_languages(read, address, language):
    read.post("/language", data={"language": language, "next": "/"})

    assert read.get(address).status_code == 200


@pytest.mark.parametrize("address", [HERE, f"{HERE}/lines", f"{HERE}/file", f"{HERE}/days.csv", f"{HERE}/breaks.csv"])
def test_every_page_opens_before_anything_was_imported(empty_desk, address):
    assert empty_desk.get(address).status_code == 200


@pytest.mark.parametrize(
    "asked", ["?month=nonsense", "/lines?day=nonsense", "/days.csv?month=1", "/lines.csv?month=9999-99"]
)
def test_what_cannot_be_shown_is_said(desk, asked):
    assert desk.get(HERE + asked).status_code == 422


def test_a_break_is_looked_after(read):
    found = {row.kind: row for row in breaks()}
    assert set(found) == {"theirs", "fee"}
    row = found["theirs"]
    page = text(read.get(f"{HERE}/breaks/{row.id}"))
    assert "In their books, not in ours" in page

    given = {"version": row.version, "owner": "", "state": "explained", "note": "Of the other shop"}
    for _press in range(2):
        assert read.post(f"{HERE}/breaks/{row.id}", data=given).status_code == 303
    (now,) = [each for each in breaks() if each.id == row.id]
    assert (now.state, now.note, now.version) == ("explained", "Of the other shop", row.version + 1)
    assert "Of the other shop" in text(read.get(f"{HERE}?state=explained"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"note": ""}, "Say why, so that others can follow it."),
        ({"state": "nonsense"}, "Choose whether the break is open, explained or closed."),
        ({"owner": "staff:999"}, "Choose somebody who works here."),
        ({"version": "0"}, "Somebody else changed this break meanwhile."),
    ],
)
def test_a_break_is_not_put_away_wrongly_and_what_was_typed_stays(read, given, said):
    row = breaks()[0]
    data = {"version": row.version, "owner": "", "state": "closed", "note": "I know why"} | given
    answer = read.post(f"{HERE}/breaks/{row.id}", data=data)

    assert answer.status_code == 422
    assert said in text(answer)
    assert data["note"] in text(answer)
    assert {each.state for each in breaks()} == {"open"}


def test_a_break_that_is_not_there(read):
    assert read.get(f"{HERE}/breaks/99").status_code == 404
    assert read.post(f"{HERE}/breaks/99", data={}).status_code == 404


def test_the_cashier_is_asked_at_once(desk):
    answer = desk.post(f"{HERE}/runs", follow_redirects=True)

    assert answer.status_code == 200
    assert "0 new lines." in text(answer)
    assert "Sandbox: read up to" in text(answer)


def test_without_a_cashier_there_is_a_sentence(desk, app):
    app.extensions["cashier"] = None

    answer = desk.post(f"{HERE}/runs")

    assert answer.status_code == 422
    assert "cannot be reached" in text(answer)
