"""Random lives of members: after every step the real ledger is what a small model says, and its proof holds."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from mall.domain.ledger import writing

from .machine import LedgerMachine, short

pytestmark = pytest.mark.soak


def test_on_sqlite(sqlite_stage):
    with sqlite_stage.app.app_context():
        run_state_machine_as_test(lambda: LedgerMachine(sqlite_stage), settings=short(60))


@pytest.mark.postgresql
def test_on_postgresql_with_all_rows_of_a_table_in_one_statement(postgresql_stage, monkeypatch):
    monkeypatch.setattr(writing, "MANY_ROWS", 1)
    with postgresql_stage.app.app_context():
        run_state_machine_as_test(lambda: LedgerMachine(postgresql_stage), settings=short(20))


@pytest.mark.postgresql
def test_on_postgresql(postgresql_stage):
    with postgresql_stage.app.app_context():
        run_state_machine_as_test(lambda: LedgerMachine(postgresql_stage), settings=short(20))
