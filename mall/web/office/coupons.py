"""Coupons at the desk: kinds of them, codes to hand out, items that give one, and what a member has.

A pack is a kind, too: what is done to any kind is done here, what a pack is by itself in packs.py.
"""

from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue, coupons, people
from mall.web.shared import layout, tables
from mall.web.shared.coupons import contents_words, standing_of, terms_words, worth_words
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import fresh_key
from mall.web.shared.moves import order_number
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person

from . import coupon_lists, packs
from .coupon_forms import CodesForm, CouponForm, GiveForm, GivenForm, RevokeForm, SellForm, form_for
from .coupon_pages import kind_page, make, own_key, save

bp = Blueprint("coupons", __name__, url_prefix="/coupons")
for part in (packs.bp, coupon_lists.bp):
    bp.register_blueprint(part)

PER_PAGE = 25


@bp.get("")
def index():
    """List the kinds of coupon, latest first."""
    page, at, terms = page_number(), now(), layout.terms()
    with reading():
        rows, total = coupons.templates(page=page, per_page=PER_PAGE)
        inside = coupons.parts_of([row.id for row in rows if row.kind == coupons.PACK])
    return render_template(
        "office/coupons/index.html",
        kinds=[
            _shown(row, terms, at=at) | {"inside": ", ".join(contents_words(inside.get(row.id, ())))} for row in rows
        ],
        page=page,
        pages=pages_of(total, PER_PAGE),
        total=total,
        per_page=PER_PAGE,
    )


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Make a kind of coupon."""
    done = _("The coupon is made. Give it to a member, make codes, or let an item give it.")
    faults, terms = coupons.faults_of_template, layout.terms()
    return make(CouponForm(), coupons.make_template, "office/coupons/new.html", faults=faults, done=done, terms=terms)


@bp.route("/<int:template_id>", methods=["GET", "POST"])
def show(template_id: int):
    """Show a kind of coupon whole, and change what may be changed."""
    if request.method == "GET":
        return coupon_page(template_id)
    with reading():
        form = GivenForm() if coupons.is_given(template_id) else CouponForm()
    faults = partial(coupons.faults_of_template, template_id=template_id)
    return save(form, coupons.edit_template, template_id, faults=faults, again=coupon_page, terms=layout.terms())


@bp.post("/<int:template_id>/withdrawal")
def withdraw(template_id: int) -> Response:
    """Stop giving a kind of coupon out."""
    done_once(coupons.withdraw_template, template_id, by=person().actor, at=now())
    flash(_("It is given out no more. Coupons that members have stay good."))
    return redirect(url_for("office.coupons.show", template_id=template_id), 303)


@bp.post("/<int:template_id>/withdrawal/end")
def give_out_again(template_id: int) -> Response:
    """Give a kind of coupon out again."""
    done_once(coupons.give_out_again, template_id, by=person().actor, at=now())
    flash(_("It is given out again."))
    return redirect(url_for("office.coupons.show", template_id=template_id), 303)


@bp.post("/<int:template_id>/codes")
def make_codes(template_id: int):
    """Make codes and hand them out as one file: they cannot be read again."""
    form = CodesForm()
    if not form.validate_on_submit():
        return coupon_page(template_id, codes=form)
    try:
        made = done_or_gone(
            coupons.make_codes,
            template_id,
            count=form.count.data,
            each_for=form.each_for.data,
            key=own_key(form),
            by=person().actor,
            at=now(),
        )
    except Refusal as refusal:
        form.refuse(refusal, at=refusal.field)
        return coupon_page(template_id, codes=form)
    return tables.csv_of([_("Coupon code")], ([code] for code in made), name=f"coupon-{template_id}-codes")


@bp.post("/<int:template_id>/items")
def sell(template_id: int):
    """Let an item give this coupon to whoever has it."""
    form = SellForm()
    if not form.validate_on_submit():
        return coupon_page(template_id, sale=form)
    try:
        done_or_gone(coupons.sell, template_id, form.product_id.data, by=person().actor, at=now())
    except Refusal as refusal:
        form.refuse(refusal, at="product_id")
        return coupon_page(template_id, sale=form)
    flash(_("Who has this item now has the coupon."))
    return redirect(url_for("office.coupons.show", template_id=template_id), 303)


@bp.get("/members/<int:member_id>")
def member(member_id: int):
    """Show the coupons of a member, and give one."""
    return member_page(member_id)


@bp.post("/members/<int:member_id>")
def give(member_id: int):
    """Give a member a coupon. Sent twice, it is one."""
    form = GiveForm()
    with reading():
        people.member_of(member_id)
    if not form.validate_on_submit():
        mark_why_not(form, member_id)
        return member_page(member_id, form=form)
    try:
        done_once(
            coupons.give_by_hand,
            form.template_id.data,
            member_id,
            key=own_key(form),
            reason=form.reason.data,
            terms=layout.terms(),
            by=person().actor,
            at=now(),
        )
    except Refusal as refusal:
        form.refuse(refusal, at="template_id")
        return member_page(member_id, form=form)
    flash(_("The coupon is among theirs."))
    return redirect(url_for("office.coupons.member", member_id=member_id), 303)


def mark_why_not(form: GiveForm, member_id: int) -> None:
    """Say with what else is wrong that the member cannot be given what was chosen, too."""
    if form.template_id.errors:
        return
    try:
        with reading():
            coupons.refuse_by_hand(form.template_id.data, member_id, by=person().actor, at=now())
    except Refusal as refusal:
        form.refuse(refusal, at="template_id")


@bp.post("/members/<int:member_id>/<int:coupon_id>/revocation")
def revoke(member_id: int, coupon_id: int):
    """Take a coupon back that was not used. A reason is needed."""
    form = RevokeForm(prefix=f"c{coupon_id}-")
    if not form.validate_on_submit():
        return member_page(member_id, revoking=(coupon_id, form))
    try:
        done_or_gone(
            coupons.revoke,
            coupon_id,
            member_id=member_id,
            terms=layout.terms(),
            by=person().actor,
            at=now(),
            reason=form.reason.data,
        )
    except Refusal as refusal:
        return member_page(member_id, refusal=refusal)
    flash(_("The coupon is taken back."))
    return redirect(url_for("office.coupons.member", member_id=member_id), 303)


def coupon_page(
    template_id: int,
    *,
    form: CouponForm | GivenForm | None = None,
    codes: CodesForm | None = None,
    sale: SellForm | None = None,
    refusal: Refusal | None = None,
):
    """Render the page of a kind of coupon; a form that was sent as it was typed, with what is wrong."""
    at, terms = now(), layout.terms()
    with reading():
        template = coupons.template_of(template_id)
    if template.kind == coupons.PACK:
        return packs.pack_page(template_id, codes=codes, sale=sale, refusal=refusal)
    with reading():
        scope_ids = coupons.scope_of(template_id)
        scope_skus = catalogue.skus_of(scope_ids) if template.scope == "product" else []
        frozen = coupons.is_given(template_id)
    return kind_page(
        "office/coupons/show.html",
        template,
        form=form or form_for(template, scope_ids, scope_skus, given=frozen),
        sent=form,
        codes=codes,
        sale=sale,
        refusal=refusal,
        frozen=frozen,
        shown=_shown(template, terms, at=at),
    )


def member_page(
    member_id: int,
    *,
    form: GiveForm | None = None,
    revoking: tuple[int, RevokeForm] | None = None,
    refusal: Refusal | None = None,
):
    """Render the coupons of a member; a form that was sent as it was typed, with what is wrong."""
    at, terms = now(), layout.terms()
    with reading():
        who = people.member_of(member_id)
        rows = coupons.coupons_of(member_id)
    if form is None:
        form = GiveForm(formdata=None, data={"key": fresh_key()})
    cards = [
        {
            "row": row,
            "worth": " ".join(worth_words(row)),
            "terms": ", ".join(terms_words(row, terms)),
            "standing": standing_of(row, at=at),
            "how": given_words(row),
            "order": order_number(row.used_for) if row.used_for else None,
            "revoke": revoking[1]
            if revoking and revoking[0] == row.id
            else RevokeForm(formdata=None, prefix=f"c{row.id}-"),
        }
        for row in rows
    ]
    return form_page(
        "office/coupons/member.html",
        refused=bool(form.errors or revoking),
        refusal=refusal,
        sent=revoking[1] if revoking else form,
        member=who,
        form=form,
        cards=cards,
    )


def given_words(row: Any) -> str:
    """Say how a member has come by a coupon."""
    for_what = row.reference.partition(":")[0]
    how = {
        "points": _("by an item"),
        "code": _("by a code"),
        "operator": _("by hand"),
        "pack": _("for a full stamp card") if for_what == "stamp_card" else _("with a level or a birthday"),
    }[row.source]
    return ", ".join((how, _("in a pack"))) if row.pack_id else how


def _shown(row: Any, terms: Any, *, at: Any) -> dict[str, Any]:
    """Return a kind of coupon in words."""
    return {
        "row": row,
        "worth": " ".join(worth_words(row)),
        "terms": ", ".join(terms_words(row, terms)),
        "state": coupons.state_of(row, at),
    }
