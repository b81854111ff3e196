"""Killed in the middle of a night, its worker leaves whole shares; the next does the rest, each once."""

import signal
from datetime import timedelta

from sqlalchemy import func, select

from mall.base.db import db, execute, reading, transaction
from mall.domain import ledger, people, radar
from tests.crash.processes import do_expiry, do_radar, forking
from tests.stage import NOON, open_shop

NIGHT = NOON + timedelta(days=400)
SHARE, NEVER = 2, 0


def nights(job, folder):
    """Return what does a night's job in a process of its own, killed within a share; it returns how that ended."""
    url = db.engine.url.render_as_string(hide_password=False)

    def night(*, dies_at: int) -> int | None:
        process = forking.Process(target=job, args=(str(folder), url, NIGHT, SHARE, dies_at), daemon=True)
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


def test_a_look_around_that_is_killed_goes_on_where_it_was(postgres_app, tmp_path):
    stage = open_shop()
    members = [stage.member(name) for name in ("mei", "tom", "lin", "ann", "bob")]
    home = people.AddressLines("X", "12 Kiln Street", "Portland", "97209", "US")
    for member in members:
        with transaction():
            people.add_address(member, home, at=NOON)
    night = nights(do_radar, tmp_path)

    def seen() -> list[tuple[int, int]]:
        suspect = radar.Suspect
        with reading():
            rows = execute(select(suspect.member_id, suspect.revision).order_by(suspect.member_id)).all()
        return [tuple(row) for row in rows]

    first_share = [member for member in members if member <= SHARE * -(-members[0] // SHARE)]
    assert night(dies_at=2) == -signal.SIGKILL
    assert seen() == [(member, 1) for member in first_share]
    assert night(dies_at=NEVER) == 0
    assert seen() == [(member, 1) for member in members]
    assert night(dies_at=NEVER) == 0
    assert seen() == [(member, 1) for member in members]
