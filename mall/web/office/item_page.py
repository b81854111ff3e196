"""The page of an item at the desk: every form of it, each shown as it is kept or as it was sent."""

from datetime import datetime
from typing import Any

from flask import request
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import audit, catalogue
from mall.web.shared import layout
from mall.web.shared.signing_in import form_page
from mall.web.shared.texts import LANGUAGES

from .actors import actor_words
from .acts import act_words
from .item_forms import (
    KINDS,
    ItemForm,
    PictureForm,
    ScheduleForm,
    VariantForm,
    details_form,
    form_of,
    new_variant_form,
)
from .prices import FORM_WORDS, currency_sign, members_will_see
from .shelving import take_undo


def item_page(
    product_id: int,
    *,
    form: ItemForm | None = None,
    schedule: ScheduleForm | None = None,
    variant: VariantForm | None = None,
    added: VariantForm | None = None,
    picture: PictureForm | None = None,
    alt: tuple[int, PictureForm] | None = None,
    refusal: Refusal | None = None,
    preview: bool = False,
):
    """Render an item whole. A form that was sent is shown as it was typed, with what is to be mended: 422.

    `variant` is the form of a variant there is, `added` that of one to come, `picture` of a new picture, `alt` of one
    there is; `preview` shows prices as typed, and refuses nothing.
    """
    at, terms = now(), layout.terms()
    with reading():
        item = catalogue.desk_item(product_id, terms=terms, at=at)
        acts = audit.entries(subject=f"product:{product_id}", limit=8)
    product = item.product
    if isinstance(refusal, catalogue.ChangedMeanwhile) and form is not None:
        # Who has seen what it is now may save what they typed.
        form.seen_version.data = str(product.version)
    forms = {
        each.row.id: variant if variant is not None and variant.variant_id == each.row.id else form_of(each)
        for each in item.variants
    }
    sent = [each for each in (form, schedule, variant, added, picture, alt and alt[1]) if each is not None]
    refused = refusal is not None or any(each.errors or each.form_errors for each in sent)
    return form_page(
        "office/catalogue/item.html",
        refused=refused and not preview,
        refusal=refusal,
        item=item,
        product=product,
        form=form or details_form(item),
        kept=details_form(item) if isinstance(refusal, catalogue.ChangedMeanwhile) else None,
        schedule=schedule
        or ScheduleForm(formdata=None, listed_from=product.listed_from, listed_until=product.listed_until),
        forms=forms,
        sent_variant=variant,
        will_see=_will_see(item, typed=variant if preview else None),
        added=added or new_variant_form(),
        picture=picture or PictureForm(formdata=None, seen_version=product.version),
        alts=[(row, alt[1] if alt and alt[0] == row.id else _alt_form(row)) for row in item.pictures],
        sent=[each for each in sent if each.errors or each.form_errors],
        state=state_words(item.state, product),
        acts=acts,
        act_words=act_words,
        actor_words=actor_words,
        kind_words=KINDS,
        form_words=FORM_WORDS,
        currency_sign=currency_sign(),
        undo=take_undo() if request.method == "GET" else None,
        terms=terms,
        at=at,
    )


def _will_see(item: catalogue.DeskItem, *, typed: VariantForm | None) -> dict[int, Any]:
    """Return what members will see of each variant's prices, {variant id: it}; of one that is `typed`, as typed."""
    prices = {each.row.id: each.prices for each in item.variants}
    if typed is not None and typed.variant_id in prices:
        prices[typed.variant_id] = typed.typed_prices()
    return {variant_id: members_will_see(each, kind=item.product.kind) for variant_id, each in prices.items()}


def state_words(state: str, row: Any) -> tuple[str, str, datetime | None]:
    """Return what a product's state is called, for its badge: (words, kind, and the day it turns, if there is one)."""
    words = {
        "listed": (_("Listed"), "ok", row.listed_until),
        "draft": (_("Draft"), "", None),
        "scheduled": (_("Scheduled"), "info", row.listed_from),
        "delisted": (_("Delisted"), "", None),
    }
    return words[state]


def _alt_form(row: Any) -> PictureForm:
    alt = {f"alt_{language}": row.alt.get(language, "") for language in LANGUAGES}
    return PictureForm(formdata=None, prefix=f"p{row.id}-", data=alt)
