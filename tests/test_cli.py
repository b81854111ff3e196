"""A shop is set up by one command, its staff added by another; each says what came of it, or why not."""

import re

import pytest
from sqlalchemy import select

from mall.base.clock import now
from mall.base.db import execute, reading
from mall.domain import audit, people, programme

ANSWERS = {
    "--shop": "Tessera",
    "--currency": "eur",
    "--zone": "Europe/Berlin",
    "--email": "ada@example.com",
    "--name": "Ada",
}


@pytest.fixture
def flask(app):
    """Run a command: `flask("setup", "--shop", "Tessera")`."""

    def run(*arguments, typed=None):
        return app.test_cli_runner().invoke(args=arguments, input=typed)

    return run


def set_up(flask, **changes):
    options = ANSWERS | {f"--{name}": value for name, value in changes.items()}
    return flask("setup", *(part for option in options.items() for part in option))


def staff():
    with reading():
        return {row.email: row for row in people.staff_list()}


def link_in(output):
    return re.search(r"http://localhost(/office/sign-in/set-up/\S+)", output)[1]


def test_setting_up_makes_the_programme_and_its_first_administrator(flask):
    result = set_up(flask)

    assert result.exit_code == 0, result.output
    with reading():
        terms = programme.current(now())
    assert (terms.version, terms.shop_name, terms.currency, terms.zone) == (
        1,
        {"en": "Tessera"},
        "EUR",
        "Europe/Berlin",
    )
    assert len(terms.levels) == 5 and len(terms.shipping_methods) == 1
    assert staff()["ada@example.com"].roles == ["admin"]


def test_the_link_sets_the_administrator_s_password_once(flask, client):
    link = link_in(set_up(flask).output)

    assert client.get(link).status_code == 200
    password = {"password": "porcelain tiles, 1742", "again": "porcelain tiles, 1742"}
    assert client.post(link, data=password).status_code == 302
    assert client.get(link).status_code != 200
    assert staff()["ada@example.com"].password_hash


def test_what_is_not_given_is_asked_for(flask):
    result = flask("setup", typed="Tessera\nEUR\nEurope/Berlin\nada@example.com\nAda\n")

    assert result.exit_code == 0, result.output
    assert "Name of the shop" in result.output


def test_a_wrong_answer_is_asked_for_again_at_once(flask):
    result = flask("setup", typed=" \nTessera\neuro\neur\nBerlin\nEurope/Berlin\nada\nada@example.com\nAda\n")

    assert result.exit_code == 0, result.output
    for sentence in ("The shop needs a name.", "such as EUR", "such as Europe/Berlin", "not an e-mail address"):
        assert sentence in result.output
    assert staff()["ada@example.com"].name == "Ada"


@pytest.mark.parametrize(
    "command",
    [
        ("prove",),
        ("worker", "--once"),
        ("journal", "--format", "hledger", "--from", "2026-01-01", "--to", "2026-01-31"),
        ("staff", "add", "--email", "olu@example.com", "--name", "Olu", "--role", "operator"),
    ],
    ids=lambda command: command[0],
)
def test_before_there_is_a_shop_a_command_says_so(flask, command):
    result = flask(*command)

    assert (result.exit_code, result.output.strip()) == (
        1,
        "Error: This shop is not set up yet. Run: flask --app wsgi setup",
    )


def test_the_other_ready_made_levels_can_be_chosen(flask):
    assert set_up(flask, levels="six_steps", language="zh").exit_code == 0
    with reading():
        terms = programme.current(now())
    assert len(terms.levels) == 6
    assert terms.shop_name == {"zh": "Tessera"}


def test_a_shop_is_set_up_once(flask):
    set_up(flask)
    result = set_up(flask, shop="Another", email="eve@example.com")

    assert result.exit_code == 1
    assert "This shop is set up already." in result.output
    assert list(staff()) == ["ada@example.com"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"currency": "JPY"}, "two decimals"),
        ({"zone": "Berlin"}, "Europe/Berlin"),
        ({"email": "ada"}, "This is not an e-mail address."),
        ({"shop": " "}, "The shop needs a name."),
        ({"currency": "XXX"}, "a code such as EUR"),
        ({"currency": "DEM"}, "a code such as EUR"),
    ],
)
def test_what_makes_no_shop_is_said_and_nothing_is_written(flask, changes, sentence):
    result = set_up(flask, **changes)

    assert result.exit_code != 0
    assert sentence in result.output
    assert staff() == {}
    with reading(), pytest.raises(programme.NoProgramme):
        programme.current(now())


def test_someone_is_added_to_the_staff(flask):
    set_up(flask)
    result = flask(
        "staff", "add", "--email", "olu@example.com", "--name", "Olu", "--role", "operator", "--role", "finance"
    )

    assert result.exit_code == 0, result.output
    assert staff()["olu@example.com"].roles == ["operator", "finance"]
    assert link_in(result.output)


def test_nobody_is_added_twice(flask):
    set_up(flask)
    result = flask("staff", "add", "--email", "Ada@example.com", "--name", "Ada", "--role", "finance")

    assert result.exit_code == 1
    assert "already" in result.output


def test_someone_who_lost_their_phone_gets_a_fresh_start(flask):
    set_up(flask)
    result = flask("staff", "reset-totp", "ada@example.com")

    assert result.exit_code == 0, result.output
    assert link_in(result.output)
    with reading():
        acts = execute(select(audit.Entry.act).where(audit.Entry.by == "system")).scalars().all()
    assert "staff.totp_reset" in acts


def test_a_fresh_start_needs_someone_on_the_staff(flask):
    set_up(flask)
    result = flask("staff", "reset-totp", "nobody@example.com")

    assert result.exit_code == 1
    assert "Nobody on the staff" in result.output


def test_the_worker_does_what_there_is_and_stops(flask):
    set_up(flask)
    result = flask("worker", "--once")

    assert result.exit_code == 0, result.output
    assert re.search(r"[1-9]\d* notices tried", result.output)
