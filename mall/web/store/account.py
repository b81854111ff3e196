"""A member's account: the way to everything that is theirs to change.

The pages of the door (sign in, register, reset the password) and those behind it share this blueprint; all but the
door's own are locked, those not yet written included.
"""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import people
from mall.web.shared.done import done_once
from mall.web.shared.qr_codes import qr_code
from mall.web.shared.signing_in import me, members_only
from mall.web.shared.signing_in import person as person_behind

bp = Blueprint("account", __name__, url_prefix="/")

# Open to everyone. Signing out needs nobody signed in: the second click of it is no mistake.
DOOR = {
    "sign_in",
    "sign_in_demo",
    "sign_out",
    "register",
    "registered",
    "verify_email",
    "ask_reset",
    "reset_asked",
    "reset_password",
    "confirm_email",
}


@bp.before_request
def locked() -> Response | None:
    """Let visitors to the door only."""
    name = (request.endpoint or "").rpartition(".")[2]
    return None if name in DOOR else members_only()


@bp.get("/account")
def show() -> str:
    """Show the member's number and the way to profile, addresses, password and e-mail."""
    with reading():
        member = people.member_of(me())
        address = people.default_address(me())
    return render_template(
        "store/account/show.html",
        member=member,
        address=address,
        code=qr_code(member.number),
    )


@bp.post("/account/sign-outs")
def sign_out_elsewhere() -> Response:
    """End the member's sign-ins on every other device."""
    ended = done_once(people.end_sign_ins, member_id=me(), but=person_behind().sign_in_id, at=now())
    flash(_("You are signed out on every other device.") if ended else _("You were signed in nowhere else."))
    return redirect(url_for("store.account.show"))
