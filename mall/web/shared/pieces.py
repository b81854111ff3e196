"""Pieces: forms that ask of which lines how many. Each line has a field of its own, `pieces-3` for line 3."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from flask_babel import gettext as _
from wtforms import Field, StringField
from wtforms.validators import ValidationError

from mall.domain import aftersales

from .forms import Form, one_line
from .numbers import whole
from .texts import local, sentence

Asking = TypeVar("Asking", bound=Form)


class WholeUpTo:
    """Checks that a field holds a whole number from 0 to the most there can be. Empty is 0, unless it is `needed`."""

    def __init__(self, most: int, *, needed: bool = False) -> None:
        self.most, self.needed = most, needed

    def __call__(self, _form: Form, field: Field) -> None:
        """Raise ValidationError with a sentence where it does not."""
        typed = whole(field.data or ("" if self.needed else "0"))
        if typed is None or typed > self.most:
            raise ValidationError(_("Write a whole number from 0 to %(most)s.", most=self.most))


def asking_for_pieces(
    form: type[Asking],
    lines: Iterable[Any],
    most: Mapping[int, int],
    *,
    name: str = "pieces",
    filled: Mapping[int, int] | None = None,
    needed: bool = False,
) -> type[Asking]:
    """Return a form with a field for each line that has a most, {line: n}; `filled` stands there first, else 0.

    `needed`: a field that is left empty is not taken for 0.
    """
    fields = {
        f"{name}-{line.line}": StringField(
            local(line.title),
            [WholeUpTo(most[line.line], needed=needed)],
            filters=[one_line],
            default=str((filled or {}).get(line.line, 0)),
        )
        for line in lines
        if most.get(line.line)
    }
    return type(form.__name__, (form,), fields)


def pieces_in(form: Form, *, name: str = "pieces") -> dict[int, int]:
    """Return how many pieces of each line a form asks for, {line: n}, lines without any left out."""
    typed = {int(each.name.rpartition("-")[2]): whole(each.data) for each in fields_of(form, name=name)}
    return {line: count for line, count in typed.items() if count}


def fields_of(form: Form, *, name: str = "pieces") -> list[Field]:
    """Return a form's fields that ask for pieces, line by line."""
    return [each for each in form if each.name.startswith(f"{name}-")]


def refuse_pieces(form: Form, refusal: aftersales.TooManyPieces | aftersales.NothingChosen) -> None:
    """Put a refusal at the line it is about, or at the first."""
    fields = fields_of(form)
    line = getattr(refusal, "line", None)
    at = next((each for each in fields if each.name == f"pieces-{line}"), fields[0] if fields else None)
    if at is None:
        form.form_errors.append(sentence(refusal))
    else:
        at.errors = [*at.errors, sentence(refusal)]
