"""The form of campaigns at the desk."""

from flask_babel import lazy_gettext as _l

from mall.domain import earning
from mall.web.shared.forms import Whole

from .draft_forms import DraftForm


class CampaignForm(DraftForm):
    """What a campaign is."""

    NAMELESS = earning.CAMPAIGN_NAMELESS
    PLAIN = ("multiplier_percent", "cap_points")

    multiplier_percent = Whole(_l("So many per cent of the ordinary points"))
    cap_points = Whole(_l("At most so many points in all"))
