"""My coupons: what can be used, what was, what has ended; a code becomes a coupon."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from msgspec import Struct
from wtforms import StringField

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, checkout, coupons, people
from mall.web.shared import layout
from mall.web.shared.coupons import contents_words, standing_of, terms_words, worth_words
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, one_line
from mall.web.shared.moves import order_number
from mall.web.shared.signing_in import count_or_refuse, form_page, me, members_only, network
from mall.web.shared.texts import day_words, number

bp = Blueprint("coupons", __name__, url_prefix="/coupons")
bp.before_request(members_only)

TABS = {"usable": ("usable", "later"), "used": ("used",), "ended": ("expired", "revoked")}
SOON_DAYS = 7
MOST_TO_HAVE = 12


class CodeForm(Form):
    """A code as somebody types it. It is sent by POST only, and stands in no address."""

    code = StringField(_l("Coupon code"), filters=[one_line])


class Card(Struct, frozen=True):
    """A coupon as its card shows it."""

    id: int
    worth: str
    small: str
    title: dict[str, str]
    terms: str
    note: str
    usable: bool
    gives: bool
    order: str | None


@bp.get("")
def show():
    """Show the member's coupons."""
    return coupons_page(CodeForm(formdata=None))


@bp.post("")
def take():
    """Turn a code into a coupon. Only wrong codes are counted; typed twice, it is one coupon."""
    form = CodeForm()
    if not form.validate_on_submit() or not form.code.data:
        form.refuse(NoCode(), at="code")
        return coupons_page(form, refused=True)
    # A member over their limit is not counted at the network, which others share.
    tries = ((coupons.WRONG_BY_MEMBER, str(me())), (coupons.WRONG_BY_NETWORK, network()))
    try:
        for limit, subject in tries:
            count_or_refuse(limit, subject)
        taken = done_once(coupons.take_code, me(), form.code.data, terms=layout.terms(), at=now())
    except people.TooManyTries as refusal:
        return coupons_page(form, refusal=refusal)
    except Refusal as refusal:
        form.refuse(refusal, at="code")
        return coupons_page(form, refused=True)
    for limit, subject in tries:
        done_once(people.take_off, limit, subject)
    if len(taken) == 1:
        flash(_("The coupon is yours. Checkout offers it as soon as it fits."))
    else:
        flash(_("%(count)s coupons are yours. Checkout offers each as soon as it fits.", count=number(len(taken))))
    return redirect(url_for("store.coupons.show"), 303)


@bp.post("/<int:coupon_id>/basket")
def put_gift_in(coupon_id: int):
    """Put the item that a coupon gives in the basket, or lead to its page where there is something to choose.

    Checkout then takes its price off.
    """
    at = now()
    with reading():
        product_id = coupons.gift_of(coupon_id, member_id=me(), at=at)
        offers = catalogue.offers([row.id for row in catalogue.variants_of(product_id)], at=at)
    seen = [offer for offer in offers if offer.may_be_seen_by(layout.viewer())]
    if not seen:
        raise catalogue.NoSuchProduct()
    price = next((price for price in seen[0].options if price.form == "cash"), None)
    if len(seen) > 1 or price is None:
        return redirect(url_for("store.item.show", slug=seen[0].slug), 303)
    done_once(
        checkout.put_in,
        checkout.Owner(member_id=me()),
        variant_id=seen[0].variant_id,
        option_id=price.id or 0,
        seen_cents=price.cash_cents,
        seen_points=0,
        at=at,
    )
    flash(_("It is in your basket. Checkout takes its price off."))
    return redirect(url_for("store.basket.show"), 303)


class NoCode(Refusal):
    message = N_("Type the code of your coupon.")


def coupons_page(form: CodeForm, *, refusal: Refusal | None = None, refused: bool = False):
    """Render the coupons of one tab; 422 with the code as typed when it was refused, 429 after too many tries."""
    at, terms = now(), layout.terms()
    tab = request.args.get("show", "")
    tab = tab if tab in TABS else "usable"
    with reading():
        rows = coupons.coupons_of(me())
        to_have = coupons_to_have(at=at)
    by_tab = {name: [row for row in rows if standing_of(row, at=at) in states] for name, states in TABS.items()}
    shown = by_tab[tab] if tab != "usable" else sorted(by_tab[tab], key=lambda row: (row.ends_at, row.id))
    return form_page(
        "store/coupons/show.html",
        refused=refused,
        refusal=refusal,
        form=form,
        tab=tab,
        counts={name: len(found) for name, found in by_tab.items()},
        cards=[_card(row, terms, at=at) for row in shown],
        to_have=to_have,
        mine=checkout.PieceFor(terms.level(max(layout.viewer().rank, 1)), terms),
    )


def coupons_to_have(*, at: Any) -> list[tuple[catalogue.Card, str]]:
    """Return the items that give coupons now and can be bought, each with what is in it in words. Three statements."""
    gives = coupons.sold_by(at=at)
    if not gives:
        return []
    found = catalogue.shelf(
        layout.viewer(),
        catalogue.Wishes(ids=tuple(gives), in_stock=True),
        terms=layout.terms(),
        at=at,
        limit=MOST_TO_HAVE,
    )
    contents = coupons.contents_of({gives[card.id] for card in found})
    return [(card, ", ".join(contents_words(contents.get(gives[card.id], ())))) for card in found]


def _card(row: Any, terms: Any, *, at: Any) -> Card:
    worth, small = worth_words(row)
    standing = standing_of(row, at=at)
    return Card(
        id=row.id,
        worth=worth,
        small=small,
        title=row.title,
        terms=", ".join(terms_words(row, terms)),
        note=_note(row, standing, terms, at=at),
        usable=standing == "usable",
        gives=row.kind == coupons.GIFT,
        order=order_number(row.used_for) if row.used_for else None,
    )


def _note(row: Any, standing: str, terms: Any, *, at: Any) -> str:
    if standing == "used":
        return _("Used on %(day)s", day=day_words(row.used_at))
    if standing == "revoked":
        return _("Taken back on %(day)s", day=day_words(row.revoked_at))
    if standing == "expired":
        return _("Ended on %(day)s, not used", day=day_words(row.ends_at))
    if standing == "later":
        return _("Can be used from %(day)s", day=day_words(row.usable_from))
    days = (terms.today(row.ends_at) - terms.today(at)).days
    if days == 0:
        return _("Ends today")
    if days <= SOON_DAYS:
        return ngettext(
            "Ends %(day)s, in %(num)s day", "Ends %(day)s, in %(num)s days", days, day=day_words(row.ends_at)
        )
    return _("Ends %(day)s", day=day_words(row.ends_at))
