"""The mall refuses to start unsafe, answers every failure with a page and a request id, and logs what it answered."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from mall.base.db import db
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.config import ROOT

LONG = "kX2v-9QmZr_7tLw4BnHs8YpJc3FgDa6E"


def start(
    folder: Path, code: str = "import wsgi; print('started')", **environment: str
) -> subprocess.CompletedProcess:
    """Import wsgi.py in a process of its own, with these settings and no others."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=kept | {"INSTANCE_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_secret_it_refuses_to_start(tmp_path):
    refused = start(tmp_path)

    assert refused.returncode != 0
    assert "The mall does not start. Set SECRET_KEY to at least 32 random characters" in refused.stderr
    assert "started" not in refused.stdout


def test_with_a_secret_it_starts(tmp_path):
    started = start(tmp_path, SECRET_KEY=LONG)

    assert (started.returncode, started.stdout.strip()) == (0, "started"), started.stderr


def test_former_secrets_are_read_one_by_one(tmp_path):
    code = "import wsgi; print(wsgi.app.config['SECRET_KEY_FALLBACKS'])"
    former = ["a" * 32, "b" * 32]

    started = start(tmp_path, code, SECRET_KEY=LONG, SECRET_KEY_FALLBACKS=f" {former[0]}, {former[1]},")

    assert started.stdout.strip() == str(former), started.stderr


def test_the_demo_makes_a_secret_of_its_own_and_keeps_it(tmp_path):
    code = "import wsgi; print(wsgi.app.secret_key)"
    first, second = start(tmp_path, code, DEMO="1"), start(tmp_path, code, DEMO="1")

    assert first.returncode == 0, first.stderr
    assert len(first.stdout.strip()) >= 32
    assert first.stdout == second.stdout
    assert start(tmp_path / "elsewhere", code, DEMO="1").stdout != first.stdout
    assert (tmp_path / "demo-secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"PORT": "abc"}, "PORT is a whole number, such as 5000; it is set to 'abc'."),
        ({"SECRET_KEY_FALLBACKS": f"{LONG},short"}, "SECRET_KEY_FALLBACKS are former keys of at least 32 characters"),
        ({"PORT": "70000"}, "PORT is a number from 1 to 65535; it is set to 70000."),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES is a number from 0 to 9; it is set to -1."),
        ({"ARGON2_TIME_COST": "x"}, "ARGON2_TIME_COST is a whole number"),
        ({"DATABASE_URL": "foo"}, "DATABASE_URL begins with sqlite:/// or postgresql+psycopg://"),
        ({"SMTP_URL": "foo"}, "SMTP_URL begins with smtp:// or smtps://"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is one of json, text."),
        ({"CASHIER": "paypal"}, "CASHIER is one of none, sandbox, stripe."),
        ({"PUBLIC_URL": "ftp://shop.example.com"}, "PUBLIC_URL is the address members type, with no path behind it"),
        ({"PUBLIC_URL": "https://shop.example.com/mall"}, "PUBLIC_URL is the address members type, with no path"),
        ({"WEB_THREADS": "0"}, "WEB_THREADS is a number from 1 to 256; it is set to 0."),
        ({"INSTANCE_DIR": "/dev/null/shop"}, "INSTANCE_DIR cannot be made at /dev/null/shop: Not a directory."),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_setting_it_cannot_use_is_named_in_one_sentence(tmp_path, setting, sentence):
    refused = start(tmp_path, **({"SECRET_KEY": LONG} | setting))

    assert refused.returncode == 1
    assert refused.stderr.startswith("The mall does not start. ") and sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_commands_find_the_demo_that_was_made_here(tmp_path):
    code = "import wsgi; print(wsgi.app.config['DEMO'], wsgi.app.config['CASHIER'])"
    start(tmp_path, DEMO="1")

    command, server = start(tmp_path, code, FLASK_RUN_FROM_CLI="true"), start(tmp_path, code)
    shop = start(tmp_path, code, FLASK_RUN_FROM_CLI="true", SECRET_KEY=LONG)

    assert command.stdout.strip() == "True sandbox", command.stderr
    assert server.returncode == 1, "a server is a demo only when told"
    assert shop.stdout.strip() == "False none", shop.stderr


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"DEMO": "1"}, "Set CASHIER=sandbox"),
        ({"SECRET_KEY": LONG}, "Set CASHIER=stripe with STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET."),
    ],
)
def test_who_serves_a_shop_without_a_cashier_is_told_what_to_set(tmp_path, settings, advice):
    run = "import sys; sys.argv = ['flask', '--app', 'wsgi', '{}']; import wsgi"

    server = start(tmp_path, **settings)
    development = start(tmp_path, run.format("run"), FLASK_RUN_FROM_CLI="true", CASHIER="none", **settings)
    command = start(tmp_path, run.format("prove"), FLASK_RUN_FROM_CLI="true", CASHIER="none", **settings)
    with_one = start(tmp_path, DEMO="1", CASHIER="sandbox")

    for serving in (server, development):
        assert "This shop has no cashier, so only items for points alone" in serving.stderr
        assert advice in serving.stderr
    assert "no cashier" not in command.stderr + with_one.stderr


