"""The access matrix: whom each address of the mall is for. Generated from url_map; a new page must find its line here.

Office and finance are locked as a whole, so their pages are for operators and finance unless a line says otherwise.
Pages of the store need a line of their own: a page (blueprint) or one endpoint of it, the longer name decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

PUBLIC = "public"  # Anyone.
MEMBER = "member"  # Members, signed in.
STAFF = "staff"  # Anyone on the staff.
OPERATOR = "operator"
FINANCE = "finance"
ADMIN = "admin"
MACHINE = "machine"  # Signed by a machine instead of signed in; no cookie counts.

MATRIX = {
    "static": PUBLIC,
    "language": PUBLIC,
    # The sandbox's page is the bank's, as it were: whoever has the unguessable address of a payment may pay it.
    "sandbox": PUBLIC,
    "hooks": MACHINE,
    "health": MACHINE,
    "store.home": PUBLIC,
    "store.shop": PUBLIC,
    "store.item": PUBLIC,
    "store.item_reviews": PUBLIC,
    "store.item_questions": PUBLIC,
    "store.help": PUBLIC,
    "store.levels": PUBLIC,
    "store.basket": PUBLIC,
    "store.outbox": PUBLIC,  # The demo's mailbox; there is none elsewhere.
    "store.pictures": PUBLIC,
    "store.robots": PUBLIC,
    "store.style": PUBLIC,  # For who builds pages; there is none outside the demo.
    "store.cash_out": MEMBER,
    "store.checkout": MEMBER,
    "store.coupons": MEMBER,
    "store.joining": PUBLIC,
    "store.orders": MEMBER,
    "store.partners": MEMBER,
    "store.returns": MEMBER,
    "store.reviews": MEMBER,
    "store.questions": MEMBER,
    "store.wallet": MEMBER,
    "store.growth": MEMBER,
    "store.member": MEMBER,
    "store.stamps": MEMBER,
    "store.tasks": MEMBER,
    "store.shares": MEMBER,
    "store.shares.arrive": PUBLIC,
    "store.invite": MEMBER,
    "store.invite.arrive": PUBLIC,
    "store.wishes": MEMBER,
    "store.notices": MEMBER,
    "store.account": MEMBER,
    "store.account.sign_in": PUBLIC,
    "store.account.sign_in_demo": PUBLIC,
    "store.account.sign_out": PUBLIC,
    "store.account.register": PUBLIC,
    "store.account.registered": PUBLIC,
    "store.account.verify_email": PUBLIC,
    "store.account.ask_reset": PUBLIC,
    "store.account.reset_asked": PUBLIC,
    "store.account.reset_password": PUBLIC,
    "store.account.confirm_email": PUBLIC,
    "office": OPERATOR,
    "office.partners": ADMIN,
    "office.staff": ADMIN,
    "office.level_drafts.acts": ADMIN,
    "office.programme.drafts": ADMIN,
    "office.account": STAFF,
    "office.account.sign_in": PUBLIC,
    "office.account.sign_in_demo": PUBLIC,
    "office.account.second_factor": PUBLIC,
    "office.account.enrol": PUBLIC,
    "office.account.set_up": PUBLIC,
    "office.account.sign_out": PUBLIC,
    "finance": FINANCE,
    "api": MACHINE,
    "api.openapi": PUBLIC,
}
# A word for each kind of place in an address: what it is filled with names nothing that exists.
NOTHING = "nothing-of-that-name"


@dataclass(frozen=True)
class Page:
    """An address with one method."""

    endpoint: str
    method: str
    address: str
    whose: str
    plain: bool  # Without a place to fill: it can be opened as it is.

    def __str__(self) -> str:
        return f"{self.method} {self.address} ({self.endpoint}, for {self.whose})"


def whose(endpoint: str) -> str | None:
    """Return whom an endpoint is for: by its own line, else by that of the page or face around it."""
    parts = endpoint.split(".")
    for length in range(len(parts), 0, -1):
        if found := MATRIX.get(".".join(parts[:length])):
            return found
    return None


def unclassified(app: Flask) -> list[str]:
    """Return the endpoints that have no line."""
    return sorted({rule.endpoint for rule in app.url_map.iter_rules() if whose(rule.endpoint) is None})


def pages(app: Flask) -> Iterator[Page]:
    """Yield every address with every method it takes."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            address, plain = filled(rule)
            yield Page(rule.endpoint, method, address, whose(rule.endpoint) or "", plain)


def filled(rule: Rule) -> tuple[str, bool]:
    """Return an address of a rule, and whether it has no place to fill."""
    values = {
        name: 987_654_321 if isinstance(converter, IntegerConverter) else NOTHING
        for name, converter in rule._converters.items()
    }
    for name in rule.defaults or {}:
        values.setdefault(name, rule.defaults[name])
    built = rule.build(values)
    assert built is not None, rule
    return built[1], not rule._converters
