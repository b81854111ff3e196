"""Packs at the desk: several coupons that are given together. Codes, items and withdrawing are those of any coupon."""

from functools import partial

from flask import Blueprint
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import coupons
from mall.web.shared import layout
from mall.web.shared.coupons import contents_words, terms_words, worth_words

from .coupon_forms import CodesForm, PackForm, PackSaidForm, SellForm, pack_form_for
from .coupon_pages import kind_page, make, save

bp = Blueprint("packs", __name__, url_prefix="/packs")


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Make a pack."""
    done = _("The pack is made. Give it to members, make codes, or let an item give it.")
    return make(PackForm(), coupons.make_pack, "office/packs/new.html", faults=coupons.faults_of_pack, done=done)


@bp.post("/<int:pack_id>")
def edit(pack_id: int):
    """Change a pack: when and how often it is given, and what is in it as long as nobody has it."""
    with reading():
        coupons.pack_of(pack_id)
        form = PackSaidForm() if coupons.is_given(pack_id) else PackForm()
    return save(
        form, coupons.edit_pack, pack_id, faults=partial(coupons.faults_of_pack, pack_id=pack_id), again=pack_page
    )


def pack_page(
    pack_id: int,
    *,
    form: PackSaidForm | None = None,
    codes: CodesForm | None = None,
    sale: SellForm | None = None,
    refusal: Refusal | None = None,
):
    """Render the page of a pack; a form that was sent as it was typed, with what is wrong."""
    at, terms = now(), layout.terms()
    with reading():
        pack = coupons.pack_of(pack_id)
        contents = coupons.parts_of([pack_id]).get(pack_id, [])
        frozen = coupons.is_given(pack_id)
    return kind_page(
        "office/packs/show.html",
        pack,
        form=form or pack_form_for(pack, contents, given=frozen),
        sent=form,
        codes=codes,
        sale=sale,
        refusal=refusal,
        frozen=frozen,
        state=coupons.state_of(pack, at),
        inside=", ".join(contents_words(contents)),
        contents=[
            {
                "row": each,
                "worth": " ".join(worth_words(each)),
                "terms": ", ".join(terms_words(each, terms)),
                "gone": coupons.state_of(each, at) in ("withdrawn", "over"),
            }
            for each in contents
        ],
    )
