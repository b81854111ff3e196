"""Terms: one version of the programme as a value, and what follows from it by arithmetic alone."""

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction

from msgspec import Struct

from mall.base.clock import day_of, end_of, month_end, months_later

from .tasks import Task

Words = dict[str, str]


class Level(Struct, frozen=True):
    """One step of the pyramid: what it takes to reach and to keep, and what it gives.

    `reach` and `keep` are growth. `multiplier_percent` is of points: 150 earns one and a half times.
    `free_shipping_from_cents` is None where the level gives none. `sentences` are benefits shown, not enforced.
    Who reaches the level first, and who has a birthday at it, gets a pack: points, and a coupon or a pack of coupons
    by its number, where there are some.
    """

    rank: int
    key: str
    name: Words
    reach: int
    keep: int
    multiplier_percent: int
    discount_percent: int
    free_shipping_from_cents: int | None
    early_access_hours: int
    sentences: tuple[Words, ...] = ()
    # Returns worth up to this are refunded before the goods are back; 0: none.
    instant_refund_cents: int = 0
    # So many pieces a month may be had for points, whole or in part; None: as many as one likes.
    redemptions_per_month: int | None = None
    upgrade_points: int = 0
    upgrade_coupon: int | None = None
    birthday_points: int = 0
    birthday_coupon: int | None = None
    # Questions are answered before those of lower levels.
    question_priority: bool = False
    # Events are announced to the level so many days before everybody knows of them; 0: as to everybody.
    event_notice_days: int = 0


class TaxClass(Struct, frozen=True):
    """A kind of goods for tax: its rates by the day they begin, in basis points (1900 is 19 %), earliest first."""

    key: str
    name: Words
    rates: tuple[tuple[date, int], ...]


class ShippingMethod(Struct, frozen=True):
    """A way to get a parcel ("parcel") or to fetch it ("pickup"). Free from an amount, or never (None)."""

    key: str
    name: Words
    price_cents: int
    free_from_cents: int | None
    kind: str


class Programme(Struct, frozen=True):
    """The programme in force under a version. Immutable, so that it may be kept and passed about."""

    version: int
    shop_name: Words
    legal_name: str
    address: str
    tax_number: str
    support_email: str
    currency: str
    zone: str
    language: str
    # So many points are worth so many cents.
    worth_points: int
    worth_cents: int
    # So many points for every so many cents kept.
    earn_points: int
    earn_per_cents: int
    # One growth for every so many cents kept.
    growth_per_cents: int
    validity_months: int
    return_window_days: int
    completes_after_days: int
    points_cap_percent: int
    least_cash_cents: int
    debt_cap_points: int
    adjustment_limit_points: int
    adjustments_per_day: int
    pay_within_minutes: int
    unpaid_orders: int
    points_only_ships_free: bool
    levels: tuple[Level, ...]
    tax_classes: Mapping[str, TaxClass]
    shipping_methods: tuple[ShippingMethod, ...]
    # A return that was approved ends so many days later, unless its goods have come.
    returns_lapse_days: int = 30
    # A question that has waited so long is overdue.
    answer_within_hours: int = 24
    # Shops that drafted their programme before there were tasks have none.
    tasks: tuple[Task, ...] = ()
    # From so many points on members may ask for cash; 0: they may not. So many points give so many cents, less a fee.
    cash_out_least_points: int = 0
    cash_out_points: int = 100
    cash_out_cents: int = 80
    cash_out_fee_cents: int = 0
    # Who does nothing for so many days loses so many per cent of their growth, and again every month.
    dormancy_active: bool = False
    dormancy_after_days: int = 90
    dormancy_percent: int = 10
    # A membership that was used stays paid for at least so many days.
    membership_least_days: int = 1

    @property
    def worth(self) -> tuple[int, int]:
        """Return what points are worth, as a lot stores it: (points, cents)."""
        return self.worth_points, self.worth_cents

    def today(self, at: datetime) -> date:
        """Return the day an instant falls on by the shop's clock."""
        return day_of(at, self.zone)

    def worth_of(self, points: int) -> Fraction:
        """Return what points are worth, in cents, unrounded."""
        return Fraction(points * self.worth_cents, self.worth_points)

    def expiry_of(self, day: date) -> tuple[date, datetime]:
        """Return when points earned on a day expire: (last day, the instant it ends). Rounded up to month end."""
        last = month_end(months_later(day, self.validity_months))
        return last, end_of(last, self.zone)

    def level(self, rank: int) -> Level:
        """Return the level of a rank. A rank above the top, from a version with more levels, is the top."""
        return self.levels[min(rank, len(self.levels)) - 1]

    def level_after(self, rank: int) -> Level | None:
        """Return the next level up, or None at the top."""
        return self.levels[rank] if rank < len(self.levels) else None

    def level_reached(self, growth: int) -> Level:
        """Return the highest level whose reach a growth meets."""
        return max((level for level in self.levels if level.reach <= max(growth, 0)), key=lambda level: level.rank)

    def growth_left(self, *, bought: bool) -> int:
        """Return the growth that dormancy leaves: what the second level takes, to a member who has bought."""
        return self.levels[1].reach if bought and len(self.levels) > 1 else 0

    def tax_rate(self, tax_class: str, day: date) -> int:
        """Return the rate of a tax class on a day, in basis points: the last that has begun, or else 0."""
        begun = [basis_points for since, basis_points in self.tax_classes[tax_class].rates if since <= day]
        return begun[-1] if begun else 0

    def task(self, key: str) -> Task | None:
        """Return a task, or None where the programme has none of that key."""
        return next((task for task in self.tasks if task.key == key), None)

    def shipping_method(self, key: str) -> ShippingMethod | None:
        """Return a shipping method, or None where there is no such."""
        return next((method for method in self.shipping_methods if method.key == key), None)
