"""Prices at the desk: rows of a form, one for each way to pay, and what members will see of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from babel.numbers import get_currency_symbol
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField
from wtforms import Form as PlainForm

from mall.base.errors import Refusal
from mall.base.money import LOCALES
from mall.domain import catalogue, checkout
from mall.web.shared import layout
from mall.web.shared.forms import OurWords, Whole
from mall.web.shared.numbers import whole
from mall.web.shared.texts import currency, language

from .fields import Cents, Moment

FIGURES = {
    "cash": ("cash_cents", "old_cash_cents"),
    "points": ("points", "old_points"),
    "mix": ("full_cents", "least_points", "most_points", "step_points"),
}
DATES = ("starts_at", "ends_at")
FORM_WORDS = {"cash": _l("Cash, earns points"), "points": _l("Points only"), "mix": _l("Points and cash")}


class PriceForm(PlainForm):
    """One way to pay. A row whose figures are all empty is no price, unless it was one before."""

    class Meta:
        """How wtforms is to behave."""

        def get_translations(self, form: Any) -> OurWords:
            """Return who writes the built-in sentences."""
            return OurWords()

    price_id = HiddenField()
    form = HiddenField()
    cash_cents = Cents(_l("Price"))
    old_cash_cents = Cents(_l("Old price, struck through"))
    points = Whole(_l("Points"))
    old_points = Whole(_l("Old points, struck through"))
    full_cents = Cents(_l("Full price"))
    least_points = Whole(_l("Fewest points"))
    most_points = Whole(_l("Most points"))
    step_points = Whole(_l("In steps of"))
    starts_at = Moment(_l("Holds from"))
    ends_at = Moment(_l("Holds until"))
    remove = BooleanField(_l("Remove this price"))

    @property
    def way(self) -> str:
        """Return which way to pay this is: one of FIGURES."""
        return self.form.data if self.form.data in FIGURES else "cash"

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was typed."""
        return not any((self[name].raw_data or [""])[0].strip() for name in (*FIGURES[self.way], *DATES))

    @property
    def stored_id(self) -> int | None:
        """Return the id of the stored price this row changes, or None."""
        return whole(str(self.price_id.data or ""))

    @property
    def counts(self) -> bool:
        """Tell whether the row is to be a price."""
        return not self.remove.data and not (self.is_empty and self.stored_id is None)

    def price(self) -> catalogue.Price:
        """Return the price typed."""
        figures = {name: self[name].data for name in FIGURES[self.way]}
        if self.way == "mix" and figures["most_points"] is None:
            figures["most_points"] = figures["least_points"]
        if self.way == "mix" and figures["step_points"] is None:
            figures["step_points"] = figures["least_points"]
        return catalogue.Price(
            self.way, **figures, starts_at=self.starts_at.data, ends_at=self.ends_at.data, id=self.stored_id
        )

    def check(self) -> Refusal | None:
        """Return what is wrong with the price typed, or None."""
        try:
            catalogue.refuse_unsound(self.price(), layout.terms())
        except Refusal as refusal:
            return refusal
        return None

    def field_at_fault(self, refusal: Refusal) -> str:
        """Return the name of the field a refusal of this row is best shown at."""
        return refusal.field if refusal.field in FIGURES[self.way] or refusal.field in DATES else FIGURES[self.way][0]


def row_of(price: catalogue.Price) -> dict[str, Any]:
    """Return a stored price as the data of its row."""
    names = (*FIGURES[price.form], *DATES)
    return {name: getattr(price, name) for name in names} | {"form": price.form, "price_id": price.id}


def empty_rows() -> list[dict[str, Any]]:
    """Return a row for a further price of each way to pay."""
    return [{"form": way} for way in FIGURES]


class Shown(NamedTuple):
    """A price as members will see it: points and cents, what it stands in for, and the points it earns."""

    price: catalogue.Price
    points: int
    cents: int
    earns: int


def members_will_see(prices: Sequence[catalogue.Price], *, kind: str) -> list[Shown]:
    """Return prices restated, at the lowest level: the fewest points of a mix, and the points that cash earns.

    That of a membership earns none.
    """
    terms = layout.terms()
    lowest = checkout.PieceFor(terms.level(1), terms)
    shown = []
    for price in prices:
        points, _most, _step = catalogue.points_allowed(price)
        cents = catalogue.cash_part(price, points, terms)
        earns = 0 if kind == catalogue.MEMBERSHIP else lowest.earns(cents, form=price.form)
        shown.append(Shown(price, points, cents, earns))
    return shown


def currency_sign() -> str:
    """Return the sign of the shop's currency as the reader writes it: "$"."""
    return get_currency_symbol(currency(), locale=LOCALES[language()])
