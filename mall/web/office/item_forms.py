"""The forms of an item: what it is, its dates, its variants with their prices, its pictures."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import (
    FieldList,
    FormField,
    HiddenField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.forms import Form, Whole, at_most, one_line, put
from mall.web.shared.numbers import whole
from mall.web.shared.texts import LANGUAGES, local, sentence

from .fields import Moment, texts_of
from .prices import PriceForm, empty_rows, row_of

LONGEST_ALT = 200
LONGEST_TITLE, LONGEST_SUMMARY, LONGEST_DESCRIPTION = 120, 300, 20_000
MOST_PIECES = 1_000_000
KINDS = {
    "goods": _l("Goods to be sent"),
    "gift": _l("Gift, for points only"),
    "coupon": _l("Coupon"),
    "code": _l("Gift-card code"),
    "membership": _l("Membership"),
}
UNITS = {"months": _l("Months"), "days": _l("Days")}
DELIVERIES = {"shipped": _l("Shipped"), "digital": _l("Digital")}


class ItemForm(Form):
    """What an item is: its words, who may have it, how many and when."""

    key = HiddenField()
    seen_version = HiddenField()
    title_en = StringField(_l("Name in English"), [at_most(LONGEST_TITLE)], filters=[one_line])
    title_zh = StringField(_l("Name in Chinese"), [at_most(LONGEST_TITLE)], filters=[one_line])
    summary_en = StringField(_l("In one sentence, in English"), [at_most(LONGEST_SUMMARY)], filters=[one_line])
    summary_zh = StringField(_l("In one sentence, in Chinese"), [at_most(LONGEST_SUMMARY)], filters=[one_line])
    description_en = TextAreaField(_l("Description in English"), [at_most(LONGEST_DESCRIPTION)])
    description_zh = TextAreaField(_l("Description in Chinese"), [at_most(LONGEST_DESCRIPTION)])
    kind = SelectField(_l("Kind"), choices=[SelectChoice(*each) for each in KINDS.items()])
    delivery = SelectField(_l("Delivery"), choices=[SelectChoice(*each) for each in DELIVERIES.items()])
    categories = SelectMultipleField(
        _l("Categories"),
        coerce=int,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    tags = StringField(_l("Tags, with commas between"), [at_most(500)], filters=[one_line])
    tax_class = SelectField(_l("Tax class"))
    see_rank = SelectField(_l("Who may see it"), coerce=int)
    buy_rank = SelectField(_l("Who may have it"), coerce=int)
    public_from = Moment(_l("For everybody from"))
    limit_per_member = Whole(_l("At most for each member"))
    limit_days = Whole(_l("Counted over so many days"))
    total_quota = Whole(_l("At most in all"))
    plan_level = SelectField(_l("Level it gives"), default="")
    plan_length = Whole(_l("How long it lasts"))
    plan_unit = SelectField(
        _l("Counted in"), choices=[SelectChoice(*each) for each in UNITS.items()], default="months"
    )
    redeem_from = Moment(_l("To be had from"))
    redeem_until = Moment(_l("To be had until"))

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        terms = layout.terms()
        with reading():
            self.categories.choices = [SelectChoice(row.id, local(row.title)) for row in catalogue.categories()]
        self.tax_class.choices = [
            SelectChoice(key, local(tax_class.name)) for key, tax_class in terms.tax_classes.items()
        ]
        ranks = [SelectChoice(0, _("Everybody"))] + [
            SelectChoice(level.rank, _("%(level)s and above", level=local(level.name))) for level in terms.levels
        ]
        self.see_rank.choices = self.buy_rank.choices = ranks
        self.plan_level.choices = [SelectChoice("", _("None: it is no membership"))] + [
            SelectChoice(level.key, local(level.name)) for level in terms.levels[1:]
        ]
        if (kept := self.plan_level.data) and kept not in {level.key for level in terms.levels[1:]}:
            self.plan_level.choices.append(SelectChoice(kept, kept))  # The shop has it no more.

    def details(self) -> dict[str, Any]:
        """Return what was typed, as the catalogue takes it; not the kind, which is chosen once."""
        return {
            **{name: texts_of(self, name, LANGUAGES) for name in ("title", "summary", "description")},
            "tags": [tag.strip() for tag in (self.tags.data or "").replace("，", ",").split(",") if tag.strip()],
            **{
                name: self[name].data
                for name in (
                    "delivery", "categories", "tax_class", "see_rank", "buy_rank", "public_from", "limit_per_member",
                    "limit_days", "total_quota", "redeem_from", "redeem_until", "plan_length", "plan_unit",
                )
            },
            "plan_level": self.plan_level.data or None,
        }  # fmt: skip

    def place(self, refusal: Refusal) -> None:
        """Put a refusal at the field it is about."""
        field = next((name for name in (refusal.field, f"{refusal.field}_en") if name in self), "")
        if not (field and self[field].errors):  # What could not even be read has its sentence.
            self.refuse(refusal, at=field)


class ScheduleForm(Form):
    """When an item comes on the shelf, and when it leaves it."""

    listed_from = Moment(_l("List on"))
    listed_until = Moment(_l("Delist on"))


class VariantForm(Form):
    """A variant: its SKU, its name where there are several, its prices, and at first how many there are."""

    sku = StringField(_l("SKU"), [at_most(40)], filters=[one_line])
    title_en = StringField(_l("Variant in English"), [at_most(80)], filters=[one_line])
    title_zh = StringField(_l("Variant in Chinese"), [at_most(80)], filters=[one_line])
    on_hand = Whole(
        _l("Pieces on hand"),
        [Optional(), NumberRange(0, MOST_PIECES, _l("Enter a number from 0 to 1,000,000."))],
    )
    prices = FieldList(FormField(PriceForm), max_entries=24)

    variant_id: int | None = None

    def titles(self) -> dict[str, str]:
        """Return what the variant is called."""
        return texts_of(self, "title", LANGUAGES)

    def typed_prices(self) -> list[catalogue.Price]:
        """Return the prices typed, those to be removed left out."""
        return [row.form.price() for row in self.prices if row.form.counts]

    def details(self) -> dict[str, Any]:
        """Return what was typed of a new variant, as the catalogue takes it."""
        return {
            "sku": self.sku.data,
            "title": self.titles(),
            "prices": self.typed_prices(),
            "on_hand": self.on_hand.data or 0,
        }

    def takes(self, refusal: Refusal) -> bool:
        """Tell whether a refusal is about a variant, and not the item it is of."""
        return refusal.field in ("sku", "prices", "on_hand")

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields, then each price."""
        sound = super().validate(extra_validators)
        for row in self.prices:
            if row.form.counts and not row.form.errors and (refusal := row.form.check()):
                put(row.form[row.form.field_at_fault(refusal)], sentence(refusal))
                sound = False
        return sound

    def place(self, refusal: Refusal) -> None:
        """Put a refusal at the field it is about."""
        field = {"sku": "sku", "title": "title_en", "on_hand": "on_hand"}.get(refusal.field, "")
        if not (field and self[field].errors):
            self.refuse(refusal, at=field)


