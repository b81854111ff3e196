"""Looked at lately: kept in the browser for visitors, and for members in the shop too, so that every device knows."""

from datetime import UTC, datetime

from flask import session
from flask_login import current_user

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import catalogue, interest, programme
from mall.web.shared.done import done_once

# What a browser keeps: [[item, minute], ...], newest first.
SEEN = "seen"


def note(product_id: int) -> None:
    """Note that whoever is here looks at an item: once in five minutes, in a transaction of its own for members."""
    at = now()
    seen = in_browser()
    before = seen.pop(product_id, None)
    if before is not None and at - before < interest.SEEN_AGAIN_AFTER:
        return
    newest = [(product_id, at), *seen.items()][: interest.ON_A_SHELF + 1]
    session[SEEN] = [[id_, int(when.timestamp()) // 60] for id_, when in newest]
    if current_user.is_authenticated and current_user.kind == "member":
        done_once(interest.note_view, current_user.id, product_id, at=at)


def in_browser() -> dict[int, datetime]:
    """Return what this browser looked at, newest first: {item: when}."""
    kept = session.get(SEEN, [])
    return {int(id_): datetime.fromtimestamp(minute * 60, UTC) for id_, minute in kept}


def bring(member_id: int) -> None:
    """Bring what this browser looked at before its member signed in among what the shop knows of them."""
    if seen := in_browser():
        done_once(interest.bring_views, member_id, seen, at=now())


def cards(
    viewer: catalogue.Viewer, *, terms: programme.Programme, at: datetime, everywhere: bool, but: int | None = None
) -> list[catalogue.Card]:
    """Return cards of what was looked at lately, newest first, as far as it can still be seen. In one statement.

    `everywhere` asks what a member looked at on any device: one statement more. `but` leaves one item out.
    """
    with reading():
        known = viewer.member_id is not None and everywhere
        seen = list(interest.seen_lately(viewer.member_id) if known and viewer.member_id else in_browser())
        ids = tuple(id_ for id_ in seen if id_ != but)[: interest.ON_A_SHELF]
        if not ids:
            return []
        found = catalogue.shelf(viewer, catalogue.Wishes(ids=ids), terms=terms, at=at, limit=len(ids))
    return sorted(found, key=lambda card: ids.index(card.id))
