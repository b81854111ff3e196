"""Sharing items: a member's links and who came by them, and where a link leads."""

import re
import secrets

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from mall.base.clock import now
from mall.base.db import reading
from mall.base.seals import mark
from mall.domain import catalogue, earning, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.layout import public_link
from mall.web.shared.signing_in import browser, knows_browser, me, members_only, network
from mall.web.shared.task_words import caps_words
from mall.web.shared.texts import local

bp = Blueprint("shares", __name__, url_prefix="/shares")

# What a browser that came by a link is told apart by, and what its marks are made for.
VISITOR = "visitor"
MARKS = "mall shares visitors v1"
# Programs that look at links, to preview or to index them, and tools without a reader.
NO_READER = re.compile(
    r"bot|crawl|spider|slurp|preview|fetch|scan|monitor|facebookexternalhit|whatsapp|telegram|curl|wget|python|^$",
    re.I,
)


@bp.before_request
def locked() -> Response | None:
    """Let anyone in by a link; all else is the member's."""
    return None if request.endpoint == "store.shares.arrive" else members_only()


@bp.get("")
def index() -> str:
    """Show the member's links, and how many came by each."""
    terms = layout.terms()
    today = terms.today(now())
    with reading():
        rows = earning.shares_of(me(), today=today)
    task = terms.task("share")
    return render_template(
        "store/shares/index.html",
        rows=[
            {
                "title": local(row.title),
                "slug": row.slug,
                "link": public_link("store.shares.arrive", code=row.code),
                "visitors": row.visitors,
                "visitors_today": row.visitors_today,
            }
            for row in rows
        ],
        task=task if task and task.runs_on(today) else None,
        caps=caps_words(task) if task else "",
    )


@bp.post("")
def create() -> Response:
    """Make the member's link to an item they can see. Pressed again, it is the same."""
    with reading():
        item = catalogue.item(request.form.get("item", ""), layout.viewer(), terms=layout.terms(), at=now())
    done_once(earning.share, me(), item.product.id, at=now())
    flash(_("This is your link. Send it to whom you like."))
    return redirect(url_for("store.shares.index"), 303)


@bp.get("/<code>")
def arrive(code: str) -> Response:
    """Lead who comes by a link to the item. They are counted there, once their browser has come back with its mark."""
    with reading():
        shared = earning.shared_by(code)
    if shared is None:
        flash(_("This link is not known any more."), "info")
        return redirect(url_for("store.shop.index"))
    session.setdefault(VISITOR, secrets.token_urlsafe(16))
    return redirect(url_for("store.item.show", slug=shared.slug, via=code.lower()))


def note_visit(slug: str) -> None:
    """Count who came to an item by a link, in a transaction of its own: not its member, and no program."""
    code, visitor = request.args.get("via", ""), session.get(VISITOR)
    if not code or not visitor or NO_READER.search(browser()) or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return
    with reading():
        shared = earning.shared_by(code)
    if shared is None or shared.slug != slug or is_own(shared):
        return
    done_once(
        earning.note_share_visit,
        shared,
        visitor=mark(visitor, purpose=MARKS),
        network=mark(network(), purpose=MARKS),
        terms=layout.terms(),
        at=now(),
    )


def is_own(shared: earning.Shared) -> bool:
    """Tell whether this browser is that of the link's member."""
    signed_in = current_user.is_authenticated and current_user.kind == "member" and current_user.id
    return signed_in == shared.member_id or knows_browser("member", people.read_email(shared.email))
