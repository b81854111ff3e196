"""The forms of coupons at the desk: what one is, codes to make, an item to give it, a member to have it."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    HiddenField,
    SelectChoice,
    SelectField,
    StringField,
)
from wtforms.validators import DataRequired, NumberRange

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import coupons
from mall.web.shared.forms import Form, Whole, at_most, one_line, put
from mall.web.shared.texts import LANGUAGES, local

from .fields import Cents, Moment, needed
from .scoped_forms import CHOSEN, NamedForm, ScopedForm

KINDS = {
    coupons.AMOUNT: _l("An amount off"),
    coupons.PERCENT: _l("A percentage off"),
    coupons.SHIPPING: _l("Free delivery"),
    coupons.GIFT: _l("A gift: one piece of one item at no cost"),
}
LONGEST_REASON = 200
PLAIN = ("kind", "amount_cents", "percent", "cap_cents", "starts_at", "ends_at", "valid_days", "member_limit",
         "total_limit", "stackable")  # fmt: skip
PACK_PLAIN = ("starts_at", "ends_at", "member_limit", "total_limit")


class CouponForm(ScopedForm):
    """What a kind of coupon is."""

    kind = SelectField(_l("What it takes off"), choices=[SelectChoice(*each) for each in KINDS.items()])
    amount_cents = Cents(_l("Amount"))
    percent = Whole(_l("Per cent"))
    cap_cents = Cents(_l("At most"))
    threshold_cents = Cents(_l("From an amount in cash of"))
    starts_at = Moment(_l("Can be used from"))
    ends_at = Moment(_l("Can be used until"))
    valid_days = Whole(_l("For so many days after it was given"))
    member_limit = Whole(_l("Uses by one member"))
    total_limit = Whole(_l("Uses by all together"))
    stackable = BooleanField(_l("May be used together with other coupons that may"))
    min_rank = SelectField(_l("Who may use it"), coerce=int)

    def details(self) -> dict[str, Any]:
        """Return what was typed, as the coupons take it."""
        return {
            **super().details(),
            **{name: self[name].data for name in PLAIN},
            "threshold_cents": self.threshold_cents.data or 0,
        }


class GivenForm(NamedForm):
    """What may still change of a coupon that somebody has: its name, and how often it is used in all."""

    total_limit = Whole(_l("Uses by all together"))

    def details(self) -> dict[str, Any]:
        """Return what was typed, as the coupons take it."""
        return super().details() | {"total_limit": self.total_limit.data}


class CodesForm(Form):
    """Codes to be made. `key` makes a form that is sent twice one batch."""

    key = HiddenField()
    count = Whole(
        _l("How many codes"),
        [
            needed(_l("Say how many codes.")),
            NumberRange(1, coupons.MOST_CODES, _l("Enter a number from 1 to 5,000.")),
        ],
    )
    each_for = Whole(
        _l("Each for so many members"),
        [
            needed(_l("Say for how many members.")),
            NumberRange(1, coupons.MOST_EACH, _l("Enter a number from 1 to 1,000,000.")),
        ],
        default=1,
    )


class SellForm(Form):
    """An item that is to give the coupon."""

    product_id = SelectField(_l("Item of the kind “coupon”"), coerce=int, validate_choice=False)

    def offer(self, items: Sequence[Any], selling: Sequence[Any]) -> None:
        """Offer the items that do not give this coupon yet."""
        already = {row.id for row in selling}
        self.product_id.choices = [SelectChoice(row.id, local(row.title)) for row in items if row.id not in already]


class GiveForm(Form):
    """A coupon for a member. `key` makes a form that is sent twice one coupon."""

    key = HiddenField()
    template_id = SelectField(_l("Coupon or pack"), coerce=int)
    reason = StringField(_l("Reason"), [DataRequired(_l("Say why.")), at_most(LONGEST_REASON)], filters=[one_line])

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        with reading():
            rows, _total = coupons.templates(per_page=500)
        self.template_id.choices = [
            SelectChoice(row.id, name_of(row)) for row in rows if coupons.state_of(row, now()) in ("open", "planned")
        ]


class PackSaidForm(NamedForm):
    """What a pack says of itself."""

    starts_at = Moment(_l("Can be had from"))
    ends_at = Moment(_l("Can be had until"))
    member_limit = Whole(_l("Packs for one member"))
    total_limit = Whole(_l("Packs in all"))
    rows: Sequence[tuple[Any, Any]] = ()

    def details(self) -> dict[str, Any]:
        """Return what was typed, as the coupons take it."""
        return super().details() | {name: self[name].data for name in PACK_PLAIN}

    def where(self, about: str) -> str:
        """Return the field that shows what a refusal is about."""
        return "kind_1" if about == "parts" else super().where(about)


class PartsForm(PackSaidForm):
    """A pack with what is in it: a kind of coupon and a number, so many times. One kind named twice is added up."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        with reading():
            rows, _total = coupons.templates(per_page=500)
        may = [row for row in rows if row.kind != coupons.PACK and coupons.state_of(row, now()) in ("open", "planned")]
        choices = [SelectChoice(0, "–"), *(SelectChoice(row.id, local(row.title)) for row in may)]
        self.rows = [(self[f"kind_{n}"], self[f"pieces_{n}"]) for n in range(1, coupons.MOST_PARTS + 1)]
        for kind, _pieces in self.rows:
            kind.choices = choices

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields, then that each number has its coupon and each coupon its number."""
        sound = super().validate(extra_validators)
        for kind, pieces in self.rows:
            if kind.data and pieces.data is None and not pieces.errors:
                put(pieces, _("Say how many."))
                sound = False
            if pieces.data is not None and not kind.data and not kind.errors:
                put(kind, _("Choose the coupon."))
                sound = False
        return sound

    def details(self) -> dict[str, Any]:
        """Return what was typed, as the coupons take it."""
        parts: dict[int, int] = {}
        for kind, pieces in self.rows:
            if kind.data:
                parts[kind.data] = parts.get(kind.data, 0) + (pieces.data or 0)
        return super().details() | {"parts": parts}


PackForm: type[PartsForm] = type(
    "PackForm",
    (PartsForm,),
    {f"kind_{n}": SelectField(_l("Coupon %(number)s", number=n), coerce=int) for n in range(1, coupons.MOST_PARTS + 1)}
    | {f"pieces_{n}": Whole(_l("How many of coupon %(number)s", number=n)) for n in range(1, coupons.MOST_PARTS + 1)},
)


def pack_form_for(pack: Any, contents: Sequence[Any], *, given: bool) -> PackSaidForm:
    """Return the form of a pack as it is kept: all of it, or what may change of what somebody has."""
    data = {name: getattr(pack, name) for name in PACK_PLAIN}
    data |= {f"title_{language}": pack.title.get(language, "") for language in LANGUAGES}
    for number, part in enumerate(contents, start=1):
        data |= {f"kind_{number}": part.id, f"pieces_{number}": part.pieces}
    form: type[PackSaidForm] = PackSaidForm if given else PackForm
    return form(formdata=None, data=data | {"seen_version": pack.version})


def name_of(template: Any) -> str:
    """Return the name of a kind of coupon in a list to choose from."""
    title = local(template.title)
    return _("Pack: %(title)s", title=title) if template.kind == coupons.PACK else title


class RevokeForm(Form):
    """Why a coupon is taken back."""

    reason = StringField(_l("Reason"), [DataRequired(_l("Say why.")), at_most(LONGEST_REASON)], filters=[one_line])


def form_for(template: Any, scope_ids: list[int], skus: list[str], *, given: bool) -> CouponForm | GivenForm:
    """Return the form of a kind of coupon as it is kept: all of it, or what may change of what somebody has."""
    return (GivenForm if given else CouponForm)(
        formdata=None,
        data={name: getattr(template, name) for name in (*PLAIN, *CHOSEN, "threshold_cents")}
        | {f"title_{language}": template.title.get(language, "") for language in LANGUAGES}
        | {
            "seen_version": template.version,
            "categories": scope_ids if template.scope == "category" else [],
            "skus": ", ".join(skus),
        },
    )
