"""Notices: what the shop has told a member, in the shop's own words; and which of it they want by mail as well."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from msgspec import Struct

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import notices, people
from mall.web.shared.addresses import link
from mall.web.shared.done import done_once
from mall.web.shared.forms import LARGEST_ID
from mall.web.shared.letters import LETTERS, Letter, page_of
from mall.web.shared.numbers import asked, whole
from mall.web.shared.signing_in import me, members_only

bp = Blueprint("notices", __name__, url_prefix="/notices")
bp.before_request(members_only)

PER_PAGE = 20


class Shown(Struct, frozen=True):
    """A notice as a page shows it: its row, and the letter it is."""

    row: Any
    letter: Letter

    @property
    def is_new(self) -> bool:
        """Tell whether it has not been read."""
        return self.row.read_at is None


@bp.get("")
def index():
    """List the notices, newest first, those not read yet marked."""
    cursor = asked("before")
    with reading():
        rows = notices.shown_to(me(), limit=PER_PAGE + 1, before=cursor)
    return render_template(
        "store/notices/index.html",
        shown=[Shown(row, letter_of(row)) for row in rows[:PER_PAGE]],
        older=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
        newer=cursor is not None,
    )


@bp.get("/<int:notice_id>")
def show(notice_id: int):
    """Show one notice; from now on it counts as read."""
    with reading():
        row = notices.notice_of(me(), min(notice_id, LARGEST_ID))
    if row.read_at is None:
        done_once(notices.mark_read, me(), row.id, at=now())
    return render_template("store/notices/show.html", notice=Shown(row, letter_of(row)))


@bp.post("/read")
def read():
    """Count all as read that the page had shown when the button was pressed, and what is older."""
    last = whole(request.form.get("last", "")) or 0
    done_once(notices.mark_all_read, me(), last=min(max(last, 0), LARGEST_ID), at=now())
    flash(_("All notices are read."))
    return redirect(url_for(".index"))


@bp.get("/mails")
def mails():
    """Show about what a member is mailed, to be chosen."""
    with reading():
        refused = notices.refused_topics(me())
        member = people.member_of(me())
    return render_template(
        "store/notices/mails.html",
        topics=[(topic, title, hint, topic not in refused) for topic, title, hint in topics()],
        news=member.marketing_consent_at is not None,
        email=member.email,
    )


@bp.post("/mails")
def choose_mails():
    """Keep about what a member wants to be mailed; what nobody may do without is not asked."""
    done_once(notices.choose_topics, me(), request.form.getlist("topic"), at=now())
    flash(_("Saved. In the shop you find all notices as before."))
    return redirect(url_for(".mails"))


def topics() -> list[tuple[str, str, str]]:
    """Return what one may be mailed about or not, as (topic, words, what it is)."""
    words = {
        "points": (_("My points"), _("Points that are ready, and points that expire in 30 and in 7 days.")),
        "levels": (_("My level"), _("A level reached, coming up for review, or lost.")),
        "coupons": (
            _("Coupons and campaigns"),
            _("Coupons given to me, coupons that end soon, and campaigns my level hears of first."),
        ),
        "stock": (_("Back in stock"), _("Items I asked to be told about.")),
    }
    return [(topic, *words[topic]) for topic in notices.CHOICES]


def letter_of(row: Any) -> Letter:
    """Return the letter of a notice, its button leading to the page it is about."""
    page = page_of(row.kind, row.details)
    return LETTERS[row.kind](row.details | {"link": link(page[0], **page[1]) if page else None})
