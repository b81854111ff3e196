"""Alarms: what the cashier told that a person must look at. Looked at, they leave the list and stay on record."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import cash, checkout, insight
from mall.web.shared.done import done_once
from mall.web.shared.signing_in import person

bp = Blueprint("alarms", __name__, url_prefix="/alarms")


@bp.get("")
def index():
    """List the alarms nobody has looked at, the oldest first."""
    with reading():
        of_orders, of_events = checkout.alarms(), insight.event_alarms()
    return render_template(
        "office/alarms/index.html", of_orders=of_orders, of_events=of_events, number_of=checkout.number_of
    )


@bp.post("/<int:alarm_id>/look")
def look(alarm_id: int):
    """Note that an order's alarm was looked at. Pressed twice, it is noted once."""
    done_once(checkout.looked_at, alarm_id, by=person().actor, at=now())
    return looked()


@bp.post("/events/<int:event_id>/look")
def look_at_event(event_id: int):
    """Note that an alarm of no order was looked at."""
    done_once(cash.looked_at, event_id, by=person().actor, at=now())
    return looked()


def looked():
    """Say so, and show what is left."""
    flash(_("Noted: you have looked at it."))
    return redirect(url_for("office.alarms.index"), 303)
