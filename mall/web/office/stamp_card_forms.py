"""The form of stamp cards at the desk: what one is, what it counts, and which coupon it gives."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField, TextAreaField
from wtforms.validators import DataRequired

from mall.base.db import reading
from mall.domain import coupons
from mall.web.shared.forms import Whole, at_most
from mall.web.shared.texts import LANGUAGES, local

from .campaign_forms import LONGEST_REASON
from .fields import Cents, Moment
from .scoped_forms import CHOSEN, ScopedForm

COUNTS = {"piece": _l("Each piece"), "order": _l("Each order")}
PLAIN = (
    "starts_at",
    "ends_at",
    "stamps_needed",
    "counts",
    "least_cents",
    "template_id",
    "member_limit",
    "total_limit",
)


class StampCardForm(ScopedForm):
    """What a stamp card is."""

    starts_at = Moment(_l("Begins"))
    ends_at = Moment(_l("Ends"))
    stamps_needed = Whole(_l("Stamps on a full card"))
    counts = SelectField(_l("What gives a stamp"), choices=[SelectChoice(*each) for each in COUNTS.items()])
    least_cents = Cents(_l("From an amount in cash of"))
    template_id = SelectField(_l("Coupon that a full card gives"), coerce=int)
    member_limit = Whole(_l("Cards for each member"))
    total_limit = Whole(_l("Cards for all together"))
    reason = TextAreaField(
        _l("What it is to bring"),
        [DataRequired(_l("Say why; it is kept with the request to approve it.")), at_most(LONGEST_REASON)],
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        with reading():
            kinds = coupons.promisable()
        self.template_id.choices = [
            SelectChoice(0, _("Choose one")),
            *(SelectChoice(kind.id, local(kind.title)) for kind in kinds),
        ]

    def details(self) -> dict[str, Any]:
        """Return what was typed, as earning takes it."""
        return {**super().details(), **{name: self[name].data for name in PLAIN}, "reason": self.reason.data}


def filled(row: Any, scope_ids: list[int], scope_skus: list[str], *, reason: str) -> StampCardForm:
    """Return the form with a stamp card in it as it stands."""
    return StampCardForm(
        formdata=None,
        data={
            "seen_version": str(row.version),
            **{f"title_{language}": row.title.get(language, "") for language in LANGUAGES},
            **{name: getattr(row, name) for name in (*PLAIN, *CHOSEN)},
            "least_cents": row.least_cents or None,
            "categories": scope_ids if row.scope == "category" else [],
            "skus": ", ".join(scope_skus),
            "reason": reason,
        },
    )
