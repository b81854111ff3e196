"""The form of the level designer: a row for each level, the rates of earning, and when and why it is to hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    Field,
    FieldList,
    FormField,
    HiddenField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.validators import DataRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import coupons, programme
from mall.web.shared.forms import Form, OurWords, Whole, at_most, one_line, put
from mall.web.shared.numbers import whole
from mall.web.shared.texts import LANGUAGES, money_words, number, sentence

from .coupon_forms import name_of
from .fields import LONGEST_REASON, Cents, Moment, needed, texts_of
from .programme import SWITCHES, everyday, written

LONGEST_NAME, LONGEST_SENTENCES, MOST_LEVELS = 40, 1_000, 8
# What of the programme is designed beside the levels.
RATES = ("earn_points", "earn_per_cents", "growth_per_cents", "worth_points", "worth_cents")
TIMES = ("validity_months", "return_window_days", "dormancy_after_days", "dormancy_percent")
FIGURES = {
    "reach": _l("Growth to reach it"),
    "keep": _l("Growth to keep it, each year"),
    "multiplier_percent": _l("Points, in per cent of the rate"),
    "discount_percent": _l("Discount, in per cent"),
    "free_shipping_from_cents": _l("Free delivery from"),
    "early_access_hours": _l("Early access, in hours"),
    "instant_refund_cents": _l("Refunded at once up to"),
    "redemptions_per_month": _l("Pieces for points a month, at most"),
    "event_notice_days": _l("Events announced earlier, in days"),
    "upgrade_points": _l("Points on reaching it"),
    "upgrade_coupon": _l("Coupon on reaching it"),
    "birthday_points": _l("Points on the birthday"),
    "birthday_coupon": _l("Coupon on the birthday"),
}
# What may be left empty: the level then gives none, or has no limit.
OPTIONAL = ("free_shipping_from_cents", "redemptions_per_month", "upgrade_coupon", "birthday_coupon")
COUPONS = ("upgrade_coupon", "birthday_coupon")
PRIORITY = "question_priority"


def figure(name: str) -> Field:
    """Return the field of a level's number."""
    if name in COUPONS:
        return SelectField(FIGURES[name], coerce=coupon_number)
    if name.endswith("_cents"):
        return Cents(FIGURES[name], [] if name in OPTIONAL else [needed(_l("Enter an amount."))])
    return Whole(FIGURES[name], [] if name in OPTIONAL else [needed(_l("Enter a whole number."))])


def coupon_number(chosen: Any) -> int | None:
    """Return the number of the coupon that was chosen, None for none."""
    return whole(str(chosen))


class LevelForm(PlainForm):
    """One level. `key` is that of the level it was, empty for a new one."""

    class Meta:
        """How wtforms is to behave."""

        def get_translations(self, form: Any) -> OurWords:
            """Return who writes the built-in sentences."""
            return OurWords()

    key = HiddenField()
    name_en = StringField(_l("Name in English"), [at_most(LONGEST_NAME)], filters=[one_line])
    name_zh = StringField(_l("Name in Chinese"), [at_most(LONGEST_NAME)], filters=[one_line])
    reach = figure("reach")
    keep = figure("keep")
    multiplier_percent = figure("multiplier_percent")
    discount_percent = figure("discount_percent")
    free_shipping_from_cents = figure("free_shipping_from_cents")
    early_access_hours = figure("early_access_hours")
    instant_refund_cents = figure("instant_refund_cents")
    redemptions_per_month = figure("redemptions_per_month")
    event_notice_days = figure("event_notice_days")
    upgrade_points = figure("upgrade_points")
    upgrade_coupon = figure("upgrade_coupon")
    birthday_points = figure("birthday_points")
    birthday_coupon = figure("birthday_coupon")
    question_priority = BooleanField(_l("Questions are answered first"))
    sentences_en = TextAreaField(_l("More benefits in English, one a line"), [at_most(LONGEST_SENTENCES)])
    sentences_zh = TextAreaField(_l("The same in Chinese, line by line"), [at_most(LONGEST_SENTENCES)])

    def settings(self) -> dict[str, Any]:
        """Return what was typed, as a programme keeps it."""
        names = {tongue: words for tongue, words in texts_of(self, "name", LANGUAGES).items() if words}
        figures = {name: self[name].data for name in (*FIGURES, PRIORITY)}
        return figures | {"name": names, "sentences": self._sentences()}

    def _sentences(self) -> list[dict[str, str]]:
        lines = {tongue: (self[f"sentences_{tongue}"].data or "").splitlines() for tongue in LANGUAGES}
        most = max(map(len, lines.values()))
        rows = [
            {tongue: one_line(each[place]) for tongue, each in lines.items() if place < len(each)}
            for place in range(most)
        ]
        said = [{tongue: words for tongue, words in row.items() if words} for row in rows]
        return [row for row in said if row]