def prefix_of(variant_id: int) -> str:
    """Return what the names of a variant's fields begin with, since an item's page holds several such forms."""
    return f"v{variant_id}-"


def form_of(each: catalogue.DeskVariant) -> VariantForm:
    """Return the form of a variant as it is kept, with an empty row for each way to pay."""
    title = each.row.title or {}
    form = VariantForm(
        formdata=None,
        prefix=prefix_of(each.row.id),
        data={
            "sku": each.row.sku,
            **{f"title_{language}": title.get(language, "") for language in LANGUAGES},
            "prices": [row_of(price) for price in each.prices] + empty_rows(),
        },
    )
    form.variant_id = each.row.id
    return form


def new_variant_form() -> VariantForm:
    """Return the form of a variant to come: as it was sent, or empty."""
    return VariantForm(prefix="new-", data={"prices": empty_rows()})


class PictureForm(Form):
    """A picture and what it shows, in words."""

    seen_version = HiddenField()
    picture = FileField(_l("Picture: JPEG, PNG or WebP, at most 10 MB"))
    alt_en = StringField(_l("What it shows, in English"), [at_most(LONGEST_ALT)], filters=[one_line])
    alt_zh = StringField(_l("What it shows, in Chinese"), [at_most(LONGEST_ALT)], filters=[one_line])


def details_form(item: catalogue.DeskItem) -> ItemForm:
    """Return the form of an item as it is kept."""
    product = item.product
    texts = {
        f"{name}_{language}": (getattr(product, name) or {}).get(language, "")
        for name in ("title", "summary", "description")
        for language in LANGUAGES
    }
    names = (
        "kind", "delivery", "tax_class", "see_rank", "buy_rank", "public_from", "limit_per_member", "limit_days",
        "total_quota", "redeem_from", "redeem_until", "plan_level", "plan_length", "plan_unit",
    )  # fmt: skip
    return ItemForm(
        formdata=None,
        data={name: getattr(product, name) for name in names}
        | texts
        | {
            "tags": ", ".join(product.tags),
            "categories": item.category_ids,
            "seen_version": product.version,
        },
    )


def seen_version(form: ItemForm | PictureForm) -> int:
    """Return the version of the item that a form was shown with; -1, which none has, where it does not say."""
    number = whole(form.seen_version.data)
    return -1 if number is None else number
