"""The forms of campaigns at the desk: what one is, and why it is ended or declined."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectChoice, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired
from wtforms.widgets import CheckboxInput, ListWidget

from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue, earning
from mall.web.shared import layout
from mall.web.shared.forms import Form, Whole, at_most, one_line, put
from mall.web.shared.texts import LANGUAGES, local

from .coupon_forms import LONGEST_SKUS, LONGEST_TITLE, SCOPES
from .fields import Moment, texts_of

PLAIN = ("starts_at", "ends_at", "multiplier_percent", "min_rank", "scope", "cap_points")
LONGEST_REASON = 500


class ScopedForm(Form):
    """What a campaign or a stamp card is for, and what it is called. `key` makes a form that is sent twice one."""

    key = HiddenField()
    seen_version = HiddenField()
    title_en = StringField(_l("Name in English"), [at_most(LONGEST_TITLE)], filters=[one_line])
    title_zh = StringField(_l("Name in Chinese"), [at_most(LONGEST_TITLE)], filters=[one_line])
    scope = SelectField(_l("What it is for"), choices=[SelectChoice(*each) for each in SCOPES.items()])
    categories = SelectMultipleField(
        _l("Categories"),
        coerce=int,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    skus = StringField(_l("SKUs of the items, with commas between"), [at_most(LONGEST_SKUS)], filters=[one_line])
    min_rank = SelectField(_l("For whom"), coerce=int)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        with reading():
            self.categories.choices = [SelectChoice(row.id, local(row.title)) for row in catalogue.categories()]
        self.min_rank.choices = [SelectChoice(0, _("Everybody"))] + [
            SelectChoice(level.rank, _("%(level)s and above", level=local(level.name)))
            for level in layout.terms().levels
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields, then that there are items of the SKUs typed."""
        sound = super().validate(extra_validators)
        if self.scope.data == "product":
            with reading():
                self.found = catalogue.products_with(self.typed_skus)
            if missing := [sku for sku in self.typed_skus if sku not in self.found]:
                put(self.skus, _("There is no item with the SKU %(sku)s.", sku=missing[0]))
                return False
        return sound

    @property
    def typed_skus(self) -> list[str]:
        """The SKUs typed, once each."""
        typed = (self.skus.data or "").replace("，", ",").split(",")
        return list(dict.fromkeys(sku.strip() for sku in typed if sku.strip()))

    def scoped(self) -> dict[str, Any]:
        """Return what was typed of the name and the scope, as earning takes it."""
        scope_ids = self.categories.data or [] if self.scope.data == "category" else []
        if self.scope.data == "product":
            scope_ids = sorted(set(self.found.values()))
        return {"title": texts_of(self, "title", LANGUAGES), "scope_ids": scope_ids}

    def place(self, refusal: Refusal) -> None:
        """Put a refusal at the field it is about."""
        at = refusal.field
        if at == "scope_ids":
            at = {"category": "categories", "product": "skus"}.get(self.scope.data, "scope")
        self.refuse(refusal, at=next((name for name in (at, f"{at}_en") if name in self), ""))


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
        return {**self.scoped(), **{name: self[name].data for name in PLAIN}, "reason": self.reason.data}


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
            **{name: getattr(row, name) for name in PLAIN},
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
