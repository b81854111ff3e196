"""Moves of points in words: what a line of a member's history says, to the member and at the desk."""

from typing import Any

from flask_babel import gettext as _

from mall.domain import cash_outs, checkout, earning

from .task_words import task_title
from .texts import local, sentence


def words_of_entry(entry: Any) -> str:
    """Return what happened, in the member's words."""
    if entry.kind == "adjust" and entry.reason:
        return sentence(entry.reason)
    if entry.kind in ("earn", "unlock") and entry.origin == "task" and entry.why:
        return sentence(entry.why)
    if entry.kind in ("earn", "unlock") and entry.reference.startswith("purchase:") and entry.why:
        return sentence(entry.why)
    if entry.kind == "hold" and cash_outs.is_of_one(entry.reference):
        return _("Held to be turned into cash")
    if entry.kind == "give_back" and cash_outs.is_of_one(entry.reference):
        return _("Back from the bank, not turned into cash")
    if entry.kind in ("earn", "unlock") and entry.origin == "campaign" and entry.why:
        title = local(entry.why.values["title"])
        return (
            _("%(title)s, on the way", title=title)
            if entry.kind == "earn"
            else _("%(title)s, ready to use", title=title)
        )
    return move_words(entry.kind)


def move_words(kind: str) -> str:
    """Return what a kind of move is called."""
    return {
        "earn": _("Earned, on the way"),
        "unlock": _("Ready to use"),
        "hold": _("Held for an order"),
        "release": _("Held points are back"),
        "redeem": _("Redeemed"),
        "give_back": _("Returned"),
        "renew": _("Returned with a new last day"),
        "expire": _("Expired"),
        "clawback": _("Taken back"),
        "repay": _("Repaid what you owed"),
        "adjust": _("Corrected by the shop"),
        "cash_out": _("Turned into cash"),
    }[kind]


def order_number(reference: str) -> str | None:
    """Return the number of the order a reference names, or None."""
    order_id = checkout.order_id_of(reference)
    return None if order_id is None else checkout.number_of(order_id)


def place_words(account: str) -> str:
    """Return what an account is called: where points are, or where they came from or went."""
    return {
        "wallet": _("ready to use"),
        "pending": _("on the way"),
        "held": _("held for an order"),
        "debt": _("owed"),
        "issuance": _("newly given"),
        "redemption": _("redeemed"),
        "expiry": _("expired"),
        "clawback": _("taken back"),
        "adjustment": _("corrected"),
        "cash-out": _("turned into cash"),
        "renewal": _("given a new last day"),
    }[account]


def rule_words(rule: str) -> str:
    """Return what a rule that earned points is called."""
    ours = {
        "order": _("Points on orders"),
        "adjustment": _("Correction by the shop"),
        "partner": _("Purchases at partners"),
    }
    if earning.campaign_of_rule(rule) is not None:
        return _("Campaign")
    return ours.get(rule) or task_title(rule)


def growth_rule_words(source: str) -> str:
    """Return what a rule that gave growth, or took it off, is called."""
    ours = {
        "order": _("Growth of orders"),
        "partner": _("Growth of purchases at partners"),
        "dormancy": _("Growth taken off who does nothing for long"),
    }
    return ours.get(source) or task_title(source)
