"""Killed in the middle of a night, its worker leaves whole shares; the next does the rest, each once."""

import signal
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from mall.base.db import db, execute, reading, transaction
from mall.domain import catalogue, earning, ledger, membership, notices, people, radar
from tests.crash.processes import do_expiry, do_shares, forking
from tests.domain.aftersales.kept import DELIVERED, KEPT
from tests.stage import NOON, open_shop

NIGHT = NOON + timedelta(days=400)
SHARE, NEVER = 2, 0


def nights(job, folder, *, at=NIGHT):
    """Return what does a night's job in a process of its own, killed within a share; it returns how that ended."""
    url = db.engine.url.render_as_string(hide_password=False)

    def night(*, dies_at: int) -> int | None:
        process = forking.Process(target=job, args=(str(folder), url, at, SHARE, dies_at), daemon=True)
        process.start()
        process.join()
        return process.exitcode

    return night


def test_a_night_that_is_killed_goes_on_where_it_was(postgres_app, tmp_path):
    stage = open_shop()
    members = [stage.member(name) for name in ("mei", "tom", "lin", "ann", "bob")]
    for member in members:
        stage.give(member, 100)
    night = nights(do_expiry, tmp_path)

    def done() -> int:
        with reading():
            return execute(select(func.count()).where(ledger.Posting.kind == "expire")).scalar_one()

    first_share = len([member for member in members if member <= SHARE * -(-members[0] // SHARE)])
    assert night(dies_at=2) == -signal.SIGKILL
    assert done() == first_share
    assert night(dies_at=NEVER) == 0
    assert done() == len(members)
    assert night(dies_at=NEVER) == 0
    assert done() == len(members)
    with reading():
        assert set(execute(select(ledger.Purse.wallet)).scalars()) == {0}


def have_points(stage, members):
    for member in members:
        stage.give(member, 100)


def have_coupons(stage, members):
    kind = stage.coupon_kind()
    for member in members:
        stage.coupon(member, of=kind)


def have_granted_levels(stage, members):
    for member in members:
        until = (NOON + timedelta(days=20)).date()
        with transaction():
            membership.write_grant(
                membership.Grant(member, 4, until, "A friend", "staff:1", f"grant:{member}"),
                terms=stage.terms, at=NOON,
            )  # fmt: skip


def are_senior(stage, members):
    """Each has bought something dear and kept it."""
    lamp = stage.item(prices=(catalogue.cash_price(200_000),))
    for member in members:
        stage.put_in(member, lamp, "cash")
        order = stage.pay(stage.place(member))
        stage.ship(order)
        assert stage.close(stage.deliver(order, at=DELIVERED), at=KEPT)


def share_an_address(stage, members):
    home = people.AddressLines("X", "12 Kiln Street", "Portland", "97209", "US")
    for member in members:
        with transaction():
            people.add_address(member, home, at=NOON)


def notices_of(kind):
    return select(notices.Notice.member_id).where(notices.Notice.kind == kind, notices.Notice.channel == notices.BULK)


@pytest.mark.parametrize(
    ("job", "verb", "all_of_them", "days", "effects"),
    [
        ("points.tell", "ledger.tell_expiring", have_points, 380, notices_of("points_expiring")),
        ("coupons.tell", "coupons.tell_expiring", have_coupons, 25, notices_of("coupon_expiring")),
        ("levels.tell", "membership.tell_ending", have_granted_levels, 10, notices_of("level_ending")),
        ("growth.dormancy", "earning.take_off_dormant", are_senior, 95, select(earning.DormancyNotice.member_id)),
        ("levels.review", "earning.review_share", are_senior, 370, select(membership.LevelNotice.member_id)),
        ("radar.look", "radar.note_signs", share_an_address, 1, select(radar.Suspect.member_id)),
    ],
    ids=["points.tell", "coupons.tell", "levels.tell", "growth.dormancy", "levels.review", "radar.look"],
)
def test_a_job_that_is_killed_within_a_share_goes_on_where_it_was(
    postgres_app, tmp_path, job, verb, all_of_them, days, effects
):
    stage = open_shop()
    members = [stage.member(name) for name in ("mei", "tom", "lin", "ann", "bob")]
    all_of_them(stage, members)
    night = nights(partial(do_shares, verb, job), tmp_path, at=NOON + timedelta(days=days))

    def done() -> list[int]:
        with reading():
            return sorted(execute(effects).scalars())

    first_share = [member for member in members if member <= SHARE * -(-members[0] // SHARE)]
    assert night(dies_at=2) == -signal.SIGKILL
    assert done() == first_share
    for _twice in range(2):
        assert night(dies_at=NEVER) == 0
        assert done() == members
