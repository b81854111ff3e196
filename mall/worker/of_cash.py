"""Jobs of cash: what the cashier tells, payments that are waited for, refunds to be sent, the cashier's books."""

from datetime import datetime, timedelta

from flask import current_app

from mall.base.db import reading
from mall.domain import aftersales, cash, checkout, finance, notices
from mall.web.shared.logs import log

from .many import terms_at

# How far back the cashier is asked for what we did not hear.
CATCH_UP = timedelta(days=3)


def hear_cashier(at: datetime) -> None:
    """Act on what the cashier told us."""
    if (cashier := current_app.extensions["cashier"]) is not None:
        aftersales.hear_all(cashier=cashier, terms=terms_at(at))


def look_after_payments(at: datetime) -> None:
    """Ask about payments, let go what was not paid in time."""
    cashier, site = current_app.extensions["cashier"], current_app.config["PUBLIC_URL"]
    checkout.sweep(cashier=cashier, terms=terms_at(at), site=site)


def send_refunds(at: datetime) -> None:
    """Send the refunds that are due, and ask about those that have been under way for long."""
    if (cashier := current_app.extensions["cashier"]) is not None:
        terms = terms_at(at)
        sent = aftersales.send_refunds(cashier, terms=terms, at=at)
        for refund in sent.refused:
            log.error("refund refused", refund=refund.id, amount_cents=refund.amount_cents)
        asked = aftersales.ask_about_refunds(cashier, terms=terms, at=at)
        for told in (*sent.recorded, *asked):
            if told.fell_through:
                log.error("refund failed", refund=told.refund.id, tries=told.refund.tries, state=told.now)
        for told in asked:
            log.info("refund asked about", refund=told.refund.id, state=told.now)


def catch_up(at: datetime) -> None:
    """Ask the cashier what happened in the last days, in case a message of theirs never came.

    As far back as the last time that this succeeded, and in any case some days.
    """
    cashier = current_app.extensions["cashier"]
    if cashier is not None:
        with reading():
            last = notices.last_done("cashier.catch_up")
        since = at - CATCH_UP
        cash.catch_up(cashier, since=min(since, last) if last else since, at=at)


def reconcile(at: datetime) -> None:
    """Ask the cashier for its books since the last time, and hold them against ours."""
    found = finance.reconcile(current_app.extensions["cashier"], zone=terms_at(at).zone, at=at)
    for line in found.imported.differing:
        log.error("statement line changed", line=line.id, amount_cents=line.amount_cents)
