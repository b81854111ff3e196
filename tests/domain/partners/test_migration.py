"""Partners that were there before two people were needed go through the migration as approved, and keep their key."""

from pathlib import Path

import pytest
from flask_migrate import upgrade
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.domain import partners, people
from tests.conftest import build_app, dispose

BEFORE = "88bc7e3619a6"
AT = "2026-01-02 12:00:00.000000"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path):
    """An app on a database without any table."""
    if request.param == "sqlite":
        app = build_app(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}")
        with app.app_context():
            yield app
            dispose()
        return
    server = request.getfixturevalue("postgres")
    name = server.create()
    app = build_app(tmp_path, server.url_of(name))
    with app.app_context():
        yield app
        dispose()
    server.drop(name)


def test_old_partners_hold_as_approved_and_their_key_still_opens(empty):
    upgrade(revision=BEFORE)
    with transaction():
        for number, name, hashed in ((1, "Rides", people.hash_of("key")), (2, "Kiosk", None)):
            execute(
                text(
                    "INSERT INTO partner (id, name, key_hash, key_hint, key_made_at, earn_points, earn_per_cents,"
                    " with_level, ready_after_days, created_at)"
                    " VALUES (:number, :name, :hashed, :hint, :made, 3, 10, true, 2, :at)"
                ),
                {
                    "number": number,
                    "name": name,
                    "hashed": hashed,
                    "hint": "key" if hashed else "",
                    "made": AT if hashed else None,
                    "at": AT,
                },
            )
            for act, by in (("partner.opened", "staff:4"), ("partner.key_made", "staff:6")):
                execute(
                    text(
                        'INSERT INTO audit_entry (act, "by", subject, at, reason, by_one_person)'
                        " VALUES (:act, :by, :subject, :at, '', false)"
                    ),
                    {"act": act, "by": by, "subject": f"partner:{number}", "at": AT},
                )

    upgrade()

    with reading():
        rides, kiosk = partners.key_holder("key"), partners.partner_of(2)
        (first,) = partners.versions_of(1)
        broken = [check.name for check in partners.checks() if execute(check.breaks).first()]
    assert (rides.name, rides.version, rides.key_made_by) == ("Rides", 1, "staff:6")
    assert (kiosk.version, kiosk.key_made_by, kiosk.key_hash) == (1, "", None)
    assert (first.asked_by, first.decision, first.decided_by, first.by_one_person) == (
        "staff:4", "approved", "system", False,
    )  # fmt: skip
    assert (first.number, first.earn_points, first.with_level, first.asked_at.year) == (1, 3, True, 2026)
    assert broken == []
