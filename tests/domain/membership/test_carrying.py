"""When the shop's levels become others nobody falls that day: whoever may fall later is told 30 days before."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from mall.base.db import execute, reading, transaction
from mall.domain import audit, ledger, membership, notices, people, programme
from mall.domain.programme.settings import terms_of
from tests.conftest import noted_statements

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = START + 40 * DAY
PYRAMID = terms_of(1, programme.default_settings(shop_name="Tessera"))
SIX = terms_of(2, programme.default_settings(shop_name="Tessera", levels="six_steps"))


def change(levels, *, at=LATER):
    """Put a version with other levels in force; `levels` is the list, or the name of a ready-made set."""
    with transaction():
        before = programme.current(at)
        if isinstance(levels, str):
            levels = programme.default_settings(shop_name="Tessera", levels=levels)["levels"]
        settings = programme.settings_of(before) | {"levels": levels}
        number = programme.draft(
            settings, based_on=before.version, effective_from=at, by="staff:1", at=at, reason="Other levels"
        )
        programme.approve(number, by="staff:2", at=at, other_approvers=1)


def levels_now(at=LATER):
    with reading():
        return programme.settings_of(programme.current(at))["levels"]


def carry(at=LATER, *, share=1_000):
    """Carry everybody over, as the worker does. Returns how many were."""
    after, before = 0, carried()
    while after is not None:
        with transaction():
            after = membership.carry(terms=programme.current(at), after=after, at=at, share=share)
    return carried() - before


def carried():
    with reading():
        return execute(select(func.count()).where(membership.LevelHistory.reason == "carried")).scalar_one()


def follow(at=LATER, *, share=1_000):
    """Carry everybody over and review, as the worker does. Returns how many were carried."""
    with reading():
        terms = programme.current(at)
        followed = membership.is_followed(terms)
    if followed:
        return None
    done = carry(at, share=share)
    review(at)
    with transaction():
        membership.note_review(terms=terms, at=at)
    return done


def review(at):
    """Do the review of a night, many at a time."""
    with transaction():
        terms = programme.current(at)
        due, _following = membership.due_in_share(terms=terms, after=0, at=at, share=1_000)
        membership.review_many(due, terms=terms, at=at)


def standing(member_id, at=LATER):
    with reading():
        return membership.standing(member_id, terms=programme.current(at), at=at)


def steps(member_id):
    with reading():
        return [(step.rank, step.reason) for step in reversed(membership.history_of(member_id))]


def broken():
    with reading():
        return [check.name for check in membership.checks() if execute(check.breaks).first() is not None]


@pytest.mark.parametrize(
    ("before", "now", "places"),
    [(PYRAMID, SIX, [1, 2, 4, 5, 6]), (SIX, PYRAMID, [1, 3, 3, 4, 4, 5]), (SIX, SIX, [1, 2, 3, 4, 5, 6])],
)
def test_every_level_has_its_place_in_the_other_set_and_none_takes_less_growth(before, now, places):
    assert [membership.place_of(level.rank, before=before, now=now) for level in before.levels] == places
    for level, place in zip(before.levels, places, strict=True):
        assert now.level(place).reach >= level.reach or place == len(now.levels)


@pytest.mark.parametrize(
    ("growth", "was", "becomes"), [(0, 1, 1), (5, 2, 2), (1_600, 3, 4), (6_000, 4, 5), (20_000, 5, 6)]
)
def test_from_the_pyramid_to_six_steps_nobody_stands_lower(mei, give_growth, growth, was, becomes):
    if growth:
        give_growth(mei, growth)
    assert standing(mei, START).rank == was
    change("six_steps")
    follow()

    assert standing(mei).rank == becomes
    assert standing(mei).level.reach >= PYRAMID.level(was).reach or becomes == 6
    assert broken() == []


def test_whoever_may_fall_is_told_30_days_before_the_review_and_falls_one_step(mei, give_growth):
    give_growth(mei, 1_600)
    change("six_steps")
    follow()
    # Senior took 1,500; V4 takes 2,000, which 1,600 would not keep. The review stays when it was.
    assert steps(mei)[-1] == (4, "carried")
    assert standing(mei).review_on == date(2027, 1, 10)
    day = datetime(2027, 1, 10, 2, tzinfo=UTC)

    def night(at):
        review(at)
        return standing(mei, at).rank

    assert night(day - 31 * DAY) == 4
    assert told("level_review") == 0
    assert night(day - 30 * DAY) == 4
    assert told("level_review") == 1
    assert night(day - DAY) == 4
    assert night(day) == 3
    assert night(day + DAY) == 3
    assert broken() == []


def told(kind):
    with reading():
        return len([row for row in execute(notices.Notice.__table__.select()) if row.kind == kind])


def test_who_has_reached_more_by_the_new_thresholds_rises_at_once(mei, give_growth):
    give_growth(mei, 600)
    assert standing(mei, START).level.key == "ordinary"
    change("six_steps")
    assert follow() == 0
    assert standing(mei).level.key == "v2"

    cheaper = [level | {"reach": level["reach"] // 2, "keep": level["keep"] // 2} for level in levels_now()]
    change(cheaper, at=LATER + DAY)
    follow(LATER + DAY)
    assert standing(mei, LATER + DAY).level.key == "v3"
    assert steps(mei)[-1] == (3, "reached")
    assert broken() == []


def test_a_level_put_in_between_leaves_everybody_with_theirs(mei, give_growth):
    give_growth(mei, 6_000)
    levels = levels_now(START)
    gold = levels[2] | {"key": "gold", "name": {"en": "Gold", "zh": "金卡"}, "reach": 3_000, "keep": 3_000}
    change([level | {"rank": rank} for rank, level in enumerate([*levels[:3], gold, *levels[3:]], start=1)])
    follow()

    assert (standing(mei).level.key, standing(mei).rank) == ("vip", 5)


def test_a_level_that_is_taken_away_does_not_make_another_of_those_above(mei, give_growth):
    give_growth(mei, 6_000)
    levels = levels_now(START)
    change([level | {"rank": rank} for rank, level in enumerate(levels[:2] + levels[3:], start=1)])
    follow()

    assert (standing(mei).level.key, standing(mei).rank) == ("vip", 3)
    assert broken() == []


def test_what_is_granted_goes_on_as_the_level_that_takes_its_place(mei):
    with transaction():
        membership.write_grant(
            membership.Grant(mei, 4, date(2026, 6, 30), "A friend", "staff:1", "once"),
            terms=programme.current(START),
            at=START,
        )
    change("six_steps")
    follow()

    assert (standing(mei).level.key, standing(mei).granted_until) == ("v5", date(2026, 6, 30))
    assert carry() == 0
    with reading():
        assert [(row.rank, row.how) for row in membership.grants_of(mei)] == [(5, None), (4, "replaced")]
    assert broken() == []


def test_a_granted_level_that_is_the_lowest_by_now_does_not_become_another_by_its_number(mei):
    with transaction():
        membership.write_grant(
            membership.Grant(mei, 2, date(2026, 6, 30), "A friend", "staff:1", "once"),
            terms=programme.current(START),
            at=START,
        )
    lowest, *others = levels_now(START)[1:]
    lowest |= {"reach": 0, "keep": 0}
    change([level | {"rank": rank} for rank, level in enumerate([lowest, *others], start=1)])
    follow()

    assert (standing(mei).level.key, standing(mei).rank) == (lowest["key"], 1)
    with reading():
        assert [(row.rank, row.how) for row in membership.grants_of(mei)] == [(2, "withdrawn")]
    assert broken() == []


def test_names_and_thresholds_alone_carry_nobody(mei, give_growth):
    give_growth(mei, 1_600)
    dearer = [level | {"reach": level["reach"] * 2, "keep": level["keep"] * 2} for level in levels_now(START)]
    change(dearer)
    assert follow() == 0

    assert steps(mei) == [(1, "registered"), (3, "reached")]
    assert standing(mei).rank == 3


def test_done_twice_or_in_small_shares_it_is_done_once(mei, give_growth):
    give_growth(mei, 1_600)
    change("six_steps")
    assert follow(share=1) == 1
    assert follow() is None
    assert carry() == 0
    assert steps(mei)[1:] == [(3, "reached"), (4, "carried")]


def grant(member_id, rank, key):
    with transaction():
        membership.write_grant(
            membership.Grant(member_id, rank, date(2026, 6, 30), "A friend", "staff:1", key),
            terms=programme.current(START), at=START,
        )  # fmt: skip


@pytest.fixture
def many(either, open_shop, give_growth):
    """Six members; five of them Senior by growth, four with VIP granted beside it."""
    terms, mei = open_shop()
    members = [mei, *(join(f"m{number}", terms) for number in range(5))]
    for member_id in members[:5]:
        give_growth(member_id, 1_600)
    for member_id in members[:4]:
        grant(member_id, 4, f"grant:{member_id}")
    return members


def join(name, terms):
    with transaction():
        member_id = people.register(
            email=people.read_email(f"{name}@example.com"), password=people.PasswordHash("-"), display_name=name,
            language="en", wants_news=False, verify_page="http://localhost/verify/", at=START,
        )  # fmt: skip
        ledger.open_purse(member_id, at=START)
        membership.begin(member_id, terms=terms, at=START)
    return member_id


def granted_to(members):
    with reading():
        return [[(row.rank, row.how) for row in membership.grants_of(each)] for each in members]


def test_stopped_between_two_shares_the_next_run_does_the_rest_and_each_is_carried_once(many):
    change("six_steps")
    with transaction():
        after = membership.carry(terms=programme.current(LATER), after=0, at=LATER, share=many[1])
    assert (after, carried()) == (many[1], 2)

    assert follow(share=2) == 3
    assert carry() == 0

    assert [steps(each)[-1] for each in many] == [(4, "carried")] * 5 + [(1, "registered")]
    assert granted_to(many) == [[(5, None), (4, "replaced")]] * 4 + [[]] * 2
    with reading():
        written = audit.entries(act="level.granted", by="system")
    assert sorted(entry.subject for entry in written) == sorted(f"member:{each}" for each in many[:4])
    assert broken() == []


def test_many_are_carried_by_as_many_statements_as_few(many):
    change("six_steps")
    with reading():
        terms = programme.current(LATER)
    with noted_statements() as of_one, transaction():
        after = membership.carry(terms=terms, after=0, at=LATER, share=many[0])
    with noted_statements() as of_the_others, transaction():
        assert membership.carry(terms=terms, after=after, at=LATER) is None
    assert carried() == 5
    assert len(of_the_others) <= len(of_one)


def test_it_is_the_same_on_both_databases(either, open_shop, give_growth):
    _terms, mei = open_shop()
    give_growth(mei, 6_000)
    change("six_steps")
    assert follow() == 1
    assert (standing(mei).rank, steps(mei)[-1]) == (5, (5, "carried"))
    assert broken() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(("rank", "version"), [(4, 1), (3, 2)])
def test_the_proof_finds_somebody_carried_nowhere(mei, give_growth, rank, version):
    give_growth(mei, 1_600)
    change("six_steps")
    with transaction():
        execute(
            insert(membership.LevelHistory).values(
                member_id=mei, step=3, rank=rank, reason="carried", growth=1_600, version=version,
                began_on=date(2026, 2, 19), began_at=LATER, review_on=date(2027, 1, 10), counts_from=date(2026, 1, 11),
            )
        )  # fmt: skip
    assert broken() == ["a member begins at the lowest level, and reaches others by growth"]


@pytest.mark.breaks_the_books  # No order has paid for it here.
def test_what_is_paid_goes_on_as_the_level_that_took_its_place_and_what_is_to_come_does_not_begin_before(mei):
    for number in (1, 2):
        with transaction():
            membership.write_paid_grant(
                mei, 4, length=60, unit="days", reference=f"order:{number}:1", terms=programme.current(START), at=START
            )
    change("six_steps")
    follow()

    with reading():
        terms = programme.current(LATER)
        now, then = (membership.standing(mei, terms=terms, at=at) for at in (LATER, START + 80 * DAY))
        periods = membership.paid_periods(["order:1:1", "order:2:1"])
    place = membership.place_of(4, before=PYRAMID, now=SIX)
    assert (now.rank, then.rank, now.granted_until) == (place, place, then.granted_until)
    assert [each.days for each in periods.values()] == [60, 60]
    assert periods["order:2:1"].begins_on == periods["order:1:1"].last_day + DAY
    with reading():
        assert [check.name for check in membership.checks() if execute(check.breaks).first()] == []


@pytest.mark.breaks_the_books
def test_what_is_paid_is_never_the_lowest_level(mei):
    with transaction():
        membership.write_paid_grant(
            mei, 2, length=60, unit="days", reference="order:1:1", terms=programme.current(START), at=START
        )
    levels = levels_now(START)
    left = [levels[0] | {"key": levels[1]["key"]}, *levels[2:]]
    change([level | {"rank": number} for number, level in enumerate(left, start=1)])
    follow()

    with reading():
        assert membership.standing(mei, terms=programme.current(LATER), at=LATER).rank == 2


@pytest.mark.breaks_the_books
def test_what_is_paid_again_after_the_levels_became_others_goes_on_before_anybody_is_carried_over(mei):
    with transaction():
        membership.write_paid_grant(
            mei, 4, length=60, unit="days", reference="order:1:1", terms=programme.current(START), at=START
        )
    change("six_steps")
    place = membership.place_of(4, before=PYRAMID, now=SIX)
    assert place == 5  # The number four is another level's by now.

    with transaction():
        terms = programme.current(LATER)
        membership.write_paid_grant(mei, place, length=60, unit="days", reference="order:2:1", terms=terms, at=LATER)

    with reading():
        first, second = (membership.paid_periods([each])[each] for each in ("order:1:1", "order:2:1"))
        later = membership.paid_after(first, but=["order:1:1"])
        now = membership.standing(mei, terms=terms, at=LATER)
    assert (first.rank, second.rank) == (place, place)
    assert second.begins_on == first.last_day + DAY
    assert (later.reference, later.last_day) == ("order:2:1", second.last_day)
    assert (now.rank, now.granted_until) == (place, second.last_day)
    follow()
    with reading():
        assert membership.paid_periods(["order:1:1"])["order:1:1"] == first


@pytest.mark.breaks_the_books
def test_one_of_another_level_with_the_same_number_is_not_what_goes_on(mei):
    with transaction():
        membership.write_paid_grant(
            mei, 4, length=60, unit="days", reference="order:1:1", terms=programme.current(START), at=START
        )
    change("six_steps")
    with transaction():  # V4 takes the place of no level that was paid for.
        membership.write_paid_grant(
            mei, 4, length=60, unit="days", reference="order:2:1", terms=programme.current(LATER), at=LATER
        )

    with reading():
        first, second = (membership.paid_periods([each])[each] for each in ("order:1:1", "order:2:1"))
        assert membership.paid_after(first, but=["order:1:1"]) is None
        assert second.begins_on == programme.current(LATER).today(LATER)
    assert (first.rank, second.rank) == (5, 4)
