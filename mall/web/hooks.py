"""POST /hooks/stripe: what Stripe tells us by itself. Mounted only with CASHIER=stripe.

Signed, so no CSRF token is asked for. What is not signed by Stripe, or was signed too long ago, is not kept. The event
goes into the inbox first; a repetition is answered with 200 and changes nothing.
"""

from flask import Blueprint, abort, request

from mall.base.cashier import BadSignature
from mall.base.clock import now
from mall.base.db import transaction
from mall.domain import aftersales, cash

from .shared import layout
from .shared.cashiers import cashier
from .shared.logs import log

LARGEST_BODY = 256 * 1024

bp = Blueprint("hooks", __name__, url_prefix="/hooks")


@bp.post("/stripe")
def stripe() -> tuple[str, int]:
    """Store an event. 400: not from Stripe. 413: too large. 200: we have it, now or from before."""
    the_cashier = cashier()
    # A body may hide its length; the whole mall's limit holds until it is read.
    if (request.content_length or 0) > LARGEST_BODY or len(body := request.get_data()) > LARGEST_BODY:
        abort(413)
    try:
        event = the_cashier.parse_event(body, request.headers.get("Stripe-Signature", ""))
    except BadSignature as fault:
        log.warning("hook refused", why=str(fault))
        return "", 400
    with transaction():
        event_id = cash.note_event(event, cashier=the_cashier.name, at=now())
        if event_id is not None and event.live != the_cashier.live:
            cash.conclude(event_id, "alarm", note="a test event at a live shop, or the other way round", at=now())
    if event_id is not None:
        log.info("hook stored", event_id=event.id, kind=event.kind)
        if event.live == the_cashier.live:
            aftersales.hear(event_id, cashier=the_cashier, terms=layout.terms())
    return "", 200
