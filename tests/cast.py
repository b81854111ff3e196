"""The cast: Mei and Tom shop, Ola runs the office, Finn keeps the books, Ada and Bea manage; by the real verbs."""

from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Row, select
from werkzeug.test import TestResponse

from mall.base.db import execute, reading, transaction
from mall.demo.joining import token_mailed_to
from mall.domain import audit, earning, ledger, notices, partners, people, programme

PASSWORD = "seven green lanterns"
STAFF = {
    "ola": ("Ola", ["operator"]),
    "finn": ("Finn", ["finance"]),
    "ada": ("Ada", ["admin"]),
    "bea": ("Bea", ["admin"]),
}


def open_shop(*, at: datetime) -> programme.Programme:
    """Set up the shop as a new one is, a year before."""
    settings = programme.default_settings(
        shop_name={"en": "Tessera", "zh": "拼砖"}, support_email="help@tessera.example"
    )
    with transaction():
        return programme.establish(settings, by="system", at=at - timedelta(days=365))


def join(name: str, *, at: datetime, terms: programme.Programme, verified: bool = True) -> int:
    """Make a member called so, with the e-mail <name>@tessera.example. Returns the id."""
    hashed = people.password_hash(PASSWORD)
    with transaction():
        member_id = people.register(
            email=people.read_email(f"{name}@tessera.example"),
            password=hashed,
            display_name=name.capitalize(),
            language="en",
            wants_news=False,
            verify_page="http://localhost/verify-email/",
            at=at,
        )
        assert member_id is not None
        earning.welcome(member_id, terms=terms, at=at)
        if verified:
            people.verify(token_mailed_to(member_id), at=at)
    return member_id


def hire(name: str, *, at: datetime) -> int:
    """Take on one of the staff, with their password set and no phone enrolled. Returns the id."""
    title, roles = STAFF[name]
    hashed = people.password_hash(PASSWORD)
    with transaction():
        staff_id, token = people.add_staff(
            people.read_email(f"{name}@tessera.example"), name=title, roles=roles, by="system", at=at
        )
        people.set_staff_password(token, hashed, at=at)
    return staff_id


def partner(name: str = "Rides", rates: partners.Rates = partners.Rates(1, 10), *, at: datetime) -> tuple[int, str]:
    """Open a partner, as two people do it: proposed and its key made by one, approved by another. Its id and key."""
    with transaction():
        partner_id = partners.open_partner(name, rates, by="staff:1", at=at, reason="Agreed")
        partners.approve_version(partner_id, seen=1, by="staff:2", at=at, other_approvers=1)
        return partner_id, partners.make_key(partner_id, by="staff:1", at=at)


def change_partner(partner_id: int, name: str, rates: partners.Rates, *, seen: int, at: datetime) -> None:
    """Change a partner, as two people do it. `seen` is its newest version so far."""
    with transaction():
        partners.change_partner(partner_id, name, rates, seen=seen, by="staff:1", at=at, reason="Agreed anew")
        partners.approve_version(partner_id, seen=seen + 1, by="staff:2", at=at, other_approvers=1)


def note_adjustment(member_id: int, points: int, *, by: str = "staff:1", at: datetime) -> None:
    """Write down, as the desk does, that points were given or (below 0) taken by hand."""
    audit.write(ledger.ADJUSTMENT_KIND, by=by, subject=f"member:{member_id}", at=at, after={"points": points})


def undone() -> list[Row[Any]]:
    """Return the mails and jobs that are not done, given up or not, oldest first."""
    notice = notices.Notice
    with reading():
        return list(execute(select(notice).where(notice.sent_at.is_(None)).order_by(notice.id)))


def sign_in(client: FlaskClient, member_id: int, *, password: str = PASSWORD) -> TestResponse:
    """Sign a member in by the form."""
    with reading():
        email = people.member_of(member_id).email
    return client.post("/sign-in", data={"email": email, "password": password})


def sign_in_staff(client: FlaskClient, staff_id: int, *, password: str = PASSWORD) -> TestResponse:
    """Sign one of the staff in by the form; without the waiver this leads to the second factor."""
    with reading():
        email = people.staff_of(staff_id).email
    return client.post("/office/sign-in", data={"email": email, "password": password})


def desk_of(app: Flask, staff_id: int) -> FlaskClient:
    """Return a browser in which one of the staff has signed in."""
    browser = app.test_client()
    assert sign_in_staff(browser, staff_id).status_code == 302
    return browser