class DesignForm(Form):
    """Levels and rates as they are to be. The levels are put in order by the growth they take."""

    based_on = HiddenField()
    start = HiddenField()
    levels = FieldList(FormField(LevelForm), max_entries=MOST_LEVELS)
    earn_points = everyday("earn_points")
    earn_per_cents = everyday("earn_per_cents")
    growth_per_cents = everyday("growth_per_cents")
    worth_points = everyday("worth_points")
    worth_cents = everyday("worth_cents")
    validity_months = everyday("validity_months")
    return_window_days = everyday("return_window_days")
    dormancy_active = BooleanField(SWITCHES["dormancy_active"])
    dormancy_after_days = everyday("dormancy_after_days")
    dormancy_percent = everyday("dormancy_percent")
    begins_at = Moment(_l("Holds from"))
    reason = TextAreaField(
        _l("What changes, and why"),
        [DataRequired(_l("Say why; it is kept with the version.")), at_most(LONGEST_REASON)],
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        had = {level[name] for level in given.get("levels", ()) for name in COUPONS}
        with reading():
            kinds, _total = coupons.templates(per_page=500)
        # What a level gives already stays its choice, also where it is no longer given out.
        may = [row for row in kinds if row.id in had or coupons.state_of(row, now()) in ("open", "planned")]
        self.coupons = [SelectChoice("", "–"), *(SelectChoice(row.id, name_of(row)) for row in may)]
        self.offer_coupons()

    def offer_coupons(self) -> None:
        """Offer each level the coupons there are."""
        for entry in self.levels:
            for name in COUPONS:
                entry.form[name].choices = self.coupons

    def in_order(self) -> list[LevelForm]:
        """Return the rows of levels, lowest first."""
        return sorted((entry.form for entry in self.levels), key=lambda row: row.reach.data or 0)

    def settings(self, base: Mapping[str, Any], stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the settings wanted. `base` is what else holds, `stored` the levels known, by key."""
        levels, taken = [], set(stored)
        for rank, row in enumerate(self.in_order(), start=1):
            before = dict(stored.get(row.key.data or "", {}))
            if not before:
                before["key"] = next(key for count in range(1, 99) if (key := f"level_{count}") not in taken)
                taken.add(before["key"])
            levels.append(before | row.settings() | {"rank": rank})
        return dict(base) | {name: self[name].data for name in (*RATES, *TIMES, *SWITCHES)} | {"levels": levels}

    def is_in_order(self, base: Mapping[str, Any], stored: Mapping[str, Mapping[str, Any]], *, at: datetime) -> bool:
        """Put all that is wrong at its fields, what is missing and what cannot be alike. Tell whether nothing is."""
        in_order = self.validate()
        if self.begins_at.data and self.begins_at.data < at:
            put(self.begins_at, _("That has passed. Choose a later time, or none."))
            in_order = False
        faults = programme.faults_of(self.settings(base, stored))
        for bad in faults:
            self.refuse_setting(bad)
        return in_order and not faults

    def refuse_setting(self, bad: programme.BadSetting) -> None:
        """Show what is wrong with a setting at its field, with the bounds it has; one thing at a field."""
        if bad.setting in programme.BOUNDS and bad.setting in self:
            if self[bad.setting].errors:
                return
            write = written(bad.setting)
            least, most = (write(bound) for bound in programme.BOUNDS[bad.setting])
            put(self[bad.setting], _("Choose from %(least)s to %(most)s.", least=least, most=most))
            return
        room, _dot, rest = bad.setting.partition(".")
        rank, _dot, name = rest.partition(".")
        rows = self.in_order()
        if room != "levels" or not rows:
            self.refuse(bad)
            return
        place, words = int(rank or bad.values.get("rank", 1)) - 1, sentence(bad)
        bounds = (bad.values["least"], bad.values["most"]) if "least" in bad.values else None
        if not rank and (rows[place].reach.data or 0) < 0:  # It stands lowest only by being less than nothing.
            bounds = programme.LEVEL_BOUNDS["reach"]
        if bounds:
            write = money_words if name.endswith("_cents") else number
            least, most = (write(bound) for bound in bounds)
            words = _("Choose from %(least)s to %(most)s.", least=least, most=most)
        at = rows[place][name if name in FIGURES else "name_en" if rank else "reach"]
        if not at.errors:
            put(at, words)
            put(self.levels, words)


def values_of(level: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a level as it is kept."""
    texts = {f"name_{tongue}": level["name"].get(tongue, "") for tongue in LANGUAGES}
    said: Sequence[Mapping[str, str]] = level.get("sentences", ())
    for tongue in LANGUAGES:
        texts[f"sentences_{tongue}"] = "\n".join(words.get(tongue, "") for words in said)
    # A ready-made level says only what it gives.
    figures = {name: level.get(name, None if name in OPTIONAL else 0) for name in FIGURES}
    return texts | figures | {"key": level["key"], PRIORITY: level.get(PRIORITY, False)}
