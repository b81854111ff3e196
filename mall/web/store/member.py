"""The member centre: the level, what keeps it, the daily check-in, and the ways to earn."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.seals import mark
from mall.domain import earning, ledger, membership, people
from mall.web.shared import layout
from mall.web.shared.benefits import benefits_of
from mall.web.shared.done import done_once
from mall.web.shared.signing_in import me, members_only, network
from mall.web.shared.task_words import given_words
from mall.web.shared.texts import local

from .stamps import shown as stamp_card_shown
from .task_rows import Reader, tasks_of
from .tasks import month_shown, seven_days, weekday_names

bp = Blueprint("member", __name__, url_prefix="/member")
bp.before_request(members_only)

# What marks of networks are made for.
NETWORKS = "mall check-ins networks v1"
ENTRIES = 10
# So many ways to earn stand in the member centre; the task centre has them all.
SHOWN_TASKS = 7


@bp.get("")
def show() -> str:
    """Show the level card, the ladder, the benefits of every level, and where the growth came from."""
    terms, at = layout.terms(), now()
    with reading():
        standing = membership.standing(me(), terms=terms, at=at)
        balances = ledger.balances(me(), at=at)
        cards, announced = earning.cards_and_notice(me(), rank=standing.rank, today=terms.today(at), at=at)
        growth = membership.growth_entries(me(), limit=ENTRIES)
        today = terms.today(at)
        streak = earning.streak_of(me(), since=today.replace(day=1), today=today)
        reader = Reader(terms, today, standing.rank, earning.done_by(me(), today=today), people.known_of(me()))
    return render_template(
        "store/member/show.html",
        standing=standing,
        level_name=local(standing.level.name),
        grown_name=local(standing.grown.name),
        next_name=local(standing.next_level.name) if standing.next_level else "",
        ladder_levels=[{"rank": level.rank, "name": local(level.name)} for level in terms.levels],
        benefits=benefits_of(terms),
        balances=balances,
        growth=growth,
        announced=announced if terms.dormancy_active else None,
        cards=[stamp_card_shown(each) for each in cards if each.goes_on or (each.runs and each.filled)],
        terms=terms,
        checks_in=any(task.runs_on(today) for task in terms.tasks if task.key == "check_in"),
        streak=streak,
        days=seven_days(streak, reader),
        month_days=month_shown(streak, today=today),
        weekdays=weekday_names(),
        today=today,
        tasks=tasks_of(reader)[:SHOWN_TASKS],
    )


@bp.post("/check-in")
def check_in() -> Response:
    """Note that the member is here today. Pressed twice, it is one check-in."""
    done = done_once(earning.check_in, me(), network=mark(network(), purpose=NETWORKS), terms=layout.terms(), at=now())
    row = ngettext("%(num)s day in a row", "%(num)s days in a row", done.streak)
    if done.again:
        flash(_("You have checked in today: %(row)s. Come back tomorrow.", row=row), "info")
    else:
        flash(_("Checked in: %(row)s. %(given)s", row=row, given=given_words(done.rewards)).strip())
    return redirect(url_for("store.member.show", _anchor="check-in"), 303)
