"""Price options: in cash, in points, or a mix of both; each may have a first and a last moment.

A mix is per piece: a full price, and how many points may stand for part of it. Prices include tax.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace
from sqlalchemy import CheckConstraint, ForeignKey, String, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.money import half_up
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import programme

from .figures import MOST_CENTS, MOST_POINTS, whole
from .positions import must_fill

CASH, POINTS, MIX = FORMS = ("cash", "points", "mix")
MOST_OPTIONS = 20
FIGURES = (
    "cash_cents",
    "old_cash_cents",
    "points",
    "old_points",
    "full_cents",
    "least_points",
    "most_points",
    "step_points",
)


class PriceOption(db.Model):
    """One way a variant may be had. Orders keep their own figures, so an option may change or be withdrawn."""

    __tablename__ = "price_option"
    __table_args__ = (
        CheckConstraint("form IN ('cash', 'points', 'mix')", name="form_known"),
        CheckConstraint("(form = 'cash') = (cash_cents IS NOT NULL)", name="cash_has_cents"),
        CheckConstraint("(form = 'points') = (points IS NOT NULL)", name="points_has_points"),
        CheckConstraint(
            "(form = 'mix') = (full_cents IS NOT NULL AND least_points IS NOT NULL"
            " AND most_points IS NOT NULL AND step_points IS NOT NULL)",
            name="mix_has_figures",
        ),
        CheckConstraint("cash_cents > 0", name="cash_positive"),
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("full_cents > 0 AND least_points > 0 AND step_points > 0", name="mix_positive"),
        CheckConstraint("least_points <= most_points", name="least_within_most"),
        CheckConstraint("old_cash_cents > cash_cents", name="old_cash_above_new"),
        CheckConstraint("old_points > points", name="old_points_above_new"),
        CheckConstraint("starts_at < ends_at", name="starts_before_end"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"), index=True)
    position: Mapped[int]
    form: Mapped[str] = mapped_column(String(10))
    cash_cents: Mapped[int | None]
    old_cash_cents: Mapped[int | None]
    points: Mapped[int | None]
    old_points: Mapped[int | None]
    full_cents: Mapped[int | None]
    least_points: Mapped[int | None]
    most_points: Mapped[int | None]
    step_points: Mapped[int | None]
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)


class Price(Struct, frozen=True):
    """A price option as a value. `old_...` is shown struck through; `id` is None until it is stored."""

    form: str
    cash_cents: int | None = None
    old_cash_cents: int | None = None
    points: int | None = None
    old_points: int | None = None
    full_cents: int | None = None
    least_points: int | None = None
    most_points: int | None = None
    step_points: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    id: int | None = None

    @property
    def points_needed(self) -> int | None:
        """The points without which a piece cannot be had this way; None for cash."""
        return self.least_points if self.form == MIX else self.points

    @property
    def is_fixed(self) -> bool:
        """Whether the points of a piece are not for the member to choose."""
        return self.form != MIX or self.least_points == self.most_points

    def is_live(self, at: datetime) -> bool:
        """Tell whether the option is open at an instant."""
        return (self.starts_at is None or self.starts_at <= at) and (self.ends_at is None or at < self.ends_at)


class UnsoundPrice(Refusal):
    """A price option that cannot be meant."""


class BadMix(Refusal):
    message = N_("This item takes {least} to {most} points a piece in steps of {step}. Choose again.")


def cash_price(cash_cents: int, *, old_cash_cents: int | None = None, **dates: Any) -> Price:
    """Offer a piece for cash: `cash_price(1590)`."""
    return Price(CASH, cash_cents=cash_cents, old_cash_cents=old_cash_cents, **dates)


def points_price(points: int, *, old_points: int | None = None, **dates: Any) -> Price:
    """Offer a piece for points alone: `points_price(1590)`."""
    return Price(POINTS, points=points, old_points=old_points, **dates)


def mix_price(full_cents: int, *, least: int, most: int, step: int, **dates: Any) -> Price:
    """Offer a piece for points and cash: `mix_price(1590, least=600, most=1500, step=100)`; least = most is fixed."""
    return Price(MIX, full_cents=full_cents, least_points=least, most_points=most, step_points=step, **dates)


def cash_part(price: Price, points_each: int, terms: programme.Programme) -> int:
    """Return the cents due for one piece when so many points are given for it. Pure. Raises BadMix."""
    if price.form == CASH:
        if points_each != 0:
            raise BadMix(least=0, most=0, step=1)
        return _known(price.cash_cents)
    least, most, step = points_allowed(price)
    if not (least <= points_each <= most and points_each % step == 0):
        raise BadMix(least=least, most=most, step=step)
    if price.form == POINTS:
        return 0
    return mixed_cents(_known(price.full_cents), points_each, terms)


def mixed_cents(full_cents: int, points_each: int, terms: programme.Programme) -> int:
    """Return the cents that are left of a piece's full price when so many points are given for it. Pure."""
    return max(0, half_up(Fraction(full_cents) - terms.worth_of(points_each)))


