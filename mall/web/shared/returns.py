"""Returns, as both faces show them: what their states and reasons are called, and the pictures that came along."""

from pathlib import Path

from flask import Response, current_app, send_from_directory
from flask_babel import gettext as _

from mall.base.errors import NotFound
from mall.base.text import N_
from mall.domain import aftersales, catalogue


def state_words(state: str, *, wish: str = aftersales.FOR_REFUND) -> tuple[str, str, str]:
    """Return what a state of a return is called, for its badge: (words, kind, icon)."""
    if (wish, state) == (aftersales.FOR_EXCHANGE, aftersales.ASKED):
        return _("Exchange, being looked at"), "warn", "clock"
    if (wish, state) == (aftersales.FOR_EXCHANGE, aftersales.APPROVED):
        return _("Exchange, goods to be sent back"), "info", "truck"
    return {
        aftersales.ASKED: (_("Being looked at"), "warn", "clock"),
        aftersales.APPROVED: (_("Goods to be sent back"), "info", "truck"),
        aftersales.ADVANCED: (_("Refunded, goods to be sent back"), "info", "truck"),
        aftersales.WAIVED: (_("Refunded without the goods"), "ok", "check"),
        aftersales.REFUNDED: (_("Refunded"), "ok", "check"),
        aftersales.DECLINED: (_("Declined"), "bad", "x"),
        aftersales.LAPSED: (_("Ended, the goods did not come"), "", "clock"),
        aftersales.WITHDRAWN: (_("Withdrawn"), "", "undo"),
        aftersales.RECEIVED: (_("Goods are in, replacement being packed"), "info", "box"),
        aftersales.SPARED: (_("Replacement being packed"), "info", "box"),
        aftersales.EXCHANGED: (_("Exchanged"), "ok", "check"),
        aftersales.REPLACED: (_("Replaced without the goods"), "ok", "check"),
        aftersales.CLOSED: (_("Ended, it was refunded"), "", "undo"),
    }[state]


def pictures_folder() -> Path:
    """Return where pictures of returns are kept: apart from the shop's own, which everybody may see."""
    return Path(current_app.config["UPLOADS_DIR"]) / "returns"


def picture_of(page: aftersales.ReturnPage, position: int) -> Response:
    """Send a picture of a return to whom its page is for. Raises NotFound."""
    picture = next((each for each in page.pictures if each.position == position), None)
    if picture is None:
        raise NotFound(N_("There is no such picture."))
    name = catalogue.file_name(picture.file, max(catalogue.SIZES))
    answer = send_from_directory(pictures_folder(), name, mimetype="image/webp")
    answer.cache_control.no_store = True
    return answer
