"""The programme is versioned: drafted by one, approved by another, in force from a day, never changed afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound
from mall.domain import approvals, audit, programme

JANUARY = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)


def draft(settings, **values):
    with transaction():
        return programme.draft(
            settings,
            **{"based_on": 1, "effective_from": APRIL, "by": "staff:1", "at": MARCH, "reason": "Spring"} | values,
        )


def approve(number, **values):
    with transaction():
        return programme.approve(number, **{"by": "staff:2", "at": MARCH, "other_approvers": 1} | values)


def in_force(at):
    with reading():
        return programme.current(at)


def test_a_shop_without_a_programme_says_so(app):
    with pytest.raises(programme.NoProgramme, match="flask --app wsgi setup"):
        in_force(JANUARY)


def test_setting_up_makes_version_one_in_force_at_once(shop):
    assert shop.version == 1
    assert in_force(JANUARY) == shop
    with pytest.raises(programme.NoProgramme):
        in_force(JANUARY - timedelta(seconds=1))


def test_a_shop_is_set_up_once(shop, settings):
    with pytest.raises(programme.AlreadySetUp), transaction():
        programme.establish(settings, by="system", at=MARCH)


def test_a_draft_changes_nothing_until_it_is_approved(shop, settings):
    number = draft(settings | {"earn_points": 20})

    assert number == 2
    assert in_force(APRIL).earn_points == 10
    with reading():
        assert [row.what["version"] for row in approvals.waiting("programme")] == [2]


def test_an_approved_version_is_in_force_from_its_day_and_the_old_one_before(shop, settings):
    assert approve(draft(settings | {"earn_points": 20})) == APRIL

    assert in_force(APRIL - timedelta(microseconds=1)).earn_points == 10
    assert in_force(APRIL).earn_points == 20
    with reading():
        assert programme.version(1).earn_points == 10


def test_nothing_is_retroactive(shop, settings):
    late = APRIL + timedelta(days=3)

    assert approve(draft(settings | {"earn_points": 20}), at=late) == late
    assert in_force(APRIL).earn_points == 10
    assert in_force(late).earn_points == 20


def test_two_people_are_needed(shop, settings):
    number = draft(settings)

    with pytest.raises(approvals.OwnRequest):
        approve(number, by="staff:1")
    assert in_force(APRIL).version == 1


def test_where_there_is_one_it_is_marked(shop, settings):
    approve(draft(settings | {"earn_points": 20}), by="staff:1", other_approvers=0)

    assert in_force(APRIL).version == 2
    with reading():
        assert "programme.changed" in [entry.act for entry in audit.entries(by_one_person=True)]
        assert programme.versions()[0].by_one_person


def test_the_audit_shows_only_what_changed(shop, settings):
    approve(draft(settings | {"earn_points": 20}))

    with reading():
        (entry,) = audit.entries(act="programme.changed")
    assert (entry.before, entry.after) == ({"earn_points": 10}, {"earn_points": 20})
    assert entry.reason == "Spring"


def test_approved_again_by_the_same_person_it_begins_when_it_began(shop, settings):
    number = draft(settings | {"earn_points": 20})

    assert approve(number, at=APRIL) == approve(number, at=APRIL + timedelta(days=1))
    with reading():
        assert len(audit.entries(act="programme.changed")) == 1


def test_a_draft_that_would_undo_another_unseen_is_refused(shop, settings):
    first, second = draft(settings | {"earn_points": 20}), draft(settings | {"validity_months": 24})
    approve(first)

    with pytest.raises(programme.ThingsChanged, match="version 2"):
        approve(second)
    assert in_force(APRIL).validity_months == 12


def test_what_is_approved_later_and_begins_earlier_withdraws_what_was_yet_to_begin(either, settings):
    with transaction():
        programme.establish(settings, by="system", at=JANUARY)
    june, now = APRIL + timedelta(days=61), MARCH + timedelta(hours=1)
    approve(draft(settings | {"earn_points": 20}, effective_from=june))
    third = draft(settings | {"worth_cents": 50}, based_on=2, effective_from=MARCH, at=now)
    approve(third, at=now)

    assert in_force(MARCH).version == 1
    for later in (now, APRIL, june, june + timedelta(days=1)):
        assert in_force(later).version == 3
    with reading():
        assert programme.upcoming(now) == {}
        assert [(row.id, row.withdrawn_by) for row in programme.versions()] == [(3, None), (2, 3), (1, None)]
        (entry,) = audit.entries(act="programme.withdrawn")
    assert (entry.subject, entry.after, entry.by) == ("programme:2", {"by_version": 3}, "staff:2")


def test_what_begins_later_withdraws_nothing(shop, settings):
    june = APRIL + timedelta(days=61)
    approve(draft(settings | {"earn_points": 20}))
    approve(draft(settings | {"earn_points": 30}, based_on=2, effective_from=june))

    assert [in_force(at).earn_points for at in (MARCH, APRIL, june)] == [10, 20, 30]
    with reading():
        assert programme.upcoming(MARCH) == {2: APRIL, 3: june}
        assert programme.newest() == 3
        assert audit.entries(act="programme.withdrawn") == []


def test_a_declined_draft_is_never_in_force(shop, settings):
    number = draft(settings | {"earn_points": 20})
    with transaction():
        programme.decline(number, by="staff:2", at=MARCH, reason="Too dear")

    with pytest.raises(approvals.AlreadyDecided):
        approve(number)
    assert in_force(APRIL).version == 1


def test_bad_settings_are_not_drafted(shop, settings):
    with pytest.raises(programme.BadSetting):
        draft(settings | {"zone": "Mars/Olympus"})
    with reading():
        assert len(programme.versions()) == 1


def test_the_currency_is_fixed_once_points_were_given(shop, settings):
    with pytest.raises(programme.BadSetting, match="fixed"):
        draft(settings | {"currency": "USD"})
    assert draft(settings | {"currency": "USD"}, books_begun=False) == 2


def test_the_time_zone_is_fixed_too_so_that_the_days_of_the_books_stay_what_they_were(shop, settings):
    with pytest.raises(programme.BadSetting, match="time zone is fixed"):
        draft(settings | {"zone": "Asia/Shanghai"})
    with reading():
        assert len(programme.versions()) == 1
    assert draft(settings | {"zone": "Asia/Shanghai"}, books_begun=False) == 2


def test_a_version_that_is_not_there(shop):
    with pytest.raises(NotFound), reading():
        programme.version(9)
    with pytest.raises(NotFound):
        approve(9)
    with pytest.raises(NotFound):
        approve(1)


def test_the_current_programme_costs_one_statement_once_read(shop, count_statements):
    in_force(MARCH)
    count_statements.clear()
    with reading():
        programme.current(MARCH)
        programme.version(1)

    assert len(count_statements) == 1


def test_a_version_that_was_rolled_back_is_not_remembered(shop, settings):
    with pytest.raises(ZeroDivisionError), transaction():
        programme.draft(
            settings | {"earn_points": 99}, based_on=1, effective_from=APRIL, by="staff:1", at=MARCH, reason=""
        )
        assert programme.version(2).earn_points == 99
        _ = 1 / 0

    approve(draft(settings | {"earn_points": 20}))
    assert in_force(APRIL).earn_points == 20


@pytest.mark.parametrize("table", [programme.ProgrammeVersion, programme.ProgrammeApproval, programme.LevelThreshold])
def test_a_version_cannot_be_changed_or_removed(shop, table):
    column = next(iter(table.__table__.primary_key.columns))
    for tamper in (update(table).values({column.name: 7}), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), transaction():
            execute(tamper)


def test_it_is_the_same_on_both_databases(either, settings):
    with transaction():
        programme.establish(settings, by="system", at=JANUARY)
    approve(draft(settings | {"earn_points": 20}))

    assert in_force(MARCH).earn_points == 10
    assert in_force(APRIL).earn_points == 20
    with reading():
        assert not [check.name for check in programme.checks() if execute(check.breaks).first()]