def points_allowed(price: Price) -> tuple[int, int, int]:
    """Return the least and the most points a piece takes, and the step between them."""
    if price.form == CASH:
        return 0, 0, 1
    if price.form == POINTS:
        points = _known(price.points)
        return points, points, points
    return _known(price.least_points), _known(price.most_points), _known(price.step_points)


def points_of_piece(price: Price, wanted: int) -> int:
    """Return the points a piece takes: those wanted where they may be chosen, else what the price says. Pure."""
    least, _most, _step = points_allowed(price)
    return least if price.is_fixed else wanted


def live(prices: Iterable[Price], at: datetime) -> list[Price]:
    """Return the options of one variant that are open at an instant; a sale stands in for the dearer of its kind."""
    best: dict[tuple[Any, ...], Price] = {}
    for price in prices:
        if price.is_live(at):
            kind = (price.form, price.least_points, price.most_points, price.step_points)
            if kind not in best or _figure(price) < _figure(best[kind]):
                best[kind] = price
    return list(best.values())


def standing_for(option_id: int | None, prices: Sequence[Price], at: datetime) -> Price | None:
    """Return the live option that an option once chosen stands for now: itself, its sale, or its like after a sale."""
    chosen = next((price for price in prices if price.id == option_id), None)
    if chosen is None:
        return None
    open_now = live(prices, at)
    alike = [price for price in open_now if price.form == chosen.form]
    same_mix = [price for price in alike if _terms_of_mix(price) == _terms_of_mix(chosen)]
    itself = [price for price in same_mix if price.id == option_id]
    return next(iter(itself or same_mix or alike), None)


def refuse_unsound(price: Price, terms: programme.Programme) -> None:
    """Raise UnsoundPrice or BadFigure unless an option can be meant. Pure."""
    if price.form not in FORMS:
        raise UnsoundPrice(N_("A price is in cash, in points, or a mix of both."))
    foreign = [name for name in FIGURES if getattr(price, name) is not None and name not in _OWN[price.form]]
    if foreign:
        raise UnsoundPrice(N_("Give a price only the figures of its own form."))
    if price.form == CASH:
        _refuse_unsound_figures(price, "cash_cents", CENTS_SENTENCE, MOST_CENTS)
    elif price.form == POINTS:
        _refuse_unsound_figures(price, "points", POINTS_SENTENCE, MOST_POINTS)
    else:
        _refuse_unsound_mix(price, terms)
    if price.starts_at and price.ends_at and price.starts_at >= price.ends_at:
        raise UnsoundPrice(N_("A price ends after it starts. Change one of the two dates.")).about("ends_at")


