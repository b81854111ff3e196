"""The level designer: drafts of levels and rates, side by side, tried before anybody is asked to approve them."""

from typing import Any, NamedTuple

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from wtforms import Field

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.domain import approvals, coupons, programme
from mall.web.shared.done import done_or_gone
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import form_page, person, staff_only
from mall.web.shared.texts import local, money_words, number

from .actors import actor_words
from .level_forms import COUPONS, FIGURES, MOST_LEVELS, PRIORITY, RATES, TIMES, DesignForm, values_of
from .programme import SWITCHES, difference

bp = Blueprint("level_drafts", __name__, url_prefix="/levels/drafts")
acts = Blueprint("acts", __name__)
acts.before_request(staff_only("admin"))


class Cell(NamedTuple):
    """A figure of a level: as it is to be, and as it was where that differs."""

    words: str
    was: str


@acts.route("/new", methods=["GET", "POST"])
def new():
    """Design levels and rates, beginning with those in force, a ready-made set or another draft."""
    with reading():
        newest = programme.newest()
        start = request.form.get("start") or request.args.get("start", "")
        before, settings, stored = beginning(start, newest)
    form = DesignForm(
        based_on=str(newest),
        start=start,
        levels=[values_of(level) for level in settings["levels"]],
        **{name: settings[name] for name in (*RATES, *TIMES, *SWITCHES)},
    )
    refusal: Refusal | None = None
    act = request.form.get("act", "")
    if request.method == "POST" and act.startswith(("add", "remove-")):
        change_rows(form, act)
        return design_page(form, before, changed=True)
    if request.method == "POST" and form.is_in_order(settings, stored, at=now()):
        at = now()
        wanted = form.settings(settings, stored)
        try:
            if whole(form.based_on.data) != newest:
                raise programme.ThingsChanged(version=newest)
            if wanted == programme.settings_of(before):
                raise programme.NothingChanged
            number_ = done_or_gone(
                programme.sketch,
                wanted,
                based_on=newest,
                effective_from=form.begins_at.data or at,
                by=person().actor,
                at=at,
                reason=form.reason.data,
            )
        except programme.BadSetting as bad:
            form.refuse_setting(bad)
        except Refusal as no:
            refusal = no
        else:
            flash(_("Kept as a draft. Nobody is asked before you send it."), "info")
            return redirect(url_for("office.level_drafts.show", number=number_), 303)
    return design_page(form, before, refusal=refusal)


@bp.get("/<int:number>")
def show(number: int):
    """Show a draft beside the version it goes on from."""
    return draft_page(number)


@acts.post("/<int:number>/request")
def send(number: int):
    """Ask another administrator to approve a draft. Pressed twice, it is asked once."""
    try:
        done_or_gone(programme.send, number, by=person().actor, at=now())
    except Refusal as refusal:
        return draft_page(number, refusal=refusal)
    flash(_("Sent. Another administrator decides; nothing changes before."))
    return redirect(url_for("office.level_drafts.show", number=number), 303)


@acts.post("/<int:number>/removal")
def discard(number: int):
    """Put a draft away that nobody was asked about."""
    try:
        done_or_gone(programme.discard, number, by=person().actor, at=now())
    except Refusal as refusal:
        return draft_page(number, refusal=refusal)
    flash(_("Discarded. The programme stays as it is."))
    return redirect(url_for("office.levels.index"), 303)


bp.register_blueprint(acts)


def beginning(start: str, newest: int) -> tuple[programme.Programme, dict[str, Any], dict[str, Any]]:
    """Return what a design goes on from: the newest version, the settings it begins with, and the levels by key."""
    before = programme.version(newest)
    settings = programme.settings_of(before)
    known = {level["key"]: level for level in settings["levels"]}
    if start in programme.LEVEL_SETS:
        levels = programme.LEVEL_SETS[start]
        settings = settings | {"levels": [dict(level) for level in levels]}
    elif number_ := whole(start):
        try:
            other = programme.version(number_)
        except NotFound:
            abort(404)
        theirs = programme.settings_of(other)
        # Of a draft of an older version only what is designed here: the rest would undo what came since, unseen.
        designed = ("levels", *RATES, *TIMES, *SWITCHES)
        row = next(row for row in programme.versions() if row.id == number_)
        settings = theirs if row.based_on == newest else settings | {name: theirs[name] for name in designed}
    return before, settings, known | {level["key"]: level for level in settings["levels"]}


