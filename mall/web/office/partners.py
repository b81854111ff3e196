"""Partners: who may report purchases, by which key, and what these give. For administrators."""

from typing import Any

from flask import Blueprint, flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.seals import seal, unseal
from mall.domain import partners
from mall.web.shared import layout
from mall.web.shared.done import done_or_gone
from mall.web.shared.forms import Form, Whole, at_most, one_line
from mall.web.shared.signing_in import form_page, person, staff_only

from .fields import Cents, needed

bp = Blueprint("partners", __name__, url_prefix="/partners")
bp.before_request(staff_only("admin"))

KEY = "partner_key"
LATEST = 20


class PartnerForm(Form):
    """What a partner is called, and what its purchases give."""

    name = StringField(
        _l("Name"),
        [DataRequired(_l("Enter the name that members will read.")), at_most(80)],
        filters=[one_line],
    )
    earn_points = Whole(_l("Points earned"), [needed(_l("Enter a whole number."))])
    earn_per_cents = Cents(_l("for every"), [needed(_l("Enter an amount."))])
    with_level = BooleanField(_l("Times the multiplier of the member's level"))
    growth_per_cents = Cents(_l("One growth for every"))
    ready_after_days = Whole(
        _l("Days until the points are ready"), [needed(_l("Enter a number of days; 0 is at once."))]
    )
    member_day_points = Whole(_l("Most points a member may earn here a day"))
    month_points = Whole(_l("Most points all members may earn here a month"))

    @property
    def rates(self) -> partners.Rates:
        """What the purchases give."""
        figures = {name: self[name].data for name in partners.Rates.__struct_fields__}
        return partners.Rates(**figures)


@bp.get("")
def index():
    """List the partners."""
    with reading():
        everyone = partners.partners_list()
    return form_page("office/partners/index.html", refused=False, everyone=everyone)


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Open an account for a partner; its key is shown once, on the next page."""
    terms = layout.terms()
    form = PartnerForm(
        earn_points=terms.earn_points, earn_per_cents=terms.earn_per_cents, ready_after_days=terms.return_window_days
    )
    if form.validate_on_submit():
        try:
            partner_id, key = done_or_gone(
                partners.open_partner, form.name.data, form.rates, by=person().actor, at=now()
            )
        except Refusal as no:
            form.refuse(no, at=no.field)
        else:
            _keep_key(partner_id, key)
            return redirect(url_for("office.partners.show", partner_id=partner_id), 303)
    return form_page("office/partners/new.html", refused=request.method == "POST", form=form)


@bp.route("/<int:partner_id>", methods=["GET", "POST"])
def show(partner_id: int):
    """Show a partner with its latest purchases, and change what they give from now on."""
    form = PartnerForm()
    if form.validate_on_submit():
        try:
            done_or_gone(partners.change_partner, partner_id, form.name.data, form.rates, by=person().actor, at=now())
        except Refusal as no:
            form.refuse(no, at=no.field)
        else:
            flash(_("Saved. It counts for what is reported from now on."))
            return redirect(url_for("office.partners.show", partner_id=partner_id), 303)
    refused = request.method == "POST"
    with reading():
        partner = partners.partner_of(partner_id)
        latest = partners.purchases_at(partner_id, limit=LATEST)
        given = partners.given_in_month(partner_id, today=layout.terms().today(now()))
    return form_page(
        "office/partners/show.html",
        refused=refused,
        form=form if refused else PartnerForm(formdata=None, obj=partner),
        partner=partner,
        latest=latest,
        given=given,
        key=None if refused else _key_to_show(partner_id),
        document=layout.public_link("api.openapi"),
    )


@bp.post("/<int:partner_id>/key")
def new_key(partner_id: int):
    """Make a new key, shown once; the one before opens nothing from now on."""
    key = done_or_gone(partners.rotate_key, partner_id, by=person().actor, at=now())
    _keep_key(partner_id, key)
    return redirect(url_for("office.partners.show", partner_id=partner_id), 303)


@bp.post("/<int:partner_id>/key/end")
def revoke_key(partner_id: int):
    """Let a partner report nothing more."""
    done_or_gone(partners.revoke_key, partner_id, by=person().actor, at=now())
    flash(_("The key opens nothing any more."))
    return redirect(url_for("office.partners.show", partner_id=partner_id), 303)


def _keep_key(partner_id: int, key: str) -> None:
    # Sealed, since the cookie can be read by its owner's browser, and taken out when it is shown.
    session[KEY] = seal(f"{partner_id}:{key}", purpose=KEY)


def _key_to_show(partner_id: int) -> str | None:
    sealed: Any = session.pop(KEY, None)
    if not sealed:
        return None
    whose, _colon, key = unseal(sealed, purpose=KEY).partition(":")
    return key if whose == str(partner_id) else None
