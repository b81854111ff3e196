"""Accounts at partners: a member binds one by the partner's link, sees which are bound, and unbinds them."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import partners, people
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.qr_codes import qr_code
from mall.web.shared.signing_in import dead_link, form_page, me, members_only

from .tasks import tell_of

bp = Blueprint("partners", __name__, url_prefix="/account/partners")
bp.before_request(members_only)


@bp.get("")
def index() -> str:
    """Show the accounts a member has bound, and the number that does without."""
    with reading():
        member = people.member_of(me())
        bound = partners.bindings_of(me())
    return render_template("store/partners/index.html", bound=bound, member=member, code=qr_code(member.number))


@bp.get("/link/<token>")
def invitation(token: str):
    """Show what binding means, and ask."""
    return _asking(token)


@bp.post("/link/<token>")
def bind(token: str):
    """Bind the account: the member agrees."""
    try:
        invited, rewards = done_once(partners.bind, me(), token, terms=layout.terms(), at=now())
    except people.DeadLink as dead:
        return dead_link(dead, again="store.partners.index")
    except Refusal as refusal:
        return _asking(token, refusal=refusal)
    flash(_("Your account at %(partner)s is bound. What you buy there earns points here.", partner=invited.partner))
    tell_of(rewards)
    return redirect(url_for("store.partners.index"), 303)


@bp.post("/<int:binding_id>/end")
def unbind(binding_id: int) -> Response:
    """Unbind an account. Pressed twice, it is done once."""
    done_or_gone(partners.unbind, me(), binding_id, at=now())
    flash(_("Unbound. What you buy with it earns nothing from now on; the points you have stay."))
    return redirect(url_for("store.partners.index"), 303)


def _asking(token: str, *, refusal: Refusal | None = None):
    try:
        with reading():
            invited = partners.invitation(token, at=now())
    except people.DeadLink as dead:
        return dead_link(dead, again="store.partners.index")
    return form_page(
        "store/partners/bind.html", refused=refusal is not None, refusal=refusal, token=token, invited=invited
    )