def set_prices(
    variant_id: int, prices: Sequence[Price], *, terms: programme.Programme, at: datetime
) -> tuple[list[Any], ...]:
    """Store exactly these options for a variant, in this order. Returns the options before and after, for the audit.

    An option with the id of a stored one changes it; stored ones that are missing here are withdrawn.
    """
    if len(prices) > MOST_OPTIONS:
        raise UnsoundPrice(N_("Use {most} prices at most for one variant."), most=MOST_OPTIONS).about("prices")
    for price in prices:
        refuse_unsound(price, terms)
    stored = prices_of([variant_id])[variant_id]
    known = {price.id for price in stored}
    kept = [price.id for price in prices if price.id is not None]
    if len(kept) != len(set(kept)) or not set(kept) <= known:
        gone = N_("One of these prices was withdrawn meanwhile. Reload the page and set it again.")
        raise UnsoundPrice(gone).about("prices")
    dropped = known - set(kept)
    if dropped:
        execute(update(PriceOption).where(PriceOption.id.in_(dropped)).values(withdrawn_at=at))
    after = []
    for position, price in enumerate(prices, start=1):
        values = asdict(replace(price, id=None)) | {"position": position}
        del values["id"]
        if price.id is None:
            statement = insert(PriceOption).values(variant_id=variant_id, **values).returning(PriceOption.id)
            after.append(replace(price, id=execute(statement).scalar_one()))
        else:
            execute(update(PriceOption).where(PriceOption.id == price.id).values(**values))
            after.append(price)
    return [_short(price) for price in stored], [_short(price) for price in after]


def prices_of(variant_ids: Sequence[int]) -> dict[int, list[Price]]:
    """Return the stored options of variants, dated ones included, in their order: {variant_id: [Price]}."""
    found: dict[int, list[Price]] = {variant_id: [] for variant_id in variant_ids}
    for row in execute(
        select(PriceOption.variant_id, *PRICE_COLUMNS)
        .where(PriceOption.variant_id.in_(variant_ids), PriceOption.withdrawn_at.is_(None))
        .order_by(PriceOption.variant_id, PriceOption.position)
    ):
        found[row[0]].append(price_from(row[1:]))
    return found


def price_from(values: Sequence[Any]) -> Price:
    """Return the Price of a row's PRICE_COLUMNS."""
    return Price(*values)


PRICE_COLUMNS = (
    PriceOption.form,
    *(getattr(PriceOption, name) for name in FIGURES),
    PriceOption.starts_at,
    PriceOption.ends_at,
    PriceOption.id.label("option_id"),
)
must_fill(Price, PRICE_COLUMNS, called={"option_id": "id"})

CENTS_SENTENCE = N_("A price in cash is from 0.01 to 10,000,000.00.")
POINTS_SENTENCE = N_("Points are a whole number from {least} to {most}.")

_OWN = {
    CASH: {"cash_cents", "old_cash_cents"},
    POINTS: {"points", "old_points"},
    MIX: {"full_cents", "least_points", "most_points", "step_points"},
}


def _refuse_unsound_figures(price: Price, name: str, sentence: str, most: int) -> None:
    figure, old_name = whole(getattr(price, name), sentence, least=1, most=most, field=name), f"old_{name}"
    old = getattr(price, old_name)
    if old is not None and whole(old, sentence, least=1, most=most, field=old_name) <= figure:
        raise UnsoundPrice(N_("The old price is shown struck through: it must be above the new one.")).about(old_name)


def _refuse_unsound_mix(price: Price, terms: programme.Programme) -> None:
    full_cents = whole(price.full_cents, CENTS_SENTENCE, least=1, most=MOST_CENTS, field="full_cents")
    least, most, step = (
        whole(getattr(price, name), POINTS_SENTENCE, least=1, most=MOST_POINTS, field=name)
        for name in ("least_points", "most_points", "step_points")
    )
    if least > most:
        too_many = N_("The least points ({least}) are more than the most ({most}).")
        raise UnsoundPrice(too_many, least=least, most=most).about("least_points")
    if least % step or most % step:
        uneven = N_("Steps of {step} points must meet both {least} and {most}.")
        raise UnsoundPrice(uneven, step=step, least=least, most=most).about("step_points")
    if terms.worth_of(most) > full_cents:
        too_dear = N_("{most} points are worth more than the full price. Lower the most points.")
        raise UnsoundPrice(too_dear, most=most).about("most_points")


def _figure(price: Price) -> int:
    return _known({CASH: price.cash_cents, POINTS: price.points, MIX: price.full_cents}[price.form])


def _terms_of_mix(price: Price) -> tuple[int | None, ...]:
    return price.least_points, price.most_points, price.step_points


def _known(figure: int | None) -> int:
    assert figure is not None
    return figure


def _short(price: Price) -> dict[str, Any]:
    return {name: value for name, value in asdict(price).items() if value is not None}