def test_before_the_database_is_prepared_the_page_says_what_to_do(make_app, tmp_path):
    app = make_app(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/new.db", DATABASE_READ_URL=f"sqlite:///{tmp_path}/new.db"
    )

    answer = app.test_client().get("/")

    assert answer.status_code == 503
    assert "This shop is not set up yet. Run: flask --app wsgi setup" in answer.text


def test_the_app_knows_every_room(tmp_path):
    code = "import sys, mall; print(*(name for name in sys.modules if name.startswith('mall.domain.')))"
    rooms = {f"mall.domain.{each.parent.name}" for each in (ROOT / "mall" / "domain").glob("*/__init__.py")}

    known = set(start(tmp_path, code).stdout.split())

    assert rooms <= known, "a room the app does not import has no tables in the migrations"


def visitor(make_app: Callable[..., Flask]) -> FlaskClient:
    """Return a visitor of a mall that has one address for each way to fail."""
    app = make_app(PROPAGATE_EXCEPTIONS=False)

    @app.get("/fails/<how>")
    def fails(how: str) -> str:
        if how == "fault":
            raise ZeroDivisionError("a secret detail")
        if how == "refusal":
            raise Refusal(N_("This needs {wanted} points."), wanted=1_200)
        if how == "missing":
            raise NotFound(N_("No such thing"))
        abort(int(how))

    app.testing = False
    return app.test_client()


@pytest.fixture
def failing(make_app: Callable[..., Flask]) -> FlaskClient:
    """A visitor of a mall that has one address for each way to fail."""
    return visitor(make_app)


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("fault", 500, "Something broke on our side"),
        ("refusal", 422, "This needs 1,200 points."),
        ("missing", 404, "There is nothing at this address"),
        ("400", 400, "We could not read that request"),
        ("403", 403, "This is not yours to open"),
        ("404", 404, "There is nothing at this address"),
        ("413", 413, "That is too large"),
        ("429", 429, "Too many tries"),
        ("503", 503, "Something broke on our side"),
    ],
)
def test_every_failure_has_its_page_with_a_request_id(failing, how, status, words):
    answer = failing.get(f"/fails/{how}")

    assert answer.status_code == status
    assert words in answer.text
    assert len(answer.headers["X-Request-Id"]) == 16
    assert answer.headers["X-Request-Id"] in answer.text
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


def test_an_address_that_is_not_there_and_a_verb_it_does_not_know(failing):
    assert failing.get("/no-such-page").status_code == 404
    refused = failing.delete("/fails/404")
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]


def test_two_answers_never_share_a_request_id(failing):
    assert failing.get("/a").headers["X-Request-Id"] != failing.get("/a").headers["X-Request-Id"]


def test_every_answer_is_one_line_of_the_log(capsys, make_app):
    answer = visitor(make_app).get("/fails/404?word=private")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["event"] == "answered"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/fails/404", 404)
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["milliseconds"] >= 0
    assert "private" not in json.dumps(line)


def test_a_fault_is_logged_with_its_trace(capsys, make_app):
    answer = visitor(make_app).get("/fails/fault")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["event"] == "fault"]
    assert "ZeroDivisionError: a secret detail" in line["exception"]
    assert line["request_id"] == answer.headers["X-Request-Id"]


def test_a_host_that_is_not_ours_is_refused(app: Flask):
    assert app.test_client().get("/no-such-page", base_url="http://evil.example").status_code == 400


@pytest.mark.parametrize("table", ["posting", "lot", "growth_event", "level_history", "stock_move", "audit_entry"])
def test_what_happened_cannot_be_changed(table):
    assert db.metadata.tables[table].info["append_only"]
