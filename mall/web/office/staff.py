"""Staff: who works here and what each may do. For administrators."""

from flask import Blueprint, flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, SelectChoice, SelectMultipleField, StringField
from wtforms.validators import DataRequired
from wtforms.widgets import CheckboxInput, ListWidget

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.seals import seal, unseal
from mall.domain import people
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, email_address, one_line
from mall.web.shared.layout import public_link
from mall.web.shared.signing_in import form_page, person, staff_only

from .fields import ReasonForm

bp = Blueprint("staff", __name__, url_prefix="/staff")
bp.before_request(staff_only("admin"))

LINK_KEY = "staff_link"
ROLE_WORDS = {
    "operator": _l("Operator: goods, stock, orders, members"),
    "finance": _l("Finance: liability, journals, checks"),
    "admin": _l("Administrator: both, and the staff"),
}


def roles_field() -> SelectMultipleField:
    """Return the ticks for roles."""
    return SelectMultipleField(
        _l("What they may do"),
        choices=[SelectChoice(*pair) for pair in ROLE_WORDS.items()],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )


class AddForm(Form):
    """Someone new."""

    name = StringField(
        _l("Name"),
        [DataRequired(_l("Enter the name.")), at_most(80)],
        filters=[one_line],
    )
    email = EmailField(
        _l("E-mail"), [DataRequired(_l("Enter the e-mail address.")), email_address], filters=[one_line]
    )
    roles = roles_field()


class RolesForm(Form):
    """What someone may do."""

    roles = roles_field()


@bp.route("/", methods=["GET", "POST"])
def index():
    """List everyone on the staff, and add someone."""
    form = AddForm()
    if form.validate_on_submit():
        try:
            email = people.read_email(form.email.data)
            staff_id, token = done_once(
                people.add_staff, email, name=form.name.data, roles=form.roles.data, by=person().actor, at=now()
            )
        except people.StaffKnown as no:
            form.refuse(no, at="email")
        except people.RolesMissing as no:
            form.refuse(no, at="roles")
        else:
            _keep_link(token)
            return redirect(url_for("office.staff.show", staff_id=staff_id))
    with reading():
        everyone = people.staff_list()
    return form_page("office/staff/index.html", refused=request.method == "POST", form=form, everyone=everyone)


@bp.route("/<int:staff_id>", methods=["GET", "POST"])
def show(staff_id: int):
    """Show someone of the staff, and change what they may do."""
    form = RolesForm()
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            done_once(people.change_roles, staff_id, form.roles.data, by=person().actor, at=now())
        except people.RolesMissing as no:
            form.refuse(no, at="roles")
        except (people.NotOneself, people.LastAdmin) as no:
            refusal = no
        else:
            flash(_("Saved. It counts from the next page they open."))
            return redirect(url_for("office.staff.show", staff_id=staff_id))
    return _page(staff_id, form=form, refusal=refusal, refused=request.method == "POST")


@bp.post("/<int:staff_id>/link")
def new_link(staff_id: int):
    """Make a fresh one-time link to set a password with."""
    token = done_once(people.new_set_up_token, staff_id, by=person().actor, at=now())
    _keep_link(token)
    return redirect(url_for("office.staff.show", staff_id=staff_id))


@bp.post("/<int:staff_id>/second-factor")
def reset_second_factor(staff_id: int):
    """Let someone who lost their phone enrol afresh; they are signed out everywhere."""
    done_once(people.reset_totp, staff_id, by=person().actor, at=now())
    flash(_("They are signed out, and enrol a phone at the next sign-in."))
    return redirect(url_for("office.staff.show", staff_id=staff_id))


@bp.post("/<int:staff_id>/deactivation")
def deactivate(staff_id: int):
    """Keep someone out from their next request on."""
    return _with_reason(staff_id, people.deactivate_staff, _("They can no longer sign in."))


@bp.post("/<int:staff_id>/return")
def reactivate(staff_id: int):
    """Let someone work here again."""
    return _with_reason(staff_id, people.reactivate_staff, _("They can sign in again."))


def _with_reason(staff_id: int, verb, done: str):
    form = ReasonForm()
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            done_once(verb, staff_id, by=person().actor, reason=form.reason.data, at=now())
        except (people.NotOneself, people.LastAdmin) as no:
            refusal = no
        else:
            flash(done)
            return redirect(url_for("office.staff.show", staff_id=staff_id))
    return _page(staff_id, form=None, reason_form=form, refusal=refusal, refused=True)


def _page(staff_id: int, *, form: RolesForm | None, reason_form: ReasonForm | None = None, refusal=None, refused):
    with reading():
        staff = people.staff_of(staff_id)
        last_here = people.last_here(staff_id)
    if form is None or not refused:
        form = RolesForm(formdata=None, roles=staff.roles)
    return form_page(
        "office/staff/show.html",
        refused=refused,
        refusal=refusal,
        staff=staff,
        last_here=last_here,
        oneself=staff_id == person().id,
        form=form,
        reason_form=reason_form or ReasonForm(formdata=None),
        set_up_link=_link_to_show(staff_id),
    )


def _keep_link(token: str) -> None:
    # Sealed, and shown until the administrator goes on to another page: the table keeps only a hash.
    session[LINK_KEY] = seal(token, purpose=LINK_KEY)


def _link_to_show(staff_id: int) -> str | None:
    sealed = session.get(LINK_KEY)
    if not sealed:
        return None
    token = unseal(sealed, purpose=LINK_KEY)
    try:
        with reading():
            invited = people.alive("staff_set_up", token, at=now())
    except people.DeadLink:
        session.pop(LINK_KEY)
        return None
    return public_link("office.account.set_up", token=token) if invited.staff_id == staff_id else None
