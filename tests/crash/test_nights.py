"""Killed in the middle of a night, its worker leaves whole shares; the next does the rest, each lot once."""

import signal
from datetime import timedelta

from sqlalchemy import func, select

from mall.base.db import db, execute, reading
from mall.domain import ledger
from tests.crash.processes import do_expiry, forking
from tests.stage import NOON, open_shop

NIGHT = NOON + timedelta(days=400)
SHARE, NEVER = 2, 0


def test_a_night_that_is_killed_goes_on_where_it_was(postgres_app, tmp_path):
    stage = open_shop()
    members = [stage.member(name) for name in ("mei", "tom", "lin", "ann", "bob")]
    for member in members:
        stage.give(member, 100)
    url = db.engine.url.render_as_string(hide_password=False)

    def night(*, dies_at: int) -> int | None:
        process = forking.Process(target=do_expiry, args=(str(tmp_path), url, NIGHT, SHARE, dies_at), daemon=True)
        process.start()
        process.join()
        return process.exitcode

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
