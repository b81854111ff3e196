"""Fields the desk's forms share: money, moments by the shop's clock, texts in every language."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateField, DateTimeLocalField, StringField, TextAreaField
from wtforms.validators import DataRequired, StopValidation

from mall.base.errors import Refusal
from mall.base.money import cents_of
from mall.base.text import N_
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.numbers import whole
from mall.web.shared.texts import zone

MOMENT = "%Y-%m-%dT%H:%M"
YEARS = range(2000, 2200)
# What is kept of why somebody did something.
LONGEST_REASON = 500


class NoReasonGiven(Refusal):
    message = N_("Say why it is declined.")


class WhyForm(Form):
    """Why something is declined, ended early or put aside."""

    reason = StringField(
        _l("Why, for the record"),
        [DataRequired(_l("Say why; it is kept in the audit log.")), at_most(LONGEST_REASON)],
        filters=[one_line],
    )


class ReasonForm(Form):
    """Why something is done to somebody's access."""

    reason = TextAreaField(
        _l("Reason"), [DataRequired(_l("Say why; it is kept in the audit log.")), at_most(LONGEST_REASON)]
    )


class Cents(StringField):
    """An amount of money as people write it; its data are cents. Empty is None."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data // 100}.{self.data % 100:02}"

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed."""
        self.data = None
        if valuelist and valuelist[0].strip():
            try:
                self.data = cents_of(valuelist[0])
            except ValueError as error:
                raise ValueError(_("Write an amount like 15.90.")) from error


class Moment(DateTimeLocalField):
    """A day and time by the shop's clock; its data are an instant in UTC. Empty is None."""

    data: Any

    def __init__(self, label: Any = None, validators: Any = None, **options: Any) -> None:
        super().__init__(label, validators, format=[MOMENT, "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"], **options)

    def _value(self) -> str:
        if self.raw_data:
            return " ".join(self.raw_data)
        return self.data.astimezone(ZoneInfo(zone())).strftime(MOMENT) if self.data else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        super().process_formdata([valuelist[0].strip()])
        if self.data.year not in YEARS:
            self.data = None
            raise ValueError(_("Choose a year from %(first)s to %(last)s.", first=YEARS[0], last=YEARS[-1]))
        self.data = self.data.replace(tzinfo=ZoneInfo(zone())).astimezone(UTC)


class Day(DateField):
    """A day by the shop's clock. Empty is None."""

    data: Any

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        try:
            self.data = date.fromisoformat(valuelist[0].strip())
        except ValueError as error:
            raise ValueError(_("Write a day like 2026-06-30.")) from error


def needed(words: Any) -> Any:
    """Return the check that a number, an amount or a moment was given: 0 counts as given."""

    def check(_form: Any, field: Any) -> None:
        if field.data is None:
            if field.errors:
                raise StopValidation()
            raise StopValidation(str(words))

    return check


def texts_of(form: Any, name: str, languages: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed in the fields name_en, name_zh, as a text by language."""
    return {language: form[f"{name}_{language}"].data or "" for language in languages}


def typed_ids(name: str, *, most: int = 200) -> list[int]:
    """Return the ids sent in fields of one name."""
    sent = [whole(each) for each in request.form.getlist(name)[:most]]
    return [number for number in sent if number is not None]
