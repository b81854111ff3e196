"""A level is granted for a time: it holds at once, ends by itself with its last day, and growth goes on underneath."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from mall.base.clock import end_of
from mall.base.db import execute, reading, transaction
from mall.domain import audit, membership, notices, programme

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LAST = date(2026, 3, 31)
# Midnight in Berlin: the last day is over.
OVER = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)


def grant(member_id, rank=4, *, last_day=LAST, at=START, key="once", **more):
    with transaction():
        return membership.write_grant(
            membership.Grant(member_id, rank, last_day, "A friend of the shop", "staff:1", key, **more),
            terms=programme.current(at),
            at=at,
        )


def standing(member_id, at=START):
    with reading():
        return membership.standing(member_id, terms=programme.current(at), at=at)


def rank(member_id, at=START):
    """The rank as other rooms' statements read it."""
    with reading():
        return execute(select(membership.rank_of(member_id, at=at))).scalar_one()


def end(at):
    with transaction():
        return membership.end_grants(terms=programme.current(at), at=at)


def told():
    with reading():
        kinds = select(notices.Notice.kind, notices.Notice.details).where(notices.Notice.kind.like("level_grant%"))
        return [tuple(row) for row in execute(kinds.order_by(notices.Notice.id))]


def broken():
    with reading():
        return [check.name for check in membership.checks() if execute(check.breaks).first() is not None]


def test_a_granted_level_holds_at_once_and_with_its_whole_last_day(mei):
    assert (standing(mei).rank, rank(mei)) == (1, 1)
    grant(mei)

    now = standing(mei)
    assert (now.rank, now.level.key, now.grown.key, now.granted_until) == (4, "vip", "registered", LAST)
    assert (now.since, now.next_level.key, now.missing) == (date(2026, 1, 10), "svip", 15_000)
    assert (now.review_on, now.keep_missing) == (None, 0)
    last = end_of(LAST, "Europe/Berlin")
    assert (rank(mei, START - DAY), rank(mei), rank(mei, last), rank(mei, OVER)) == (1, 4, 4, 1)
    assert standing(mei, last).rank == 4
    assert (standing(mei, OVER).rank, standing(mei, OVER).granted_until) == (1, None)
    assert told() == [("level_granted", {"level": {"en": "VIP", "zh": "贵宾"}, "last_day": "2026-03-31"})]
    assert broken() == []


def test_the_higher_of_growth_and_grant_holds(mei, give_growth):
    give_growth(mei, 1_600)
    grant(mei, 2)
    assert (standing(mei).rank, standing(mei).granted_until, rank(mei)) == (3, None, 3)

    grant(mei, 5, key="another")
    assert (standing(mei).rank, standing(mei).grown.rank, rank(mei)) == (5, 3, 5)
    # What the review is about is the level that growth has reached.
    assert (standing(mei).keep, standing(mei).review_on) == (1_500, date(2027, 1, 10))


def test_growth_that_reaches_more_meanwhile_stays_when_the_grant_ends(mei, give_growth):
    grant(mei)
    assert give_growth(mei, 1_600, at=START + DAY).to_rank == 3
    assert standing(mei, START + DAY).rank == 4
    assert standing(mei, OVER).rank == 3


def test_standing_still_costs_one_statement(mei, count_statements):
    grant(mei)
    with reading():
        terms = programme.current(START)
        count_statements.clear()
        membership.standing(mei, terms=terms, at=START)
    assert len(count_statements) == 1


def test_the_night_ends_what_is_over_and_tells_it_once(mei):
    grant(mei)
    assert end(OVER - timedelta(seconds=1)) == 0
    assert (end(OVER), end(OVER), end(OVER + DAY)) == (1, 0, 0)

    assert told()[1:] == [("level_grant_ended", {"level": {"en": "VIP", "zh": "贵宾"}})]
    with reading():
        (row,) = membership.grants_of(mei)
    assert (row.how, row.ended_by, row.ended_at) == ("over", "system", OVER)


def test_asked_again_with_its_key_it_is_one_grant(mei):
    assert grant(mei) == grant(mei)
    assert len(told()) == 1


@pytest.mark.parametrize("wrong", [1, 0, 6, -1])
def test_only_a_level_above_the_lowest_is_granted(mei, wrong):
    with pytest.raises(membership.NoSuchLevel):
        grant(mei, wrong)


@pytest.mark.parametrize("day", [date(2026, 1, 9), date(2027, 1, 12)])
def test_only_until_a_day_within_a_year(mei, day):
    with pytest.raises(membership.GrantTooLong, match="from 2026-01-10 to 2027-01-11"):
        grant(mei, last_day=day)


