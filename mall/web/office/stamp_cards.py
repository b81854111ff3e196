"""Stamp cards at the desk: made by one, approved by another, changed until they begin, ended early; what they gave."""

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from mall.domain import coupons, earning
from mall.web.shared.texts import local

from .draft_forms import state_words
from .draft_pages import DraftDesk, DraftVerbs, blueprint_of
from .stamp_card_forms import COUNTS, StampCardForm


def shown(row: Any, given: tuple[int, int, int] | None, *, at: datetime) -> dict[str, Any]:
    """Return a stamp card in words, with what it gave: to how many members, stamps, full cards."""
    members, stamps, full = given or (0, 0, 0)
    return {
        "row": row,
        "state": state_words(earning.stamp_card_state(row, at)),
        "counts": str(COUNTS[row.counts]),
        "members": members,
        "stamps": stamps,
        "full": full,
    }


def its_coupon(row: Any) -> dict[str, Any]:
    """Return what the coupon that a full card gives is called, inside a reading()."""
    return {"gives": local(coupons.titles_of([row.template_id])[row.template_id])}


bp = blueprint_of(
    DraftDesk(
        name="stamp_cards",
        form=StampCardForm,
        proposed={"stamps_needed": 10},
        rows=earning.stamp_cards,
        row_of=earning.stamp_card_of,
        scope_of=earning.scope_of_stamp_card,
        last_request=earning.last_request_of_stamp_card,
        given=earning.given_by_cards,
        verbs=DraftVerbs(
            make=earning.make_stamp_card,
            edit=earning.edit_stamp_card,
            approve=earning.approve_stamp_card,
            note_not_apart=earning.note_stamp_card_not_apart,
            decline=earning.decline_stamp_card,
            end=earning.end_stamp_card,
        ),
        outdated=(earning.StampCardChanged, earning.StampCardBegun),
        shown=shown,
        more=its_coupon,
        drafted_words=_l("The stamp card is drafted. It gives nothing before another person has approved it."),
        approved_words=_l("Approved. Orders placed from its beginning on give stamps when they are kept."),
        ended_words=_l("It is ended. Orders placed before give their stamps when they are kept."),
    )
)