def change_rows(form: DesignForm, act: str) -> None:
    """Add a level like the top one, or take one out, of a form that is shown again."""
    rows = form.levels.entries
    if act == "add":
        if len(rows) >= MOST_LEVELS:
            form.form_errors.append(_("A programme has at most %(most)s levels.", most=MOST_LEVELS))
            return
        like = {name: rows[-1].form[name].data for name in (*FIGURES, PRIORITY)} if rows else {}
        form.levels.append_entry(like | {"key": "", "reach": None, "keep": None})
        form.offer_coupons()
        return
    place = whole(act.removeprefix("remove-"))
    if place is not None and len(rows) > 1:
        form.levels.entries = [row for row in rows if row.name != f"levels-{place}"]


def design_page(
    form: DesignForm, before: programme.Programme, *, refusal: Refusal | None = None, changed: bool = False
):
    """Render the designer."""
    return form_page(
        "office/levels/design.html",
        refused=request.method == "POST" and not changed,
        refusal=refusal,
        form=form,
        before=before,
        rates=[form[name] for name in RATES],
        times=[form[name] for name in TIMES],
        figures=tuple(FIGURES),
        most=MOST_LEVELS,
        is_money=is_money,
    )


def draft_page(number_: int, *, refusal: Refusal | None = None):
    """Render a draft."""
    at = now()
    with reading():
        row = next((row for row in programme.versions() if row.id == number_ and row.based_on), None)
        if row is None:
            abort(404)
        before, after = programme.version(row.based_on), programme.version(number_)
        newest = programme.newest()
        requests = approvals.requests_about("programme", f"programme:{number_}")
        titles = coupons.titles_of(programme.coupons_of(before) | programme.coupons_of(after))
    state = "draft" if not requests else requests[0].decision or "waiting"
    keys = {level.key for level in after.levels}
    return form_page(
        "office/levels/draft.html",
        refusal=refusal,
        row=row,
        state=state,
        outdated=state in ("draft", "waiting") and newest != row.based_on,
        newest=newest,
        levels=[(level, *named(level, before)) for level in after.levels],
        moved=new_order(before, after),
        figures=figure_rows(after, before, {id_: local(title) for id_, title in titles.items()}),
        gone=[level for level in before.levels if level.key not in keys],
        changes=[change for change in difference(before, after) if change[0] != _("Levels")],
        mine=row.drafted_by == person().actor,
        actor_words=actor_words,
        of=len(after.levels),
        at=at,
    )


def named(level: programme.Level, before: programme.Programme) -> tuple[bool, str]:
    """Return whether a level is new, and what it was called if it was called otherwise."""
    was = level_before(level, before)
    return was is None, local(was.name) if was and was.name != level.name else ""


def new_order(before: programme.Programme, after: programme.Programme) -> tuple[str, str] | None:
    """Return the order of the levels that stay, as it was and as it is to be, where it changes; None where not."""
    kept = {level.key for level in before.levels} & {level.key for level in after.levels}
    was = [level for level in before.levels if level.key in kept]
    becomes = [level for level in after.levels if level.key in kept]
    if [level.key for level in was] == [level.key for level in becomes]:
        return None
    return " → ".join(local(level.name) for level in was), " → ".join(local(level.name) for level in becomes)


def figure_rows(
    after: programme.Programme, before: programme.Programme, titles: dict[int, str]
) -> list[tuple[str, list[Cell]]]:
    """Return the figures of all levels beside what they were: [(what, a cell a level)]; without those none has.

    `titles` are those of the coupons they give.
    """
    rows = []
    for name, words in (*FIGURES.items(), (PRIORITY, _("Questions are answered first"))):
        cells = []
        for level in after.levels:
            was, here = level_before(level, before), figure_words(name, getattr(level, name), titles)
            old = figure_words(name, getattr(was, name), titles) if was else here
            cells.append(Cell(here, old if old != here else ""))
        if any(cell.was or cell.words != _("none") for cell in cells):
            rows.append((str(words), cells))
    return rows


def level_before(level: programme.Level, before: programme.Programme) -> programme.Level | None:
    """Return the level of a version that has the same key, or None."""
    return next((each for each in before.levels if each.key == level.key), None)


def figure_words(name: str, value: int | None, titles: dict[int, str]) -> str:
    """Write a figure of a level."""
    if value is None:
        return _("no limit") if name == "redemptions_per_month" else _("none")
    if name == PRIORITY:
        return _("On") if value else _("Off")
    if name in COUPONS:
        return titles.get(value, number(value))
    return money_words(value) if is_money(name) else number(value)


def is_money(name: str | Field) -> bool:
    """Tell whether a setting is an amount of money."""
    return (name if isinstance(name, str) else name.short_name).endswith("_cents")
