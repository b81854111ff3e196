"""Growth of who does nothing for 90 days is taken off, 10 % a month, announced 14 days before; coming by keeps it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import earning, ledger, membership, notices, people, programme
from mall.domain.earning.dormancy import points_off

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)
# Bought and kept on 2 March: 90 days later is 31 May, 14 days before that 17 May, a month after it 30 June.
TOLD, TAKEN, TOLD_AGAIN, TAKEN_AGAIN = (NIGHT + days * DAY for days in (76, 90, 107, 121))


def buy(member_id, sale, *, at=NOON):
    with transaction():
        terms = programme.current(at)
        purse = ledger.lock(member_id, zone=terms.zone)
        earning.order_paid(sale, purse=purse, terms=terms, at=at)
        earning.order_kept(sale, purse=purse, terms=terms, at=at)


def night(at, *, share=1_000):
    """Do the dormancy of a night, share by share, as the worker does."""
    after = 0
    while after is not None:
        with transaction():
            after = earning.take_off_dormant(terms=programme.current(at), after=after, at=at, share=share)


def nights(begin, end):
    while begin <= end:
        night(begin)
        begin += DAY


def told():
    with reading():
        query = select(notices.Notice.details).where(notices.Notice.kind == "level_dormancy")
        return list(execute(query.order_by(notices.Notice.id)).scalars())


def growth(member_id, at):
    with reading():
        return membership.standing(member_id, terms=programme.current(at), at=at).growth


def events(member_id):
    with reading():
        return [(row.points, row.source) for row in reversed(membership.growth_entries(member_id, limit=99))]


def broken():
    with reading():
        return [
            check.name
            for check in (*earning.checks(), *membership.checks())
            if execute(check.breaks).first() is not None
        ]


@pytest.fixture
def bought(mei, sale_of):
    """Mei, who has bought and kept goods for 1,600.00."""
    buy(mei, sale_of(mei, 160_000))
    return mei


def test_it_is_announced_14_days_before_and_then_a_tenth_is_taken_off(bought):
    night(TOLD - DAY)
    assert told() == []
    nights(TOLD, TAKEN - DAY)
    assert told() == [{"points": 160, "deducts_on": "2026-05-31"}]
    assert growth(bought, TAKEN - DAY) == 1_600

    night(TAKEN)

    assert growth(bought, TAKEN) == 1_440
    with reading():
        last = membership.growth_entries(bought)[0]
    assert (last.points, last.source, last.reference, last.counts_on) == (
        -160, "dormancy", "dormancy:1", date(2026, 5, 31),
    )  # fmt: skip
    assert str(last.why) == "Nothing done for 90 days: 10 % of 1600 growth, announced on 2026-05-17"


def test_every_month_of_it_is_announced_anew_and_takes_off_a_tenth_of_what_is_left(bought):
    nights(TOLD, TAKEN_AGAIN)

    assert told() == [{"points": 160, "deducts_on": "2026-05-31"}, {"points": 144, "deducts_on": "2026-06-30"}]
    assert events(bought) == [(1_600, "order"), (-160, "dormancy"), (-144, "dormancy")]
    assert broken() == []


def test_who_does_something_before_the_day_keeps_it_all_and_begins_anew(bought):
    night(TOLD)
    with transaction():
        earning.check_in(bought, terms=programme.current(TAKEN), at=TAKEN - timedelta(hours=3))
    nights(TAKEN, TAKEN + 70 * DAY)
    assert (growth(bought, TAKEN), len(told())) == (1_600, 1)

    nights(TAKEN + 71 * DAY, TAKEN + 90 * DAY)
    assert told()[1:] == [{"points": 160, "deducts_on": "2026-08-28"}]


@pytest.mark.parametrize("does", ["order", "told", "check_in"])
def test_whatever_a_member_does_shows_that_they_are_there(bought, sale_of, does):
    at = TOLD - DAY
    if does == "order":
        buy(bought, sale_of(bought, 100, order=8), at=at)
    else:
        with transaction():
            terms = programme.current(at)
            if does == "told":
                earning.told(bought, earning.ADDRESS_ADDED, terms=terms, at=at)
            else:
                earning.check_in(bought, terms=terms, at=at)
    nights(TOLD, TAKEN)

    assert told() == []


def test_what_comes_about_without_the_member_shows_nothing(bought, sale_of):
    with transaction():
        terms = programme.current(TOLD)
        purse = ledger.lock(bought, zone=terms.zone)
        sale = sale_of(bought, 100_000)
        earning.order_reduced(sale, key="order:7:refund:1", purse=purse, terms=terms, at=TOLD - DAY)
    night(TOLD)

    assert told() == [{"points": 100, "deducts_on": "2026-05-31"}]


def test_a_page_that_was_looked_at_shows_nothing(bought):
    with transaction():
        execute(update(people.Member).values(last_seen_at=TOLD - DAY))
    night(TOLD)

    assert len(told()) == 1


def test_a_night_done_twice_does_nothing_twice_and_one_share_at_a_time_does_the_same(bought):
    for at in (TOLD, TAKEN, TOLD_AGAIN, TAKEN_AGAIN):
        night(at, share=1)
        night(at)
        night(at + timedelta(hours=3))

    assert events(bought) == [(1_600, "order"), (-160, "dormancy"), (-144, "dormancy")]
    assert len(told()) == 2


def test_a_night_that_was_missed_tells_late_and_takes_off_14_days_after_that(bought):
    night(TAKEN + 5 * DAY)
    assert told() == [{"points": 160, "deducts_on": "2026-06-19"}]
    night(TAKEN + 18 * DAY)
    assert growth(bought, TAKEN + 18 * DAY) == 1_600
    night(TAKEN + 19 * DAY)
    assert growth(bought, TAKEN + 19 * DAY) == 1_440


def test_what_was_announced_long_ago_is_announced_again(bought):
    night(TOLD)
    night(TAKEN + 16 * DAY)

    assert growth(bought, TAKEN + 16 * DAY) == 1_600
    assert told()[1:] == [{"points": 160, "deducts_on": "2026-06-30"}]


def test_no_more_is_taken_off_than_was_said_though_growth_has_come_by_itself(bought, sale_of):
    with transaction():
        earning.order_paid(
            sale_of(bought, 900_000, order=8),
            purse=ledger.lock(bought, zone="Europe/Berlin"),
            terms=programme.current(NOON),
            at=NOON,
        )
    night(TOLD)
    with transaction():
        purse = ledger.lock(bought, zone="Europe/Berlin")
        sale = sale_of(bought, 900_000, order=8)
        earning.order_kept(sale, purse=purse, terms=programme.current(TOLD), at=TOLD + DAY)
    night(TAKEN)

    assert events(bought)[-1] == (-160, "dormancy")
    assert broken() == []


def test_who_has_bought_is_never_brought_below_the_second_level(mei, sale_of):
    buy(mei, sale_of(mei, 200))
    nights(TOLD, TAKEN)
    # A tenth of 2 is nothing yet.
    assert told() == []


@pytest.mark.parametrize(
    ("had", "percent", "left", "off"),
    [(100, 100, 1, 99), (1, 100, 1, 0), (0, 10, 0, 0), (9, 10, 0, 0), (-5, 50, 0, 0)],
)
def test_the_share_never_goes_below_what_is_left(had, percent, left, off):
    assert points_off(had, percent=percent, left=left) == off


def test_over_every_growth_and_share_something_sensible_is_taken():
    for had in range(-3, 60):
        for percent in range(1, 101, 3):
            for left in (0, 1, 20):
                off = points_off(had, percent=percent, left=left)
                assert 0 <= off * 100 <= max(0, had) * percent
                assert off == 0 or had - off >= left


def test_all_of_it_at_once_leaves_a_buyer_the_second_level(app, open_shop, sale_of):
    mei = open_shop(dormancy_percent=100)
    buy(mei, sale_of(mei, 160_000))
    nights(TOLD, TAKEN)

    assert growth(mei, TAKEN) == 1
    assert broken() == []


def test_what_it_was_taken_of_leaves_the_window_and_the_rest_is_given_back(bought):
    nights(TOLD, NIGHT + 365 * DAY)

    # Of 1,600 nothing counts any more; what was taken of it counts for longer, and would hold back whatever comes now.
    assert growth(bought, NIGHT + 365 * DAY) == 0
    back = [points for points, source in events(bought) if source == "dormancy" and points > 0]
    assert sum(back) == -sum(points for points, source in events(bought) if source == "dormancy" and points < 0)
    assert broken() == []
    before = events(bought)
    night(NIGHT + 365 * DAY)
    assert events(bought) == before


def test_a_refund_of_what_it_was_taken_of_gives_it_back_too(bought, sale_of):
    nights(TOLD, TAKEN)
    with transaction():
        terms = programme.current(TAKEN)
        purse = ledger.lock(bought, zone=terms.zone)
        earning.order_reduced(sale_of(bought, 0), key="order:7:refund:1", purse=purse, terms=terms, at=TAKEN + DAY)
    assert growth(bought, TAKEN + DAY) == -160
    night(TAKEN + 2 * DAY)

    assert growth(bought, TAKEN + 2 * DAY) == 0
    assert broken() == []


def test_a_level_reached_anew_after_growth_was_given_back_is_merited(app, open_shop, sale_of):
    mei = open_shop(dormancy_percent=80)
    buy(mei, sale_of(mei, 160_000))
    nights(TOLD, TAKEN)
    after = TAKEN + DAY
    with transaction():
        terms = programme.current(after)
        purse = ledger.lock(mei, zone=terms.zone)
        earning.order_reduced(sale_of(mei, 0), key="order:7:refund:1", purse=purse, terms=terms, at=after)
    night(after + DAY)
    # 1,280 were taken off of what went back, and given back for it: what comes now counts whole.
    buy(mei, sale_of(mei, 5_000, order=8), at=after + 2 * DAY)
    assert growth(mei, after + 2 * DAY) == 50
    assert broken() == []

    buy(mei, sale_of(mei, 200, order=9), at=after + 3 * DAY)
    with transaction():
        purse = ledger.lock(mei, zone=terms.zone)
        earning.order_reduced(
            sale_of(mei, 0, order=9), key="order:9:refund:1", purse=purse, terms=terms, at=after + 4 * DAY
        )
    with reading():
        levels = select(earning.FactRow.kind).where(earning.FactRow.kind.in_(("level_reached", "level_unreached")))
        kinds = list(execute(levels.order_by(earning.FactRow.id)).scalars())
    # Ordinary and Senior, which went back with the order; then Ordinary anew, which stays.
    assert kinds == ["level_reached", "level_reached", "level_unreached", "level_unreached", "level_reached"]
    assert broken() == []


def review(member_id, at):
    with transaction():
        membership.review(member_id, terms=programme.current(at), at=at)
    with reading():
        return membership.standing(member_id, terms=programme.current(at), at=at).rank


def test_a_deduction_that_leaves_the_window_raises_by_the_nights_review(bought, sale_of):
    nights(TOLD, TAKEN)
    buy(bought, sale_of(bought, 155_000, order=8), at=TAKEN + DAY)
    # Without the 160 that were taken off, the 1,550 of the second order would keep Senior on 2 March 2027.
    assert [review(bought, NIGHT + days * DAY) for days in (335, 364, 365)] == [3, 3, 2]

    leaves = TAKEN + 365 * DAY
    assert (growth(bought, leaves - DAY), growth(bought, leaves)) == (1_390, 1_550)
    assert review(bought, leaves - DAY) == 2
    assert review(bought, leaves) == 3


def test_a_frozen_member_who_cannot_come_by_loses_nothing(bought):
    night(TOLD)
    with transaction():
        people.freeze_member(bought, own_member_id=None, by="staff:1", reason="Chargeback", at=TOLD + DAY)
    night(TAKEN)
    night(TAKEN_AGAIN)

    assert growth(bought, TAKEN_AGAIN) == 1_600


def test_a_shop_that_does_not_want_it_takes_nothing_off(app, open_shop, sale_of):
    mei = open_shop(dormancy_active=False)
    buy(mei, sale_of(mei, 160_000))
    nights(TOLD, TAKEN)

    assert told() == [] and growth(mei, TAKEN) == 1_600


def test_a_programme_from_before_takes_nothing_off():
    settings = programme.default_settings(shop_name="Tessera")
    without = {name: value for name, value in settings.items() if not name.startswith("dormancy")}
    assert programme.terms_of(1, settings).dormancy_active
    assert not programme.terms_of(1, without).dormancy_active


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("dormancy_active", "yes"),
        ("dormancy_after_days", 29),
        ("dormancy_after_days", None),
        ("dormancy_percent", 0),
        ("dormancy_percent", 101),
        ("dormancy_percent", True),
    ],
)
def test_what_makes_no_rule_is_refused(setting, value):
    with pytest.raises(programme.BadSetting) as refused:
        programme.terms_of(1, programme.default_settings(shop_name="Tessera") | {setting: value})
    assert refused.value.setting == setting


def test_the_rule_that_was_announced_holds_though_the_programme_has_changed(bought):
    night(TOLD)
    with transaction():
        settings = programme.settings_of(programme.current(TOLD)) | {"dormancy_percent": 50}
        number = programme.draft(settings, based_on=1, effective_from=TOLD, by="staff:1", at=TOLD, reason="Half of it")
        programme.approve(number, by="staff:2", at=TOLD, other_approvers=1)
    night(TAKEN)

    assert events(bought)[-1] == (-160, "dormancy")
    with reading():
        assert membership.growth_entries(bought)[0].version == 1
    assert broken() == []


def test_it_is_the_same_on_both_databases(either, open_shop, sale_of):
    mei = open_shop()
    buy(mei, sale_of(mei, 160_000))
    nights(TOLD, TAKEN)
    night(TOLD_AGAIN)
    night(TAKEN_AGAIN)
    night(NIGHT + 364 * DAY)
    night(NIGHT + 365 * DAY)

    assert events(mei)[1:3] == [(-160, "dormancy"), (-144, "dormancy")]
    assert growth(mei, NIGHT + 365 * DAY) == 0
    assert broken() == []


def test_notices_are_only_added_to(bought):
    night(TOLD)
    for tamper in (update(earning.DormancyNotice).values(points=1), delete(earning.DormancyNotice)):
        with pytest.raises(DBAPIError, match="append-only"), transaction():
            execute(tamper)


def take(member_id, points, *, reference="dormancy:1", counts_on=date(2026, 5, 31), version=1, key="x"):
    with transaction():
        execute(
            insert(membership.GrowthEvent).values(
                member_id=member_id,
                points=points,
                source="dormancy",
                reference=reference,
                counts_on=counts_on,
                version=version,
                why=say("By hand"),
                key=key,
                at=TAKEN,
            )
        )


ANNOUNCED = "growth is taken off for dormancy as announced 14 days before"
AWAY = "nobody loses growth for dormancy who did something in time"
SHARE = "dormancy takes off the share its rule says, and leaves buyers the second level"
BACK = "dormancy gives back no more than it took off"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("points", "changed", "found"),
    [
        (-160, {}, []),
        (-159, {}, [SHARE]),
        (-161, {}, [ANNOUNCED, SHARE]),
        (-160, {"reference": "dormancy:2"}, [ANNOUNCED]),
        (-160, {"counts_on": date(2026, 5, 30)}, [ANNOUNCED]),
        (160, {}, [BACK]),
    ],
)
def test_the_proof_finds_what_was_taken_off_otherwise_than_announced(bought, points, changed, found):
    night(TOLD)
    take(bought, points, **changed)

    assert broken() == found


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_notice_that_came_too_late(bought):
    with transaction():
        execute(
            insert(earning.DormancyNotice).values(
                member_id=bought, active_at=NOON, points=160, told_on=date(2026, 5, 18), told_at=TOLD,
                until=TAKEN, deducts_on=date(2026, 5, 31), version=1,
            )
        )  # fmt: skip
    take(bought, -160)

    assert broken() == [ANNOUNCED]


@pytest.mark.breaks_the_books
def test_the_proof_finds_who_lost_growth_though_they_came_by(bought):
    night(TOLD)
    with transaction():
        earning.check_in(bought, terms=programme.current(TOLD), at=TOLD + DAY)
    take(bought, -160)

    assert broken() == [AWAY]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_buyer_brought_below_the_second_level(app, open_shop, sale_of):
    mei = open_shop(dormancy_percent=100)
    buy(mei, sale_of(mei, 160_000))
    with transaction():
        execute(
            insert(earning.DormancyNotice).values(
                member_id=mei, active_at=NOON, points=1_600, told_on=date(2026, 5, 17), told_at=TOLD,
                until=TAKEN, deducts_on=date(2026, 5, 31), version=1,
            )
        )  # fmt: skip
    take(mei, -1_600)

    assert broken() == [SHARE]


KEPT_BELOW = "as of its last night dormancy keeps nobody below what it leaves"


def job_done(at, *, after=timedelta(minutes=5)):
    """Let the outbox say that the job of a night was done."""
    with transaction():
        notices.later("growth.dormancy", {}, key=f"growth.dormancy:{at.date().isoformat()}", at=at)
        execute(update(notices.Notice).where(notices.Notice.sent_at.is_(None)).values(sent_at=at + after))


def reduce(member_id, sale_of, at):
    with transaction():
        terms = programme.current(at)
        purse = ledger.lock(member_id, zone=terms.zone)
        earning.order_reduced(sale_of(member_id, 0), key="order:7:refund:1", purse=purse, terms=terms, at=at)


@pytest.mark.breaks_the_books
def test_the_proof_finds_what_a_night_should_have_given_back(either, open_shop, sale_of):
    mei = open_shop()
    buy(mei, sale_of(mei, 160_000))
    nights(TOLD, TAKEN)
    reduce(mei, sale_of, TAKEN + DAY)
    assert broken() == []
    job_done(TAKEN + 2 * DAY)
    assert broken() == [KEPT_BELOW]

    night(TAKEN + 3 * DAY)
    job_done(TAKEN + 3 * DAY)
    assert broken() == []


def test_what_moved_while_a_night_looked_is_looked_at_by_the_next_and_a_late_night_says_nothing(bought, sale_of):
    nights(TOLD, TAKEN)
    job_done(TAKEN + DAY)
    reduce(bought, sale_of, TAKEN + DAY - timedelta(seconds=30))
    assert broken() == []
    job_done(TAKEN + 2 * DAY, after=timedelta(hours=2))

    assert broken() == []


NEVER_TAKEN = "as of the last night what dormancy announced was taken off of who did nothing"


@pytest.mark.breaks_the_books
def test_the_proof_finds_what_was_announced_and_never_taken_off(either, open_shop, sale_of):
    mei = open_shop()
    buy(mei, sale_of(mei, 160_000))
    nights(TOLD, TAKEN - DAY)
    job_done(TAKEN - DAY)
    assert broken() == []

    job_done(TAKEN)  # The night says that it was done, and has taken nothing off.
    assert broken() == [NEVER_TAKEN]

    nights(TAKEN + DAY, TAKEN + DAY)
    job_done(TAKEN + DAY)
    assert broken() == []


def test_a_worker_that_slept_and_one_who_came_by_ring_no_bell(bought, sale_of):
    nights(TOLD, TOLD)
    job_done(TOLD)
    assert broken() == []  # Then the worker was down for longer than it would be made up for.
    job_done(TAKEN + 20 * DAY)
    assert broken() == []
    buy(bought, sale_of(bought, 1_000, order=8), at=TAKEN - DAY)
    job_done(TAKEN + 21 * DAY)
    assert broken() == []
