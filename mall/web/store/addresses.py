"""A member's addresses: add, change, remove, choose the default. Another's is not there."""

from datetime import datetime
from functools import lru_cache

from babel import Locale
from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Optional

from mall.base.clock import now
from mall.base.db import reading
from mall.base.money import LOCALES
from mall.domain import earning, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import PHONE, Form, at_most, one_line, words_of
from mall.web.shared.signing_in import form_page, me, safe_next
from mall.web.shared.texts import language

from .account import bp
from .tasks import completed, tell_of

NO_COUNTRIES = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}


def line(label: str, *, most: int, needed: str = "") -> StringField:
    """Return a field of one line of an address; `needed` is what an empty one is told."""
    checks = [at_most(most)]
    return StringField(label, [DataRequired(needed), *checks] if needed else checks, filters=[one_line])


class AddressForm(Form):
    """What is written on a parcel."""

    recipient = line(_l("Full name"), most=80, needed=_l("Enter who receives the parcel."))
    line1 = line(_l("Street and number"), most=120, needed=_l("Enter street and number."))
    line2 = line(_l("Building, floor, company"), most=120)
    postcode = line(_l("Postcode"), most=20, needed=_l("Enter the postcode."))
    city = line(_l("Town or city"), most=80, needed=_l("Enter the town or city."))
    region = line(_l("State or province"), most=80)
    country = SelectField(_l("Country"), [InputRequired(_l("Choose the country."))])
    phone = StringField(_l("Phone for the carrier"), [Optional(), at_most(30), PHONE], filters=[one_line])
    as_default = BooleanField(_l("Propose this address at checkout"))

    def __init__(self, **given) -> None:
        super().__init__(**given)
        named = [("", _("Choose")), *countries(language())]
        self.country.choices = [SelectChoice(*pair) for pair in named]

    @property
    def lines(self) -> people.AddressLines:
        """The address as the domain takes it."""
        names = ("recipient", "line1", "line2", "postcode", "city", "region", "country", "phone")
        return people.AddressLines(**{name: self[name].data or "" for name in names})


@lru_cache(maxsize=4)
def countries(code: str) -> list[tuple[str, str]]:
    """Return (ISO code, name) of every country, by name in a language."""
    territories = Locale.parse(LOCALES[code]).territories
    named = [(key, name) for key, name in territories.items() if len(key) == 2 and key not in NO_COUNTRIES]
    return sorted(named, key=lambda pair: pair[1])


@bp.get("/account/addresses")
def addresses():
    """List the member's addresses, the default first."""
    with reading():
        mine = people.addresses_of(me())
    return render_template("store/account/addresses.html", addresses=mine, countries=dict(countries(language())))


@bp.route("/account/addresses/new", methods=["GET", "POST"])
def new_address():
    """Add an address; from checkout the way leads back there."""
    form = AddressForm()
    refusal: people.TooManyAddresses | None = None
    next_page = safe_next(request.values.get("next"))
    if form.validate_on_submit():
        try:
            rewards = done_once(_add, form, at=now())
        except people.TooManyAddresses as no:
            refusal = no
        else:
            flash(_("The address is added."))
            tell_of(rewards)
            return redirect(next_page or url_for("store.account.addresses"))
    if request.method == "POST":
        refusal = refusal or full()
    elif refusal := full():
        flash(words_of(refusal), "warn")
        return redirect(url_for("store.account.addresses"))
    return form_page(
        "store/account/address.html",
        refused=request.method == "POST",
        form=form,
        refusal=refusal,
        address=None,
        next=next_page,
    )


def full() -> people.TooManyAddresses | None:
    """Return why the member can have no more addresses, or None: said before anything is typed."""
    try:
        with reading():
            people.refuse_more_addresses(me())
    except people.TooManyAddresses as refusal:
        return refusal
    return None


@bp.route("/account/addresses/<int:address_id>", methods=["GET", "POST"])
def address(address_id: int):
    """Show and change an address."""
    with reading():
        mine = people.address_of(me(), address_id)
    form = AddressForm(obj=mine) if request.method == "GET" else AddressForm()
    if request.method == "GET":
        form.as_default.data = mine.is_default
    elif form.validate_on_submit():
        done_once(people.edit_address, me(), address_id, form.lines, as_default=form.as_default.data, at=now())
        flash(_("The address is saved."))
        return redirect(url_for("store.account.addresses"))
    return form_page("store/account/address.html", refused=request.method == "POST", form=form, address=mine)


@bp.post("/account/addresses/<int:address_id>/removal")
def remove_address(address_id: int):
    """Remove an address; orders keep their own copy."""
    done_once(people.remove_address, me(), address_id)
    flash(_("The address is removed. Orders on their way keep it."))
    return redirect(url_for("store.account.addresses"))


@bp.post("/account/addresses/<int:address_id>/default")
def default_address(address_id: int):
    """Propose this address at checkout from now on."""
    done_once(people.make_default, me(), address_id)
    return redirect(url_for("store.account.addresses"))


def _add(form: AddressForm, *, at: datetime) -> tuple[earning.Reward, ...]:
    people.add_address(me(), form.lines, as_default=form.as_default.data, at=at)
    return earning.told(me(), earning.ADDRESS_ADDED, *completed(me()), terms=layout.terms(), at=at)
