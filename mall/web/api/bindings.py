"""POST /api/v1/bindings: a link by which a member binds an account of the partner's."""

from flask import Response

from mall.base.clock import now
from mall.domain import partners
from mall.web.shared.done import done_once
from mall.web.shared.layout import public_link

from .face import answer, bp, partner_id, read
from .messages import InvitationMade, InvitationWanted


@bp.post("/bindings")
def make_invitation() -> Response:
    """Make a link for an account. One made before for the same account is void from now on."""
    wanted = read(InvitationWanted)
    token, ends_at = done_once(partners.invite, partner_id(), wanted.account, at=now())
    link = public_link("store.partners.invitation", token=token)
    return answer(InvitationMade(account=wanted.account, link=link, ends_at=ends_at), 201)
