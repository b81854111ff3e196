"""What the shop asks members about sizes and style: the questions, their choices, and their order."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import NumberRange

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import people
from mall.web.shared.done import done_or_gone
from mall.web.shared.forms import Form, Whole, at_most, one_line, put
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import LANGUAGES, local

from .fields import needed, texts_of

bp = Blueprint("facets", __name__, url_prefix="/facets")

KINDS = {"sizes": _l("Sizes"), "style": _l("Style")}
LONGEST_NAME, LONGEST_CHOICE = 60, 40


class FacetForm(Form):
    """A question to members: one choice on each line, in the same order in every language."""

    kind = SelectField(_l("About"), choices=[SelectChoice(*each) for each in KINDS.items()])
    name_en = StringField(_l("Question in English"), [at_most(LONGEST_NAME)], filters=[one_line])
    name_zh = StringField(_l("Question in Chinese"), [at_most(LONGEST_NAME)], filters=[one_line])
    choices_en = TextAreaField(_l("Choices in English"), [at_most(3_000)])
    choices_zh = TextAreaField(_l("Choices in Chinese"), [at_most(3_000)])
    place = Whole(
        _l("Place in the list"),
        [needed(_l("Enter a whole number.")), NumberRange(0, 1_000, _l("Choose from %(least)s to %(most)s.",
                                                                      least=0, most=1_000))],
    )  # fmt: skip
    active = BooleanField(_l("Members are asked"))

    def choices(self) -> list[dict[str, str]]:
        """Return the choices by language; what is missing in one is left out there."""
        by_language = {code: lines_of(self[f"choices_{code}"].data) for code in LANGUAGES}
        count = max(len(lines) for lines in by_language.values())
        return [
            {code: lines[place] for code, lines in by_language.items() if place < len(lines)} for place in range(count)
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the form as a whole, too."""
        fits = super().validate(extra_validators)
        if not (self.name_en.data or self.name_zh.data):
            put(self.name_en, _("Write the question in one language at least."))
            fits = False
        choices = self.choices()
        if not 2 <= len(choices) <= people.MOST_CHOICES:
            put(self.choices_en, _("Write from 2 to %(most)s choices, one on each line.", most=people.MOST_CHOICES))
            fits = False
        elif any(len(words) > LONGEST_CHOICE for each in choices for words in each.values()):
            put(self.choices_en, _("A choice has at most %(most)s characters.", most=LONGEST_CHOICE))
            fits = False
        both = [len(lines_of(self[f"choices_{code}"].data)) for code in LANGUAGES]
        if all(both) and len(set(both)) > 1:
            put(self.choices_zh, _("Write as many choices as in English, in the same order, or none."))
            fits = False
        return fits


@bp.get("")
def index() -> str:
    """List the questions, and how many members have answered each."""
    with reading():
        rows = people.facets()
    return render_template("office/facets/index.html", rows=rows, kinds=KINDS, local=local)


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Ask members something more."""
    form = FacetForm(place=0, active=True)
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            done_or_gone(
                people.make_facet,
                form.kind.data,
                texts_of(form, "name", LANGUAGES),
                form.choices(),
                place=form.place.data,
                by=person().actor,
                at=now(),
            )
        except Refusal as no:
            refusal = no
        else:
            flash(_("Members are asked from now on."))
            return redirect(url_for("office.facets.index"), 303)
    return form_page(
        "office/facets/edit.html", refused=request.method == "POST", refusal=refusal, form=form, facet=None
    )


@bp.route("/<int:facet_id>", methods=["GET", "POST"])
def edit(facet_id: int):
    """Rename a question, add choices, move it, or ask it no more."""
    with reading():
        facet = people.facet_of(facet_id)
    stored = {f"choices_{code}": "\n".join(each.get(code, "") for each in facet.choices) for code in LANGUAGES}
    stored |= {f"name_{code}": facet.name.get(code, "") for code in LANGUAGES}
    form = FacetForm(data={"kind": facet.kind, "place": facet.place, "active": facet.active} | stored)
    form.kind.data = facet.kind
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            done_or_gone(
                people.change_facet,
                facet_id,
                texts_of(form, "name", LANGUAGES),
                form.choices(),
                place=form.place.data,
                active=form.active.data,
                by=person().actor,
                at=now(),
            )
        except people.FewerChoices as fewer:
            form.refuse(fewer, at="choices_en")
        except Refusal as no:
            refusal = no
        else:
            flash(_("The question is saved."))
            return redirect(url_for("office.facets.index"), 303)
    return form_page(
        "office/facets/edit.html", refused=request.method == "POST", refusal=refusal, form=form, facet=facet
    )


def lines_of(text: str | None) -> list[str]:
    """Return the lines that say something."""
    return [line for each in (text or "").splitlines() if (line := one_line(each))]
