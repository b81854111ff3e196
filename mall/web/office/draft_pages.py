"""The pages of what one drafts and another approves, which changes until it begins and may end early.

Campaigns and stamp cards are such things. What is their own each says in its DraftDesk; the way is the same.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from msgspec import Struct
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import approvals, catalogue, people
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import fresh_key
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person

from .actors import actor_words
from .coupon_pages import own_key
from .draft_forms import DraftForm, level_words, scope_words
from .fields import WhyForm

PER_PAGE = 25
Page = Response | str | tuple[str, int]


class DraftVerbs(Struct, frozen=True):
    """What the room can do with such a thing."""

    make: Callable[..., int]
    edit: Callable[..., None]
    approve: Callable[..., None]
    note_not_apart: Callable[..., None]
    decline: Callable[..., None]
    end: Callable[..., bool]


class DraftDesk(Struct, frozen=True):
    """What is a desk's own. Its templates stand in office/<name>; `proposed` is in a new form.

    `outdated` are refusals to change it that are said above the form, as no field can mend them. `shown` puts a row in
    words, with what such rows have given; `more` is what only its own page says.
    """

    name: str
    form: type[DraftForm]
    proposed: Mapping[str, Any]
    rows: Callable[..., tuple[Sequence[Any], int]]
    row_of: Callable[[int], Any]
    scope_of: Callable[[int], list[int]]
    last_request: Callable[[int], Any]
    given: Callable[[list[int]], Mapping[int, Any]]
    verbs: DraftVerbs
    outdated: tuple[type[Refusal], ...]
    shown: Callable[..., dict[str, Any]]
    drafted_words: Any
    approved_words: Any
    ended_words: Any
    more: Callable[[Any], dict[str, Any]] = lambda _row: {}

    def index(self) -> str:
        """List all, the latest to begin first, each with what it gave."""
        page, at = page_number(), now()
        with reading():
            rows, total = self.rows(page=page, per_page=PER_PAGE)
            given = self.given([row.id for row in rows])
        return render_template(
            f"office/{self.name}/index.html",
            drafts=[self.shown(row, given.get(row.id), at=at) for row in rows],
            page=page,
            pages=pages_of(total, PER_PAGE),
            total=total,
            per_page=PER_PAGE,
        )

    def new(self) -> Page:
        """Make one. It gives nothing before another person has approved it."""
        form = self.form(**self.proposed)
        if request.method == "GET":
            form.key.data = fresh_key()
        if form.validate_on_submit():
            try:
                made = done_once(
                    self.verbs.make,
                    key=own_key(form),
                    terms=layout.terms(),
                    by=person().actor,
                    at=now(),
                    **form.details(),
                )
            except Refusal as refusal:
                form.place(refusal)
            else:
                flash(str(self.drafted_words), "info")
                return self._to(made)
        return form_page(f"office/{self.name}/new.html", refused=request.method == "POST", form=form)

    def show(self, draft_id: int) -> Page:
        """Show one whole: what it gave, who approves it; change it while it has not begun."""
        if request.method == "GET":
            return self.page(draft_id)
        form = self.form()
        if not form.validate_on_submit():
            return self.page(draft_id, form=form)
        try:
            done_or_gone(
                self.verbs.edit,
                draft_id,
                seen_version=whole(form.seen_version.data) or 0,
                terms=layout.terms(),
                by=person().actor,
                at=now(),
                **form.details(),
            )
        except self.outdated as refusal:
            return self.page(draft_id, form=form, refusal=refusal)
        except Refusal as refusal:
            form.place(refusal)
            return self.page(draft_id, form=form)
        flash(_("Saved. It is a draft again until another person has approved it."), "info")
        return self._to(draft_id)

    def approve(self, draft_id: int) -> Page:
        """Let one run. Pressed twice, it is approved once."""
        with reading():
            others = [one for one in people.staff_able_to("operate") if one != person().id]
        seen_version = whole(request.form.get("seen_version")) or 0
        by, at = person().actor, now()
        try:
            done_or_gone(
                self.verbs.approve, draft_id, seen_version=seen_version, by=by, at=at, other_approvers=len(others)
            )
        except approvals.NotApart as refusal:
            done_or_gone(self.verbs.note_not_apart, draft_id, by=by, at=at)
            return self.page(draft_id, refusal=refusal)
        except Refusal as refusal:
            return self.page(draft_id, refusal=refusal)
        flash(str(self.approved_words))
        return self._to(draft_id)

    def decline(self, draft_id: int) -> Page:
        """Decline one; who drafted it may withdraw it this way."""
        return self._with_reason(draft_id, self.verbs.decline, _("Declined. It stays a draft, and can be changed."))

    def end(self, draft_id: int) -> Page:
        """End one before its time, or call it off before it begins."""
        with reading():
            begun = self.row_of(draft_id).starts_at <= now()
        done = str(self.ended_words) if begun else _("It is called off, and will not begin.")
        return self._with_reason(draft_id, self.verbs.end, done)

    def _with_reason(self, draft_id: int, verb: Callable[..., Any], done: str) -> Page:
        why = WhyForm(prefix="why-")
        if not why.validate_on_submit():
            return self.page(draft_id, why=why)
        try:
            done_or_gone(verb, draft_id, by=person().actor, at=now(), reason=why.reason.data)
        except Refusal as refusal:
            return self.page(draft_id, refusal=refusal)
        flash(done)
        return self._to(draft_id)

    def _to(self, draft_id: int) -> Response:
        return redirect(url_for(f"office.{self.name}.show", draft_id=draft_id), 303)

    def page(
        self,
        draft_id: int,
        *,
        form: DraftForm | None = None,
        why: WhyForm | None = None,
        refusal: Refusal | None = None,
    ) -> tuple[str, int]:
        """Render the page of one; a form that was sent as it was typed, with what is wrong."""
        at: datetime = now()
        with reading():
            row = self.row_of(draft_id)
            scope_ids = self.scope_of(draft_id)
            scope_skus = catalogue.skus_of(scope_ids) if row.scope == "product" else []
            asked = self.last_request(draft_id)
            given = self.given([draft_id])
            able = people.staff_able_to("operate")
            words = {"scope": scope_words(row, scope_ids), "level": level_words(row.min_rank)} | self.more(row)
        may_change = row.state == "draft" or (row.state == "approved" and row.starts_at > at)
        if form is None and may_change:
            form = self.form.filled(row, scope_ids, scope_skus, reason=asked.reason if asked else "")
        why_sent = why
        why = why or WhyForm(formdata=None, prefix="why-")
        return form_page(
            f"office/{self.name}/show.html",
            refused=bool((form and form.errors) or why.errors),
            refusal=refusal,
            sent=why_sent or form,
            form=form if may_change else None,
            why=why,
            made=row,
            shown=self.shown(row, given.get(draft_id), at=at) | words,
            asked=asked,
            open_request=asked is not None and asked.decision is None,
            mine=asked is not None and asked.asked_by == person().actor,
            alone=able == [person().id],
            may_end=row.state == "approved" and row.ends_at > at,
            actor_words=actor_words,
        )


def blueprint_of(desk: DraftDesk) -> Blueprint:
    """Return the pages of a desk: the list, a new one, one by its number, and what is done with it."""
    bp = Blueprint(desk.name, __name__, url_prefix="/" + desk.name.replace("_", "-"))
    bp.get("", endpoint="index")(desk.index)
    bp.route("/new", endpoint="new", methods=["GET", "POST"])(desk.new)
    bp.route("/<int:draft_id>", endpoint="show", methods=["GET", "POST"])(desk.show)
    bp.post("/<int:draft_id>/approval", endpoint="approve")(desk.approve)
    bp.post("/<int:draft_id>/refusal", endpoint="decline")(desk.decline)
    bp.post("/<int:draft_id>/end", endpoint="end")(desk.end)
    return bp
