"""The forms of campaigns at the desk: what one is, and why it is ended or declined."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired

from mall.domain import catalogue, earning
from mall.web.shared import layout
from mall.web.shared.forms import Form, Whole, at_most, one_line
from mall.web.shared.texts import LANGUAGES, local

from .fields import Moment
from .scoped_forms import CHOSEN, ScopedForm

PLAIN = ("starts_at", "ends_at", "multiplier_percent", "cap_points")
LONGEST_REASON = 500


class CampaignForm(ScopedForm):
    """What a campaign is."""

    starts_at = Moment(_l("Begins"))
    ends_at = Moment(_l("Ends"))
    multiplier_percent = Whole(_l("So many per cent of the ordinary points"))
    cap_points = Whole(_l("At most so many points in all"))
    reason = TextAreaField(
        _l("What it is to bring"),
        [DataRequired(_l("Say why; it is kept with the request to approve it.")), at_most(LONGEST_REASON)],
    )

    def details(self) -> dict[str, Any]:
        """Return what was typed, as earning takes it."""
        return {**super().details(), **{name: self[name].data for name in PLAIN}, "reason": self.reason.data}


class WhyForm(Form):
    """Why a campaign is ended early, or is not approved."""

    reason = StringField(
        _l("Why, for the record"),
        [DataRequired(_l("Say why; it is kept in the audit log.")), at_most(LONGEST_REASON)],
        filters=[one_line],
    )


def filled(row: Any, scope_ids: list[int], scope_skus: list[str], *, reason: str) -> CampaignForm:
    """Return the form with a campaign in it as it stands."""
    return CampaignForm(
        formdata=None,
        data={
            "seen_version": str(row.version),
            **{f"title_{language}": row.title.get(language, "") for language in LANGUAGES},
            **{name: getattr(row, name) for name in (*PLAIN, *CHOSEN)},
            "categories": scope_ids if row.scope == "category" else [],
            "skus": ", ".join(scope_skus),
            "reason": reason,
        },
    )


def scope_words(row: Any, scope_ids: list[int]) -> str:
    """Return what a campaign or a stamp card is for, in words, inside a reading()."""
    if row.scope == "category":
        names = {each.id: local(each.title) for each in catalogue.categories()}
        return ", ".join(names[id_] for id_ in scope_ids if id_ in names)
    if row.scope == "product":
        return ", ".join(catalogue.skus_of(scope_ids))
    return _("Everything")


def level_words(min_rank: int) -> str:
    """Return whom a campaign is for, in words."""
    if not min_rank:
        return _("Everybody")
    return _("%(level)s and above", level=local(layout.terms().level(min_rank).name))


STATES = {
    "draft": (_l("Draft"), "warn"),
    "planned": (_l("Planned"), "info"),
    "running": (_l("Running"), "ok"),
    "full": (_l("Used up"), ""),
    "over": (_l("Over"), ""),
    "ended": (_l("Ended early"), ""),
}


def state_words(row: Any, at: Any) -> tuple[str, str]:
    """Return where a campaign stands, for its badge: (words, kind)."""
    words, kind = STATES[earning.campaign_state(row, at)]
    return str(words), kind
