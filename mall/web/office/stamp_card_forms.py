"""The form of stamp cards at the desk: what one is, what it counts, and which coupon it gives."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField

from mall.base.db import reading
from mall.domain import coupons, earning
from mall.web.shared.forms import Whole
from mall.web.shared.texts import local

from .draft_forms import DraftForm
from .fields import Cents

COUNTS = {"piece": _l("Each piece"), "order": _l("Each order")}


class StampCardForm(DraftForm):
    """What a stamp card is."""

    NAMELESS = earning.STAMP_CARD_NAMELESS
    PLAIN = ("stamps_needed", "counts", "least_cents", "template_id", "member_limit", "total_limit")

    stamps_needed = Whole(_l("Stamps on a full card"))
    counts = SelectField(_l("What gives a stamp"), choices=[SelectChoice(*each) for each in COUNTS.items()])
    least_cents = Cents(_l("From an amount in cash of"))
    template_id = SelectField(_l("Coupon that a full card gives"), coerce=int)
    member_limit = Whole(_l("Cards for each member"))
    total_limit = Whole(_l("Cards for all together"))

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        if not self.least_cents.data:
            self.least_cents.data = None  # Any amount: the box stays empty.
        with reading():
            kinds = coupons.promisable()
        self.template_id.choices = [
            SelectChoice(0, _("Choose one")),
            *(SelectChoice(kind.id, local(kind.title)) for kind in kinds),
        ]
