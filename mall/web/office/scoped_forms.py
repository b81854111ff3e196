"""The forms of what has a name and is for some goods and some members: coupons, campaigns, stamp cards."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectChoice, SelectField, SelectMultipleField, StringField
from wtforms.widgets import CheckboxInput, ListWidget

from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.forms import Form, at_most, one_line, put
from mall.web.shared.texts import LANGUAGES, local

from .fields import texts_of

SCOPES = {"all": _l("Everything"), "category": _l("Some categories"), "product": _l("Some items")}
LONGEST_TITLE, LONGEST_SKUS = 120, 4_000
# Fields of a ScopedForm that are named as the columns they fill.
CHOSEN = ("scope", "min_rank")


class NamedForm(Form):
    """What has a name. `key` makes a form that is sent twice one."""

    key = HiddenField()
    seen_version = HiddenField()
    title_en = StringField(_l("Name in English"), [at_most(LONGEST_TITLE)], filters=[one_line])
    title_zh = StringField(_l("Name in Chinese"), [at_most(LONGEST_TITLE)], filters=[one_line])

    def details(self) -> dict[str, Any]:
        """Return what was typed, as the rooms take it."""
        return {"title": texts_of(self, "title", LANGUAGES)}

    def place(self, refusal: Refusal) -> None:
        """Put a refusal at the field it is about."""
        self.refuse(refusal, at=self.shown_at(refusal))

    def mark(self, faults: Iterable[Refusal]) -> None:
        """Put everything else that is wrong at its field, in the same round; of each field the first is said."""
        for fault in faults:
            at = self.shown_at(fault)
            if not (self[at].errors if at else self.form_errors):
                self.refuse(fault, at=at)

    def shown_at(self, refusal: Refusal) -> str:
        """Return the name of the field that shows a refusal; "" where it stands above the form."""
        at = self.where(refusal.field)
        return next((name for name in (at, f"{at}_en") if name in self), "")

    def where(self, about: str) -> str:
        """Return the field that shows what a refusal is about."""
        return about


class ScopedForm(NamedForm):
    """What it is for: all goods, those of some categories, or some items; and for members from which level on."""

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

    def details(self) -> dict[str, Any]:
        """Return what was typed of the name, the goods and the members, as the rooms take it."""
        scope_ids = self.categories.data or [] if self.scope.data == "category" else []
        if self.scope.data == "product":
            scope_ids = sorted(set(self.found.values()))
        chosen = {"scope": self.scope.data, "scope_ids": scope_ids, "min_rank": self.min_rank.data}
        return super().details() | chosen

    def where(self, about: str) -> str:
        """Return the field that shows what a refusal is about."""
        if about == "scope_ids":
            return {"category": "categories", "product": "skus"}.get(self.scope.data, "scope")
        return super().where(about)
