"""What the staff call the states of orders, and of their codes, payments, refunds, disputes and cashier's events."""

from flask_babel import gettext as _

from mall.domain import cash, catalogue, checkout


def state_words(state: str) -> tuple[str, str, str]:
    """Return what the desk calls a state, for its badge: (words, kind, icon)."""
    return {
        checkout.AWAITING: (_("Awaiting payment"), "", "clock"),
        checkout.PROCESSING: (_("Payment under way"), "info", "clock"),
        checkout.PAID: (_("To ship"), "warn", "box"),
        checkout.SHIPPED: (_("With carrier"), "info", "truck"),
        checkout.COMPLETED: (_("Complete"), "ok", "check"),
        checkout.CANCELLED: (_("Cancelled"), "", "x"),
        checkout.TIMED_OUT: (_("Not paid in time"), "", "clock"),
        checkout.REFUNDED: (_("Refunded"), "", "undo"),
        checkout.REVIEW: (_("To review"), "bad", "eye"),
    }[state]


def code_words(state: str) -> tuple[str, str]:
    """Return what the desk calls a state of an issued code, for its badge: (words, kind)."""
    return {catalogue.ISSUED: (_("Issued"), "ok"), catalogue.VOID: (_("Void"), "")}[state]


def payment_words(state: str) -> str:
    """Return what a payment's state is called."""
    return {
        cash.OPENING: _("Being opened"),
        cash.OPEN: _("Open at the cashier"),
        cash.PROCESSING: _("Under way"),
        cash.PAID: _("Paid"),
        cash.EXPIRED: _("Not paid in time"),
        cash.FAILED: _("Failed"),
        cash.LATE: _("Came too late"),
    }.get(state, state)


def refund_words(state: str) -> str:
    """Return what a refund's state is called."""
    return {
        cash.ASKED: _("About to be sent"),
        cash.SENT: _("On its way back"),
        cash.DONE: _("Given back"),
        cash.REFUSED: _("Refused by the cashier"),
        cash.VOID: _("Called off"),
    }.get(state, state)


def dispute_words(state: str) -> str:
    """Return what a dispute's state is called."""
    return {cash.DISPUTED: _("The bank is deciding"), cash.WON: _("Won"), cash.LOST: _("Lost")}.get(state, state)


def outcome_words(outcome: str | None) -> str:
    """Return what came of an event."""
    return {
        "applied": _("Acted upon"),
        "no_effect": _("Known already"),
        "ignored": _("None of ours"),
        "alarm": _("Alarm"),
    }.get(outcome or "", _("Waiting"))
