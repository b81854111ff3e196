"""The desk's abuse radar: suspects with what speaks for them, by kind, as a sheet, looked at and dismissed."""

from datetime import timedelta

import pytest
from flask_babel import force_locale

from mall.base.db import reading, transaction
from mall.domain import earning, people, radar
from mall.web.office.radar import evidence_words
from tests.conftest import noted_statements
from tests.domain.radar.test_radar import look
from tests.stage import NOON


@pytest.fixture
def house(stage):
    """Five members at one address, of whom the first checks in by a program."""
    members = [stage.member(name) for name in ("mei", "tom", "omar", "=cmd", "wei")]
    lines = people.AddressLines("X", "12 Kiln Street", "Portland", "97209", "US")
    with transaction():
        for member_id in members:
            people.add_address(member_id, lines, at=NOON)
        for day in range(20):
            earning.check_in(members[0], terms=stage.terms, at=NOON - timedelta(days=20 - day))
    look()
    return members


def suspect(member_id, kind):
    with reading():
        (row,) = [row for row in radar.suspects_of(member_id) if row.kind == kind]
    return row


def test_nobody_stands_out_at_first(desk):
    assert "Nobody stands out" in desk.get("/office/radar").text


def test_suspects_are_listed_with_what_speaks_for_them_and_found_by_kind(desk, house):
    page = desk.get("/office/radar").text
    assert "20 check-ins at the same time of day, within 3 seconds" in page
    assert page.count("5 accounts have parcels sent to one address") == 5
    of_kind = desk.get("/office/radar?kind=clockwork").text
    assert "parcels sent" not in of_kind
    assert "Strong" in of_kind
    assert desk.get("/office/radar?kind=nothing").status_code == 404
    assert desk.get("/office/radar?state=over").status_code == 404


def test_the_menu_counts_who_waits(desk, house):
    assert '<span class="count">6<span' in desk.get("/office/members").text


def test_the_list_takes_as_many_statements_for_six_as_for_none(desk, stage):
    desk.get("/office/radar")
    with noted_statements() as seen:
        desk.get("/office/radar")
        none = len(seen)
    members = [stage.member(f"m{number}") for number in range(6)]
    lines = people.AddressLines("X", "12 Kiln Street", "Portland", "97209", "US")
    with transaction():
        for member_id in members:
            people.add_address(member_id, lines, at=NOON)
    look()
    with noted_statements() as seen:
        desk.get("/office/radar")
        assert len(seen) == none


def test_what_is_near_the_staff_is_one_sentence_in_chinese_too(app, desk, house):
    found = {"kind": "runs", "partner": "Kiln", "by": "system", "how": "own"}
    with app.test_request_context(), force_locale("zh_Hans_CN"):
        said = evidence_words(found)

    assert said.startswith("在 Kiln 获得积分。这是") and ". " not in said


def test_the_evidence_leads_to_what_it_is_of(desk, house):
    page = desk.get(f"/office/radar/{suspect(house[0], 'address').id}").text
    for other in house[1:]:
        assert f'href="/office/members/{other}"' in page
    assert "Check-ins like clockwork" in page
    assert desk.get("/office/radar/999").status_code == 404


def test_a_suspect_is_dismissed_with_a_reason_and_not_without(desk, house):
    row = suspect(house[0], "clockwork")
    page = f"/office/radar/{row.id}"
    answer = desk.post(f"{page}/dismissal", data={"seen": row.revision})
    assert answer.status_code == 422
    assert "Say why; it is kept in the audit log." in answer.text
    for _twice in range(2):
        answer = desk.post(f"{page}/dismissal", data={"seen": row.revision, "reason": "An alarm clock"})
        assert answer.status_code == 303
    assert "An alarm clock" in desk.get("/office/radar?state=dismissed").text
    assert "An alarm clock" in desk.get(page).text
    assert desk.get("/office/radar?kind=clockwork").text.count("at the same time of day") == 0


def test_more_evidence_meanwhile_is_read_first(desk, house):
    row = suspect(house[0], "clockwork")
    answer = desk.post(
        f"/office/radar/{row.id}/dismissal", data={"seen": row.revision - 1, "reason": "An alarm clock"}
    )
    assert answer.status_code == 422
    assert "There is more evidence by now." in answer.text
    assert 'value="An alarm clock"' in answer.text


def test_the_suspects_are_downloaded_as_a_sheet_without_formulas(desk, house):
    answer = desk.get("/office/radar/suspects.csv")
    assert answer.mimetype == "text/csv"
    assert len(answer.text.strip().splitlines()) == 7
    assert "'=c" in answer.text.lower()
    with reading():
        number = people.member_of(radar.suspects()[0][0].member_id).number
    assert answer.text.lstrip("\ufeff").splitlines()[1].startswith(f"{number},")
