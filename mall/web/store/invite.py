"""Inviting friends: the member's link, who came by it, and where the link leads."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.seals import mark
from mall.domain import earning, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.layout import public_link
from mall.web.shared.signing_in import knows_browser, me, members_only, network
from mall.web.shared.task_words import caps_words, task_note

bp = Blueprint("invite", __name__, url_prefix="/invite")

# What a browser keeps of the link it came by.
INVITED_BY = "invited_by"
# What marks of networks are made for.
NETWORKS = "mall invitations networks v1"
STAGES = ("friend_joined", "friend_bought")


@bp.before_request
def locked() -> Response | None:
    """Let anyone in by a link; all else is the member's."""
    return None if request.endpoint == "store.invite.arrive" else members_only()


@bp.get("")
def show() -> str:
    """Show the member's link, what it brings, and who has joined by it."""
    terms = layout.terms()
    today = terms.today(now())
    with reading():
        code = earning.code_of(me())
        friends = earning.friends_of(me())
    tasks = [task for key in STAGES if (task := terms.task(key)) is not None and task.runs_on(today)]
    return render_template(
        "store/invite/show.html",
        my_link=public_link("store.invite.arrive", code=code) if code else None,
        friends=friends,
        pays={task.key: {"task": task, "how": task_note(task, terms), "caps": caps_words(task)} for task in tasks},
    )


@bp.post("")
def make_link() -> Response:
    """Make the member's link. Pressed again, it is the same."""
    done_once(earning.make_code, me(), at=now())
    return redirect(url_for("store.invite.show"), 303)


@bp.get("/<code>")
def arrive(code: str) -> Response:
    """Lead who comes by a link to where one joins, and remember whose link it was."""
    if layout.visitor() is not None:
        flash(_("You are a member already. Invitations are for friends who are not."), "info")
        return redirect(url_for("store.home.show"))
    with reading():
        inviter = earning.inviter_of(code)
    if inviter is None:
        flash(_("This invitation is not known any more. You can join all the same."), "info")
    else:
        session[INVITED_BY] = code.lower()
    return redirect(url_for("store.account.register"))


def inviter_here() -> earning.Inviter | None:
    """Return by whose link this browser came, None where by nobody's."""
    code = session.get(INVITED_BY)
    if not code:
        return None
    with reading():
        return earning.inviter_of(code)


def invited_here() -> earning.Invited | None:
    """Return by which code who registers here has come, and what is seen of their browser."""
    inviter = inviter_here()
    if inviter is None:
        return None
    return earning.Invited(
        code=session[INVITED_BY],
        network=mark(network(), purpose=NETWORKS),
        same_browser=knows_browser("member", people.read_email(inviter.email)),
    )
