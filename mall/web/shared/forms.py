"""Forms: what all of them share. A refusal is put at the field it is about; what was typed stays."""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from typing import Any

from flask import Flask, abort, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from msgspec import Struct
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.routing import IntegerConverter
from wtforms import Field, IntegerField
from wtforms.validators import Length, Regexp, StopValidation, ValidationError
from wtforms.widgets import TextInput

from mall.base.errors import Refusal
from mall.base.text import N_, Message
from mall.domain import people, repeats

from .numbers import capped
from .texts import sentence

LARGEST_ID = 2**63 - 1
# Line breaks and tabs are text.
UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
NEVER_KEPT = re.compile(r"\x00")
PHONE = Regexp(r"^\+?[0-9 ().\-/]{4,}$", message=lazy_gettext("Use digits and spaces, such as +49 30 1234567."))


class TooLong(Refusal):
    message = N_("Use at most {most} characters.")


class Line(Struct, frozen=True):
    """A line typed in a box that is no form's, on a page with one for each row: whose it is, and what is wrong."""

    row: int
    text: str
    wrong: Refusal | None


class BoundedInteger(IntegerConverter):
    """A whole number in an address: what does not fit the database's 64 bits is no address of ours."""

    def __init__(self, map: Any, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **({"max": LARGEST_ID} | options))


def prepare(app: Flask) -> None:
    """Bound numbers in addresses, and leave out of what was typed the signs that are no text."""
    app.url_map.converters["int"] = BoundedInteger
    app.jinja_env.globals["words_in_list"] = words_in_list

    @app.before_request
    def text_only() -> None:
        if "\0" in request.path:
            abort(400)
        request.args = readable(request.args)
        if request.method == "POST":
            request.form = readable(request.form)


def words_in_list(field: Field, error: str) -> str:
    """Return what is wrong with a field as the list above a form says it: numbers and what cannot be read by name.

    Such a sentence is the same for every box of its kind; the others say themselves what they are about.
    """
    name, alike = str(field.label.text), isinstance(field, Whole) or error in field.process_errors
    return _("%(field)s: %(wrong)s", field=name, wrong=error) if name and alike else error


def readable(typed: MultiDict[str, str]) -> ImmutableMultiDict[str, str]:
    """Return what was typed without the signs that nobody sees, such as those copied along from a file. Pure.

    What a database does not keep is left out everywhere, the others not of a password: it is compared as it is.
    """
    if not any(UNREADABLE.search(value) for values in typed.listvalues() for value in values):
        return typed if isinstance(typed, ImmutableMultiDict) else ImmutableMultiDict(typed)
    kept = [
        (name, (NEVER_KEPT if "password" in name else UNREADABLE).sub("", value))
        for name, value in typed.items(multi=True)
    ]
    return ImmutableMultiDict(kept)


class OurWords:
    """What wtforms says of itself, in our words: each says how to mend it, in the reader's language."""

    WORDS = {
        "Not a valid choice.": lazy_gettext("Choose one of the list."),
        "'%(value)s' is not a valid choice for this field.": lazy_gettext("Choose among those of the list."),
        "Not a valid date value.": lazy_gettext("Write the day like 1990-05-31."),
        "Not a valid datetime value.": lazy_gettext("Write day and time like 2026-05-31 14:00."),
        "Not a valid integer value.": lazy_gettext("Write a whole number."),
        "Not a valid decimal value.": lazy_gettext("Write a number like 15.90."),
        "This field is required.": lazy_gettext("Fill this in."),
    }

    def gettext(self, words: str) -> str:
        """Return our words for a built-in sentence."""
        return str(self.WORDS.get(words, words))

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return our words for a built-in sentence with a number."""
        return self.gettext(one if count == 1 else many)


class Form(FlaskForm):
    """A form of the mall."""

    class Meta(FlaskForm.Meta):
        """How wtforms is to behave."""

        def get_translations(self, form: Any) -> OurWords:
            """Return who writes the built-in sentences."""
            return OurWords()

    def refuse(self, refusal: Refusal, *, at: str = "") -> None:
        """Show a refusal at a field, or above the form when it is about no field, such as that it was sent before."""
        words = sentence(refusal)
        if isinstance(refusal, repeats.SentBefore):
            self.renew_key()
            at = ""
        if at:
            put(self[at], words)
        else:
            self.form_errors.append(words)

    def renew_key(self) -> None:
        """Take another key, since what its own stands for was done: sent again as it is now, it is a new form."""
        if "key" in self:
            self["key"].data = fresh_key()


class Whole(IntegerField):
    """A whole number as people write it: 1,590 is 1590. What is too long to be kept is 10**18.

    Left empty it is None; not sent at all it is its default.
    """

    data: Any
    widget = TextInput()

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed."""
        if not valuelist:
            return
        self.data = None
        typed = valuelist[0].strip()
        if typed:
            digits = typed.removeprefix("-").removeprefix("−")
            number = capped(digits)
            if number is None:
                raise ValueError(_("Write a whole number."))
            self.data = -number if digits != typed else number

    def pre_validate(self, form: Any) -> None:
        """Say one thing at a time: what is no number is not measured, too."""
        if self.process_errors:
            raise StopValidation()


def email_address(_form: FlaskForm, field: Field) -> None:
    """Check that a field holds an e-mail address."""
    try:
        people.read_email(field.data)
    except people.BadEmail as bad:
        raise ValidationError(sentence(bad)) from bad


def strong_password(_form: FlaskForm, field: Field) -> None:
    """Check that a field holds a password that may be used, as far as can be told by itself."""
    try:
        people.refuse_weak(field.data)
    except people.WeakPassword as weak:
        raise ValidationError(sentence(weak)) from weak


def at_most(characters: int) -> Length:
    """Return the check that a text is not too long."""
    return Length(max=characters, message=lazy_gettext("Use at most %(most)s characters.", most=characters))


def put(field: Field, words: str) -> None:
    """Add a sentence to a field's errors."""
    field.errors = [*field.errors, words]


def fresh_key() -> str:
    """Return the key of a form that was not sent yet: sent twice with it, it is done once."""
    return secrets.token_urlsafe(16)


def one_line(text: str | None) -> str:
    """Return a typed text as one line: no control characters, no space at the ends or doubled."""
    kept = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text or "")
    return " ".join(kept.split())


def typed_line(name: str, *, row: int, most: int, missing: Refusal) -> Line:
    """Return what was typed in the box of a row. `missing` is what is wrong when there is nothing."""
    text = one_line(request.form.get(name))
    wrong = missing if not text else TooLong(most=most) if len(text) > most else None
    return Line(row=row, text=text, wrong=wrong)


def words_of(said: Message | Refusal | str) -> str:
    """Return a sentence in the reader's language, for a flash."""
    return sentence(said)
