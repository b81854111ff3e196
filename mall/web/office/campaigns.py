"""Campaigns at the desk: made by one, approved by another, changed until they begin, ended early; what they gave."""

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from mall.domain import earning
from mall.web.shared import layout

from .campaign_forms import CampaignForm
from .draft_forms import state_words
from .draft_pages import DraftDesk, DraftVerbs, blueprint_of


def shown(row: Any, given: tuple[int, int] | None, *, at: datetime) -> dict[str, Any]:
    """Return a campaign in words, with what it gave: orders, points, and what its points are worth in cents."""
    terms = layout.terms()
    orders, points = given or (0, 0)
    return {
        "row": row,
        "state": state_words(earning.campaign_state(row, at)),
        "orders": orders,
        "points": points,
        "cents": points * terms.worth_cents // terms.worth_points,
        "cap_cents": row.cap_points * terms.worth_cents // terms.worth_points if row.cap_points else 0,
    }


bp = blueprint_of(
    DraftDesk(
        name="campaigns",
        form=CampaignForm,
        proposed={"multiplier_percent": 200},
        rows=earning.campaigns,
        row_of=earning.campaign_of,
        scope_of=earning.scope_of_campaign,
        last_request=earning.last_request_of,
        given=earning.given_by_campaigns,
        verbs=DraftVerbs(
            make=earning.make_campaign,
            edit=earning.edit_campaign,
            approve=earning.approve_campaign,
            note_not_apart=earning.note_campaign_not_apart,
            decline=earning.decline_campaign,
            end=earning.end_campaign,
        ),
        outdated=(earning.CampaignChanged, earning.CampaignBegun),
        shown=shown,
        drafted_words=_l("The campaign is drafted. It gives nothing before another person has approved it."),
        approved_words=_l("Approved. It gives points from its beginning on."),
        ended_words=_l("It is ended. Orders placed before keep what they were told."),
    )
)
