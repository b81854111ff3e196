"""Shelving: what is said after items were listed or delisted, with a way to undo it, shown once."""

from collections.abc import Sequence
from typing import Any

from flask import flash, session
from flask_babel import gettext as _
from flask_babel import ngettext

UNDO_KEY = "catalogue_undo"


def say_listed(changed: int, off_shelf: Sequence[int]) -> None:
    """Say how many items were listed, and offer to take those off again that were not listed before."""
    if not changed:
        flash(_("Listed already. Nothing was changed."), "info")
        return
    session[UNDO_KEY] = {
        "words": ngettext("%(num)s item listed", "%(num)s items listed", changed),
        "note": ngettext(
            "Members who may see it find it in the shop now.",
            "Members who may see them find them in the shop now.",
            changed,
        ),
        "endpoint": "office.catalogue.take_off_shelf",
        "ids": list(off_shelf),
    }


def say_delisted(changed: int, on_shelf: Sequence[int]) -> None:
    """Say how many items were delisted, and offer to list those again that were listed before."""
    if not changed:
        flash(_("Not listed before either. Nothing was changed."), "info")
        return
    session[UNDO_KEY] = {
        "words": ngettext("%(num)s item delisted", "%(num)s items delisted", changed),
        "note": ngettext(
            "It no longer shows in the shop. Orders already placed are not affected.",
            "They no longer show in the shop. Orders already placed are not affected.",
            changed,
        ),
        "endpoint": "office.catalogue.put_on_shelf",
        "ids": list(on_shelf),
    }


def take_undo() -> dict[str, Any] | None:
    """Return what to say and undo, once."""
    undo: dict[str, Any] | None = session.pop(UNDO_KEY, None)
    return undo
