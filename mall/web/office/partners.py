"""Partners: what their purchases give, proposed by one administrator and approved by another; and their keys."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.seals import seal, unseal
from mall.domain import approvals, partners, people
from mall.web.shared import layout
from mall.web.shared.done import done_or_gone
from mall.web.shared.forms import Form, Whole, at_most, fresh_key, one_line, put
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import form_page, person, staff_only
from mall.web.shared.texts import money_words, number

from .actors import actor_words
from .coupon_pages import own_key
from .fields import LONGEST_REASON, Cents, WhyForm, needed

bp = Blueprint("partners", __name__, url_prefix="/partners")
bp.before_request(staff_only("admin"))

KEY = "partner_key"
LATEST = 20


class PartnerForm(Form):
    """What a partner is called, and what its purchases give. `key` makes a form that is sent twice one proposal."""

    key = HiddenField()
    seen_version = HiddenField()
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
    purchase_points = Whole(
        _l("Most points one purchase may give"), [needed(_l("Enter a limit: it bounds what a key can do."))]
    )
    member_day_points = Whole(
        _l("Most points a member may earn here a day"), [needed(_l("Enter a limit: it bounds what a key can do."))]
    )
    month_points = Whole(
        _l("Most points all members may earn here a month"),
        [needed(_l("Enter a limit: it bounds what a key can do."))],
    )

    reason = TextAreaField(
        _l("What it is to bring"),
        [DataRequired(_l("Say why; it is kept with the request to approve it.")), at_most(LONGEST_REASON)],
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields, and all figures against their bounds in the same round."""
        sound = super().validate(extra_validators)
        for name, (least, most) in partners.BOUNDS.items():
            figure = self[name].data
            if figure is not None and not self[name].errors and not least <= figure <= most:
                self.refuse(partners.BadRate(least=least, most=most), at=name)
                sound = False
        return sound

    def refuse(self, refusal: Refusal, *, at: str = "") -> None:
        """Show what is refused; the bounds of an amount as amounts."""
        if isinstance(refusal, partners.BadRate) and at.endswith("_cents"):
            least, most = (money_words(bound) for bound in partners.BOUNDS[at])
            return put(self[at], _("Choose from %(least)s to %(most)s.", least=least, most=most))
        return super().refuse(refusal, at=at)

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
        undecided = partners.waiting_versions()
    return form_page("office/partners/index.html", refused=False, everyone=everyone, undecided=undecided)


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Propose a partner. It may report nothing before another administrator has approved it."""
    terms = layout.terms()
    form = PartnerForm(
        earn_points=terms.earn_points,
        earn_per_cents=terms.earn_per_cents,
        ready_after_days=terms.return_window_days,
        purchase_points=partners.PURCHASE_POINTS,
        member_day_points=partners.MEMBER_DAY_POINTS,
        month_points=partners.MONTH_POINTS,
    )
    if request.method == "GET":
        form.key.data = fresh_key()
    if form.validate_on_submit():
        try:
            partner_id = done_or_gone(
                partners.open_partner,
                form.name.data,
                form.rates,
                key=f"partner:{own_key(form)}",
                by=person().actor,
                at=now(),
                reason=form.reason.data,
            )
        except Refusal as no:
            form.refuse(no, at=no.field)
        else:
            flash(_("Proposed. It may report nothing before another administrator has approved it."), "info")
            return redirect(url_for("office.partners.show", partner_id=partner_id), 303)
    return form_page("office/partners/new.html", refused=request.method == "POST", form=form)


@bp.route("/<int:partner_id>", methods=["GET", "POST"])
def show(partner_id: int):
    """Show a partner with its versions and latest purchases, and propose what they are to give from now on."""
    if request.method == "GET":
        return partner_page(partner_id)
    form = PartnerForm()
    if not form.validate_on_submit():
        return partner_page(partner_id, form=form)
    try:
        done_or_gone(
            partners.change_partner,
            partner_id,
            form.name.data,
            form.rates,
            seen=whole(form.seen_version.data) or 0,
            by=person().actor,
            at=now(),
            reason=form.reason.data,
        )
    except (partners.PartnerChanged, partners.NothingProposed) as refusal:
        return partner_page(partner_id, form=form, refusal=refusal)
    except Refusal as no:
        form.refuse(no, at=no.field)
        return partner_page(partner_id, form=form)
    flash(_("Proposed. Nothing changes before another administrator has approved it."), "info")
    return redirect(url_for("office.partners.show", partner_id=partner_id), 303)


@bp.post("/<int:partner_id>/approval")
def approve(partner_id: int):
    """Let what was proposed hold. Pressed twice, it is approved once."""
    with reading():
        others = [one for one in people.staff_able_to("admin") if one != person().id]
    try:
        done_or_gone(
            partners.approve_version,
            partner_id,
            seen=whole(request.form.get("seen_version")) or 0,
            by=person().actor,
            at=now(),
            other_approvers=len(others),
        )
    except approvals.NotApart as refusal:
        done_or_gone(partners.note_version_not_apart, partner_id, by=person().actor, at=now())
        return partner_page(partner_id, refusal=refusal)
    except Refusal as refusal:
        return partner_page(partner_id, refusal=refusal)
    flash(_("Approved. It counts for what is reported from now on."))
    return redirect(url_for("office.partners.show", partner_id=partner_id), 303)


@bp.post("/<int:partner_id>/refusal")
def decline(partner_id: int):
    """Decline what was proposed; who proposed it may withdraw it this way."""
    why = WhyForm(prefix="why-")
    if not why.validate_on_submit():
        return partner_page(partner_id, why=why)
    try:
        done_or_gone(partners.decline_version, partner_id, by=person().actor, at=now(), reason=why.reason.data)
    except Refusal as refusal:
        return partner_page(partner_id, refusal=refusal)
    flash(_("Declined. What held before goes on."))
    return redirect(url_for("office.partners.show", partner_id=partner_id), 303)


@bp.post("/<int:partner_id>/key")
def new_key(partner_id: int):
    """Make a key, shown once to whoever made it; the one before opens nothing from now on."""
    try:
        key = done_or_gone(partners.make_key, partner_id, by=person().actor, at=now())
    except Refusal as refusal:
        return partner_page(partner_id, refusal=refusal)
    _keep_key(partner_id, key)
    return redirect(url_for("office.partners.show", partner_id=partner_id), 303)


@bp.post("/<int:partner_id>/key/end")
def revoke_key(partner_id: int):
    """Let a partner report nothing more."""
    done_or_gone(partners.revoke_key, partner_id, by=person().actor, at=now())
    flash(_("The key opens nothing any more."))
    return redirect(url_for("office.partners.show", partner_id=partner_id), 303)


def partner_page(
    partner_id: int,
    *,
    form: PartnerForm | None = None,
    why: WhyForm | None = None,
    refusal: Refusal | None = None,
) -> Response | tuple[str, int] | str:
    """Render the page of a partner; a form that was sent as it was typed, with what is wrong."""
    with reading():
        partner = partners.partner_of(partner_id)
        versions = partners.versions_of(partner_id)
        latest = partners.purchases_at(partner_id, limit=LATEST)
        given = partners.given_in_month(partner_id, today=layout.terms().today(now()))
        admins = people.staff_able_to("admin")
    newest = versions[0]
    holds = next((row for row in versions if row.number == partner.version), None)
    waits = newest if newest.decision is None else None
    sent, why_sent = form, why
    if form is None:
        form = PartnerForm(formdata=None, obj=waits or holds or newest, data={"seen_version": str(newest.number)})
        form.reason.data = waits.reason if waits else ""
    why = why or WhyForm(formdata=None, prefix="why-")
    return form_page(
        "office/partners/show.html",
        refused=bool((sent and sent.errors) or why.errors),
        refusal=refusal,
        sent=why_sent or sent,
        form=form,
        why=why,
        partner=partner,
        versions=versions,
        waits=waits,
        holds=holds,
        difference=difference(holds, waits) if waits else [],
        mine=waits is not None and waits.asked_by == person().actor,
        alone=admins == [person().id],
        may_have_key=holds is not None and (holds.decided_by != person().actor or holds.by_one_person),
        gives=gives_of(versions),
        actor_words=actor_words,
        latest=latest,
        given=given,
        key=None if sent or why_sent or refusal else _key_to_show(partner_id),
        document=layout.public_link("api.openapi"),
    )


def difference(before: Any, after: Any) -> list[tuple[str, str, str]]:
    """Return what a version changes: [(what, as it was, as it is to be)]; all of it where nothing held before."""
    was, becomes = (rates_words(before) if before else {}), rates_words(after)
    return [(what, was.get(what, "–"), words) for what, words in becomes.items() if was.get(what) != words]


def gives_of(versions: Sequence[Any]) -> dict[int, list[tuple[str, str | None, str]]]:
    """Say what each version gives, newest first, {number: [(what, as the one before had it, words)]}: None where both
    have the same.
    """
    said = [rates_words(version) for version in versions]
    return {
        version.number: [
            (what, before[what] if before and before[what] != words else None, words) for what, words in here.items()
        ]
        for version, here, before in zip(versions, said, [*said[1:], None], strict=True)
    }


def rates_words(version: Any) -> dict[str, str]:
    """Say what a version of a partner is called and gives, {what: in words}."""
    unlimited = _("no limit")
    return {
        _("Name"): version.name,
        _("Points earned"): _(
            "%(points)s for every %(cash)s",
            points=number(version.earn_points),
            cash=money_words(version.earn_per_cents),
        ),
        _("Times the multiplier of the member's level"): _("Yes") if version.with_level else _("No"),
        _("One growth for every"): money_words(version.growth_per_cents) if version.growth_per_cents else "–",
        _("Days until the points are ready"): number(version.ready_after_days),
        _("Most points one purchase may give"): (
            number(version.purchase_points) if version.purchase_points else unlimited
        ),
        _("Most points a member may earn here a day"): (
            number(version.member_day_points) if version.member_day_points else unlimited
        ),
        _("Most points all members may earn here a month"): (
            number(version.month_points) if version.month_points else unlimited
        ),
    }


def _keep_key(partner_id: int, key: str) -> None:
    # Sealed, since the cookie can be read by its owner's browser, and taken out when it is shown.
    session[KEY] = seal(f"{partner_id}:{key}", purpose=KEY)


def _key_to_show(partner_id: int) -> str | None:
    sealed: Any = session.pop(KEY, None)
    if not sealed:
        return None
    whose, _colon, key = unseal(sealed, purpose=KEY).partition(":")
    return key if whose == str(partner_id) else None
