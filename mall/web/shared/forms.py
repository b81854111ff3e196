"""Forms: what all of them share. A refusal is put at the field it is about; what was typed stays."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from flask import Flask, abort, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.routing import IntegerConverter
from wtforms import Field, IntegerField
from wtforms.validators import Length, Regexp, StopValidation, ValidationError
from wtforms.widgets import TextInput

from mall.base.errors import Refusal
from mall.base.text import Message
from mall.domain import people

from .numbers import capped
from .texts import sentence

LARGEST_ID = 2**63 - 1
PHONE = Regexp(r"^\+?[0-9 ().\-/]{4,}$", message=lazy_gettext("Use digits and spaces, such as +49 30 1234567."))


class BoundedInteger(IntegerConverter):
    """A whole number in an address: what does not fit the database's 64 bits is no address of ours."""

    def __init__(self, map: Any, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **({"max": LARGEST_ID} | options))


def prepare(app: Flask) -> None:
    """Bound numbers in addresses, and refuse the one character that is never text and no database keeps."""
    app.url_map.converters["int"] = BoundedInteger

    @app.before_request
    def no_nul() -> None:
        if "\0" in request.path or any("\0" in value for values in request.args.listvalues() for value in values):
            abort(400)
        if request.method == "POST" and any("\0" in value for values in request.form.listvalues() for value in values):
            abort(400)


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
        """Show a refusal at a field, or above the form when it is about no field."""
        words = sentence(refusal)
        if at:
            put(self[at], words)
        else:
            self.form_errors.append(words)


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


def one_line(text: str | None) -> str:
    """Return a typed text as one line: no control characters, no space at the ends or doubled."""
    kept = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text or "")
    return " ".join(kept.split())


def words_of(said: Message | Refusal | str) -> str:
    """Return a sentence in the reader's language, for a flash."""
    return sentence(said)
