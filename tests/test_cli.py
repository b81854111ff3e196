"""A shop is set up by one command, its staff added by another; each says what came of it, or why not."""

import json
import re
import socket
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from mall.base.clock import now
from mall.base.db import execute, reading, transaction
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


@pytest.fixture
def draft(flask, tmp_path):
    """Draft a version with some settings changed: `draft(points_per_unit=2)`. Returns what the command said."""

    def drafting(*options, by="ada@example.com", **changes):
        file = tmp_path / "settings.json"
        settings = json.loads(flask("programme", "show").stdout)
        assert changes.keys() <= settings.keys()
        file.write_text(json.dumps(settings | changes), encoding="utf-8")
        return flask("programme", "draft", str(file), "--by", by, "--why", "A better offer", *options)

    return drafting


def second_administrator(flask):
    flask("staff", "add", "--email", "bea@example.com", "--name", "Bea", "--role", "admin")


def test_the_programme_is_drafted_by_one_and_approved_by_another(flask, draft):
    set_up(flask)
    second_administrator(flask)

    drafted = draft(worth_points=200)
    own = flask("programme", "approve", "2", "--by", "ada@example.com")
    other = flask("programme", "approve", "2", "--by", "bea@example.com")

    assert drafted.exit_code == 0, drafted.output
    assert "programme approve 2" in drafted.output
    assert own.exit_code == 1, "nobody approves their own draft"
    assert other.exit_code == 0, other.output
    with reading():
        terms = programme.current(now())
        assert (terms.version, terms.worth_points) == (2, 200)
        assert {row.act for row in audit.entries()} >= {"programme.changed"}
    assert "A better offer" in flask("programme", "list").output
    assert json.loads(flask("programme", "show", "1").stdout)["worth_points"] == 100


def test_a_ready_made_set_of_levels_is_drafted_by_its_name(flask, draft):
    set_up(flask)
    second_administrator(flask)
    how = ("--by", "ada@example.com", "--why", "Six steps")

    drafted = flask("programme", "draft", "--levels", "six_steps", *how)
    assert drafted.exit_code == 0, drafted.output
    assert "it changes: levels." in drafted.output
    assert "Ordinary becomes V2." in drafted.output and "SVIP becomes V6." in drafted.output
    assert flask("programme", "approve", "2", "--by", "bea@example.com").exit_code == 0
    with reading():
        reaches = [level.reach for level in programme.current(now()).levels]
    assert reaches == [0, 500, 1_000, 2_000, 5_000, 12_000]

    refused = flask("programme", "draft", *how)
    assert refused.exit_code == 2 and "Name a file of settings, or --levels." in refused.stderr
    assert flask("programme", "draft", "--levels", "ten_steps", *how).exit_code == 2


def test_the_other_administrator_sent_away_for_the_minute_it_takes_leaves_nobody_alone(flask, draft):
    set_up(flask)
    second_administrator(flask)
    ada, bea = staff()["ada@example.com"].id, staff()["bea@example.com"].id
    draft(worth_points=1)
    with transaction():
        people.change_roles(bea, ["operator"], by=f"staff:{ada}", at=now())

    alone = flask("programme", "approve", "2", "--by", "ada@example.com")

    assert alone.exit_code == 1
    assert "you cannot approve it alone" in alone.output
    with reading():
        assert programme.current(now()).version == 1


def test_a_draft_may_begin_on_a_day_of_the_shop(flask, draft):
    set_up(flask)
    draft("--from", "2099-01-01", worth_points=200)

    assert "holds from 2098-12-31 23:00 UTC" in flask("programme", "approve", "2", "--by", "ada@example.com").output
    with reading():
        assert programme.current(now()).version == 1


def test_a_version_yet_to_begin_holds_up_no_other_and_is_not_undone_unseen(flask, draft):
    set_up(flask)
    draft("--from", "2099-01-01", worth_points=200)
    flask("programme", "approve", "2", "--by", "ada@example.com")

    assert "Version 2 is yet to begin" in flask("programme", "show").stderr
    drafted = draft(earn_points=20)
    approved = flask("programme", "approve", "3", "--by", "ada@example.com")

    assert "Compared with version 2, the last one approved, it changes: earn_points, worth_points." in drafted.output
    assert "It withdraws version 2" in drafted.output
    assert approved.exit_code == 0, approved.output
    assert "Version 2, which was to begin 2098-12-31 23:00 UTC, is withdrawn." in approved.output
    assert "2  withdrawn by version 3" in flask("programme", "list").output
    with reading():
        assert programme.current(now()).version == 3
        assert programme.current(datetime(2100, 1, 1, tzinfo=UTC)).version == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"currency": "USD"}, "The currency is fixed"),
        ({"zone": "Asia/Shanghai"}, "The time zone is fixed"),
        ({"levels": []}, "level"),
    ],
)
def test_settings_that_cannot_hold_are_refused_in_a_sentence(flask, draft, changes, sentence):
    set_up(flask)

    refused = draft(**changes)

    assert refused.exit_code == 1
    assert sentence in refused.output
    with reading():
        assert len(programme.versions()) == 1


def test_only_an_administrator_drafts(flask, draft):
    set_up(flask)
    flask("staff", "add", "--email", "olu@example.com", "--name", "Olu", "--role", "operator")

    for address in ("olu@example.com", "eve@example.com"):
        assert f"No administrator here has the address {address}." in draft(by=address).output


def test_a_version_nobody_drafted_is_said_not_to_be_there(flask):
    set_up(flask)

    for command in (("show", "99"), ("approve", "99", "--by", "ada@example.com")):
        refused = flask("programme", *command)
        assert (refused.exit_code, refused.stderr) == (1, "Error: There is no such version of the programme.\n")


def test_a_draft_cannot_begin_on_a_day_that_is_over(flask, draft):
    set_up(flask)

    refused = draft("--from", "2020-01-01", worth_points=200)

    assert refused.exit_code == 1
    assert "That day is over. Leave --from out" in refused.output
    with reading():
        assert len(programme.versions()) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [('{"a": 1}', "There is no setting a."), ("{}", "The setting address is missing.")],
)
def test_a_setting_that_is_unknown_or_missing_is_named(flask, tmp_path, content, sentence):
    set_up(flask)
    file = tmp_path / "settings.json"
    file.write_text(content)

    refused = flask("programme", "draft", str(file), "--by", "ada@example.com", "--why", "x")

    assert refused.exit_code == 1
    assert sentence in refused.output


@pytest.mark.parametrize("content", ["{", "[]", "3"])
def test_a_file_that_holds_no_settings_is_said(flask, tmp_path, content):
    set_up(flask)
    file = tmp_path / "settings.json"
    file.write_text(content)

    refused = flask("programme", "draft", str(file), "--by", "ada@example.com", "--why", "x")

    assert refused.exit_code == 1
    assert "The file" in refused.output and "Traceback" not in refused.output


def test_a_demo_at_a_port_that_is_taken_says_so_before_it_makes_a_year_of_data(flask, app):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        app.config["PORT"] = other.getsockname()[1]
        result = flask("demo")

    assert result.exit_code == 1
    assert f"Port {app.config['PORT']} is taken. Choose another: PORT=8000 make run" in result.output
    assert "Making a year of history" not in result.output
