"""`flask journal` writes what hledger reads, and answers what cannot be with a sentence."""

import pytest

from mall.base.clock import moved_to

from .conftest import APRIL
from .test_journal import hledger


def run(app, *arguments: str):
    with moved_to(APRIL):
        return app.test_cli_runner().invoke(args=["journal", *arguments])


def test_to_standard_output(app, history):
    answer = run(app, "--format", "hledger", "--from", "2026-01-01", "--to", "2026-03-31")

    assert answer.exit_code == 0
    hledger(answer.stdout, "check")
    assert "-1078 PTS" in hledger(answer.stdout, "balance", "Liabilities:Points")


@pytest.mark.parametrize(
    "first, last, words",
    [
        ("2026-02-30", "2026-03-31", "“2026-02-30” is no day"),
        ("2026-03-31", "2026-01-01", "The first day lies after the last"),
        ("0001-01-01", "9999-12-31", "There are no books of that day. Choose one of the years 2000 to 2999."),
    ],
)
def test_wrong_days(app, history, first, last, words):
    answer = run(app, "--format", "beancount", "--from", first, "--to", last)

    assert answer.exit_code == 1
    assert words in answer.output
    assert "Traceback" not in answer.output


def test_before_the_shop_is_set_up(app):
    answer = run(app, "--format", "hledger", "--from", "2026-01-01", "--to", "2026-03-31")

    assert answer.exit_code == 1
    assert answer.output.startswith("Error: ")
