"""Invitations at the desk: those that look as if somebody invited themselves, with what speaks for it."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import earning, people
from mall.web.shared import layout
from mall.web.shared.done import done_or_gone
from mall.web.shared.forms import Line, typed_line
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.task_words import given_words

from .actors import actor_words
from .fields import LONGEST_REASON

bp = Blueprint("invitations", __name__, url_prefix="/invitations")

DECIDED_SHOWN = 50
DECISIONS = {"accept": True, "reject": False}


class NoReasonGiven(Refusal):
    message = N_("Say why; it is kept in the audit log.")


@bp.get("")
def index():
    """Show what waits for a person, and what was decided lately."""
    return invitations_page()


@bp.post("/<int:friend_id>/decision")
def decide(friend_id: int):
    """Accept or reject a suspect invitation. Pressed twice, it is decided once."""
    wanted = DECISIONS.get(request.form.get("decision", ""))
    why = typed_line("reason", row=friend_id, most=LONGEST_REASON, missing=NoReasonGiven())
    if why.wrong:
        return invitations_page(typed=why)
    if wanted is None:
        abort(400)
    try:
        rewards = done_or_gone(
            earning.decide_invitation,
            friend_id,
            accept=wanted,
            by=person().actor,
            reason=why.text,
            terms=layout.terms(),
            at=now(),
        )
    except Refusal as refusal:
        return invitations_page(refusal=refusal)
    if wanted:
        flash(_("Accepted. %(given)s", given=given_words(rewards)).strip())
    else:
        flash(_("Rejected. The invitation brings nothing more."))
    return redirect(url_for("office.invitations.index"), 303)


def invitations_page(*, refusal: Refusal | None = None, typed: Line | None = None):
    """Render the invitations. `typed` is a reason that is missing or too long."""
    with reading():
        suspects = earning.invitations(earning.SUSPECT)
        decided = earning.invitations(earning.ACCEPTED, earning.REJECTED, limit=DECIDED_SHOWN)
        others = {each for row in suspects for found in row.evidence for each in found["members"]}
        names = people.names_of(others)
    return form_page(
        "office/invitations/index.html",
        refused=typed is not None,
        refusal=refusal,
        typed=typed,
        most=LONGEST_REASON,
        suspects=suspects,
        decided=decided,
        evidence_words=lambda found: evidence_words(found, names),
        actor_words=actor_words,
    )


def evidence_words(found: dict[str, Any], names: dict[int, str]) -> str:
    """Say what speaks against an invitation."""
    who = ", ".join(names.get(each, str(each)) for each in found["members"])
    return {
        "browser": _("%(who)s had signed in with the same browser before", who=who),
        "mailbox": _("The same name before the @ as %(who)s", who=who),
        "address": _("The same address as %(who)s", who=who),
        "phone": _("The same phone number as %(who)s", who=who),
        "ring": _("Alike to %(who)s, from whom the inviter's own invitation comes", who=who),
        "twin": _("The same address or phone number as another friend: %(who)s", who=who),
        "network": _("From the same network as other friends: %(who)s", who=who),
        "burst": _("Many friends joined on one day, also %(who)s", who=who),
    }.get(found["kind"], found["kind"])