def test_it_ends_early_for_a_reason_that_is_kept(mei):
    given = grant(mei)
    for _twice in range(2):
        with transaction():
            membership.withdraw_grant(
                given, member_id=mei, reason="By mistake", by="staff:2", terms=programme.current(START), at=START + DAY
            )

    assert (rank(mei, START + DAY), standing(mei, START + DAY).rank) == (1, 1)
    with reading():
        acts = [(act.act, act.by, act.reason) for act in audit.entries(subject=f"member:{mei}", limit=9)]
        (row,) = membership.grants_of(mei)
    assert ("level.grant_withdrawn", "staff:2", "By mistake") in acts and len(acts) == 2
    assert (row.how, row.end_reason) == ("withdrawn", "By mistake")
    assert [kind for kind, _details in told()] == ["level_granted", "level_grant_ended"]
    assert end(OVER) == 0
    assert broken() == []


def test_another_members_grant_is_not_there(mei):
    given = grant(mei)
    with pytest.raises(membership.NoSuchGrant), transaction():
        membership.withdraw_grant(
            given, member_id=mei + 1, reason="No", by="staff:2", terms=programme.current(START), at=START
        )


@pytest.mark.breaks_the_books  # No order has paid for it here.
def test_a_paid_plan_uses_the_same_table(mei):
    with transaction():
        membership.write_grant(
            membership.Grant(mei, 3, LAST, "", "system", "order:7:plan", kind=membership.PAID, reference="order:7"),
            terms=programme.current(START),
            at=START,
        )
    assert standing(mei).rank == 3
    assert broken() == []


def test_it_is_the_same_on_both_databases(either, open_shop):
    _terms, mei = open_shop()
    assert rank(mei) == 1
    grant(mei)
    assert (rank(mei), standing(mei).rank, standing(mei).granted_until) == (4, 4, LAST)
    assert broken() == []
    assert (end(OVER), end(OVER)) == (1, 0)
    assert (rank(mei, OVER), standing(mei, OVER).rank) == (1, 1)


@pytest.mark.parametrize("table", [membership.LevelGrant, membership.LevelGrantEnd])
def test_grants_are_only_added_to(mei, table):
    grant(mei)
    end(OVER)
    for tamper in (update(table).values({next(iter(table.__table__.primary_key.columns)).name: 77}), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), transaction():
            execute(tamper)


def test_nothing_is_granted_by_hand_without_a_reason(mei):
    with pytest.raises(IntegrityError), transaction():
        write(mei, reason="")


def write(member_id, **changed):
    execute(
        insert(membership.LevelGrant).values(
            {
                "member_id": member_id, "rank": 4, "kind": "manual", "begins_on": date(2026, 1, 10),
                "begins_at": START, "last_day": LAST, "ends_at": OVER, "reason": "Because", "reference": "",
                "by": "staff:1", "version": 1, "key": "by hand",
            }
            | changed
        )
    )  # fmt: skip


FROM_NOWHERE = "a level granted by hand was granted and withdrawn as the audit says"
ENDS = "a granted level ends when its time is over, and as of the last nightly run it has"


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_grant_that_nobody_gave(mei):
    with transaction():
        write(mei)
    assert broken() == [FROM_NOWHERE]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"how": "over", "ended_at": OVER - DAY}, [ENDS]),
        ({"how": "withdrawn", "reason": "No", "ended_at": START + DAY}, [FROM_NOWHERE]),
        ({"how": "over", "ended_at": START - DAY}, [ENDS]),
        ({"how": "replaced", "ended_at": START + DAY}, [ENDS]),
    ],
)
def test_the_proof_finds_a_grant_that_ended_otherwise(mei, values, found):
    given = grant(mei)
    with transaction():
        execute(insert(membership.LevelGrantEnd).values({"grant_id": given, "reason": "", "by": "system"} | values))
    assert broken() == found


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_grant_that_the_night_has_left_open(mei):
    grant(mei)
    with transaction():
        membership.note_review(terms=programme.current(OVER), at=OVER + DAY)
    assert broken() == [ENDS]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("days", [-2, 2])
def test_the_proof_finds_a_grant_that_lasts_longer_or_shorter_than_it_says(mei, days):
    grant(mei)
    with transaction():
        write(mei, ends_at=OVER + days * DAY)
    assert broken() == [FROM_NOWHERE, "a granted level lasts until the end of its last day"]
