"""A member's reviews: what can be reviewed, what was written and how it stands, and the form to write one."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from wtforms import HiddenField, RadioField, SelectChoice, SelectMultipleField, TextAreaField
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import aftersales, catalogue, checkout
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, fresh_key, words_of
from mall.web.shared.numbers import whole
from mall.web.shared.reviews import discard, picture_of, pictures_folder, state_words
from mall.web.shared.signing_in import form_page, me, members_only

from .sent_pictures import prepare_sent

bp = Blueprint("reviews", __name__, url_prefix="/reviews")
bp.before_request(members_only)

LONGEST_WORDS = 1_000


class ReviewForm(Form):
    """What a member says of an item. `key` is the form's own, so that what is sent twice is written once.

    `revision` is that of the review it was begun from, 0 for none.
    """

    key = HiddenField()
    revision = HiddenField()
    rating = RadioField(_l("How many stars?"), [InputRequired(_l("Choose how many stars."))])
    words = TextAreaField(
        _l("What do you say of it?"), [InputRequired(_l("Write a sentence or two.")), at_most(LONGEST_WORDS)]
    )
    remove = SelectMultipleField(_l("Pictures to leave out"), option_widget=CheckboxInput())
    pictures = MultipleFileField(_l("Pictures: JPEG, PNG or WebP"))

    def __init__(self, *, before: Any = None, **given: Any) -> None:
        filled = {"revision": "0"} if before is None else values_of(before)
        super().__init__(**({"data": filled} | given))
        self.rating.choices = [SelectChoice(str(stars), words) for stars, words in star_words().items()]
        there = [] if before is None else before.pictures
        self.remove.choices = [
            SelectChoice(each["file"], _("Picture %(number)s", number=number))
            for number, each in enumerate(there, start=1)
        ]
        self.key.data = self.key.data or fresh_key()


@bp.get("")
def index() -> str:
    """List what can be reviewed, and the member's reviews with how they stand."""
    with reading():
        to_write = aftersales.reviewable(me())
        written = aftersales.reviews_by(me())
    return render_template(
        "store/reviews/index.html",
        to_write=to_write,
        written=[(each, state_words(each.state)) for each in written],
        number_of=checkout.number_of,
        open_states=aftersales.OPEN_TO_ITS_MEMBER,
    )


@bp.get("/orders/<number>/<int:line>")
def consider(number: str, line: int):
    """Ask what the member says of an item."""
    bought, before = line_of(number, line)
    try:
        aftersales.refuse_unless_reviewable(bought, before)
    except Refusal as refusal:
        flash(words_of(refusal), "warn")
        return redirect(url_for(".index"))
    return review_page(number, bought, before, ReviewForm(before=before, formdata=None))


@bp.post("/orders/<number>/<int:line>")
def write(number: str, line: int):
    """Send a review to the shop, which looks at it before it is shown. Sent twice, it is written once."""
    bought, before = line_of(number, line)
    form = ReviewForm(before=before)
    if not form.validate_on_submit():
        if before is not None and whole(form.revision.data or "") not in (None, before.revision):
            # Pictures ticked may be gone by now: what was written meanwhile comes first.
            form.remove.errors = ()
            return changed_page(number, line, form, refusal=aftersales.WroteAnew())
        return review_page(number, bought, before, form)
    prepared: list[catalogue.Prepared] = []
    try:
        refuse_too_many(form, before)
        prepare_sent(form.pictures.data or [], into=prepared, folder=pictures_folder())
        done = done_once(
            aftersales.write_review,
            bought.order_id,
            bought.line,
            member_id=me(),
            rating=int(form.rating.data),
            words=form.words.data,
            pictures=prepared,
            remove=form.remove.data or (),
            key=str(form.key.data)[:64],
            revision=whole(form.revision.data or ""),
            terms=layout.terms(),
            at=now(),
        )
    except Refusal as refusal:
        discard(each.name for each in prepared)
        if isinstance(refusal, NotFound):
            raise
        if isinstance(refusal, aftersales.WroteAnew):
            return changed_page(number, line, form, refusal=refusal)
        field = "pictures" if isinstance(refusal, catalogue.BadPicture) else refusal.field
        if field:
            form.refuse(refusal, at=field)
            return review_page(number, bought, before, form)
        return review_page(number, bought, before, form, refusal=refusal)
    discard(done.gone if done.new else [each.name for each in prepared])
    flash(_("Thank you. We look at it before it is shown, and write to you."))
    return redirect(url_for(".index"), 303)


@bp.get("/<int:review_id>/pictures/<int:position>")
def picture(review_id: int, position: int) -> Response:
    """Send a picture of the member's own review, published or not."""
    with reading():
        review = aftersales.product_review(review_id)
    if review.member_id != me():
        raise NotFound(N_("There is no such picture."))
    return picture_of(review, position, size=min(catalogue.SIZES))


def line_of(number: str, line: int) -> tuple[Any, Any]:
    """Return (a line of the member's order, the review that the member wrote of its item). Raises NotFound."""
    with reading():
        return aftersales.line_to_review(checkout.id_of(number), line, member_id=me())


def refuse_too_many(form: ReviewForm, before: Any) -> None:
    """Refuse more pictures than a review may have before any is read. Raises TooManyReviewPictures."""
    there = 0 if before is None else len(before.pictures)
    if there - len(set(form.remove.data or ())) + len(form.pictures.data or ()) > aftersales.MOST_REVIEW_PICTURES:
        raise aftersales.TooManyReviewPictures(most=aftersales.MOST_REVIEW_PICTURES)


def changed_page(number: str, line: int, form: ReviewForm, *, refusal: Refusal):
    """Render the form with what was typed, under what was written meanwhile; the next press is about that."""
    bought, before = line_of(number, line)
    form.revision.data = "0" if before is None else str(before.revision)
    return review_page(number, bought, before, form, refusal=refusal, meanwhile=True)


def values_of(review: Any) -> dict[str, str]:
    """Return the fields of the form as a review fills them."""
    return {"rating": str(review.rating), "words": review.words, "revision": str(review.revision)}


def review_page(
    number: str,
    bought: Any,
    before: Any,
    form: ReviewForm,
    *,
    refusal: Refusal | None = None,
    meanwhile: bool = False,
):
    """Render the form. With a refusal, or one that is not in order, the answer is 422.

    `meanwhile`: the review was written anew since the form was opened, and is shown as it is.
    """
    return form_page(
        "store/reviews/write.html",
        refused=bool(form.errors),
        refusal=refusal,
        number=number,
        bought=bought,
        before=before,
        meanwhile=meanwhile,
        form=form,
        most_pictures=aftersales.MOST_REVIEW_PICTURES,
        longest=LONGEST_WORDS,
        chosen_again=bool(request.files and form.pictures.data),
    )


def star_words() -> dict[int, str]:
    """Return what so many stars mean, the most first."""
    return {
        5: _("5 stars: very good"),
        4: _("4 stars: good"),
        3: _("3 stars: all right"),
        2: _("2 stars: not good"),
        1: _("1 star: bad"),
    }
