"""The back office: what operators see, at /office. The staff's door stands here too, for finance as well."""

from typing import Any

from flask import Blueprint
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from mall.base.db import reading
from mall.domain import insight
from mall.web.shared.signing_in import staff_only

from . import (
    account,
    adjustments,
    aftersales,
    alarms,
    audit,
    campaigns,
    catalogue,
    coupons,
    dashboard,
    facets,
    grants,
    invitations,
    level_drafts,
    levels,
    members,
    order_refunds,
    orders,
    parcels,
    partners,
    payments,
    programme,
    questions,
    radar,
    replies,
    review,
    reviews,
    sandbox,
    search,
    shipping,
    staff,
    stamp_cards,
    stock,
    task_drafts,
)

bp = Blueprint("office", __name__, url_prefix="/office")
bp.before_request(staff_only("operate", but=("office.account",)))

# These share the programme's drafts and put their pages into them as they are imported.
DRAFTS = (task_drafts,)
# And this shares the orders' pages.
REFUNDS = (order_refunds,)
PAGES: list[Blueprint] = [
    account.bp,
    adjustments.bp,
    aftersales.bp,
    alarms.bp,
    audit.bp,
    campaigns.bp,
    catalogue.bp,
    coupons.bp,
    dashboard.bp,
    facets.bp,
    level_drafts.bp,
    invitations.bp,
    levels.bp,
    grants.bp,
    members.bp,
    orders.bp,
    parcels.bp,
    partners.bp,
    payments.bp,
    programme.bp,
    questions.bp,
    radar.bp,
    replies.bp,
    review.bp,
    sandbox.bp,
    reviews.bp,
    search.bp,
    shipping.bp,
    staff.bp,
    stamp_cards.bp,
    stock.bp,
]

for page in PAGES:
    bp.register_blueprint(page)


@bp.context_processor
def counts() -> dict[str, Any]:
    """Tell the side menu how much waits. The page of a fault stands even without a database."""
    if not (current_user.is_authenticated and current_user.may("operate")):
        return {}
    try:
        with reading():
            waits = insight.to_do()
    except SQLAlchemyError:
        return {}
    return {
        "waiting": {
            "office.orders.index": waits.orders,
            "office.adjustments.index": waits.adjustments,
            "office.aftersales.index": waits.returns,
            "office.reviews.index": waits.reviews,
            "office.radar.index": waits.suspects,
            "office.questions.index": waits.questions,
        }
    }
