"""What the reconciliation's pages and tables call things: lines and breaks, their kinds, states, cash and age."""

from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.money import money_text
from mall.domain import checkout, finance
from mall.web.shared.texts import language, sentence

from .asked import amount

CASHIERS = {"stripe": "Stripe", "sandbox": "Sandbox"}


def age_days(row) -> int:
    """Return how many days old a break is, or became."""
    return ((row.closed_at or now()) - row.found_at).days


def order_number(reference: str | None) -> str:
    """Return the number of an order."""
    order_id = checkout.order_id_of(reference) if reference else None
    return checkout.number_of(order_id) if order_id is not None else ""


def cash_words(cents: int | None, money: str) -> str:
    """Return cash in its own currency; a dash where nothing is said."""
    if cents is None:
        return "–"
    try:
        return money_text(cents, money, language())
    except (LookupError, ValueError):
        return f"{amount(cents)} {money}"


def kind_words(kind: str) -> str:
    """Return what a line is."""
    return sentence(finance.KIND_WORDS[finance.COLUMN_OF.get(kind, "other")])


def break_words(kind: str) -> str:
    """Return what a break is, in short."""
    return {
        "theirs": _("In their books, not in ours"),
        "ours": _("In our books, not in theirs"),
        "amount": _("The amount differs"),
        "currency": _("The currency differs"),
        "fee": _("A fee nobody has explained"),
    }[kind]


def why_words(kind: str) -> str:
    """Return what a break means, and what to do."""
    return {
        "theirs": _("The cashier has booked it, and no payment, refund or dispute of ours has its number."
                    " Look it up at the cashier: it may be of another shop on the same account."),
        "ours": _("We were told of it over two days before the statement ends, and the statement does not have it."),
        "amount": _("Both sides have it, with other amounts."),
        "currency": _("Both sides have it, in other currencies. It is not in the journal."),
        "fee": _("It was kept for no payment of ours, or is more than what it is of. It is in the journal as a fee."),
    }[kind]  # fmt: skip


def state_words(state: str) -> str:
    """Return how a break stands."""
    return {"open": _("Still open"), "explained": _("Explained"), "closed": _("Closed")}[state]
