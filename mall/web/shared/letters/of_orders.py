"""Letters about an order: what becomes of it until it is there, or is let go."""

from flask_babel import gettext as _
from flask_babel import ngettext

from mall.web.shared.texts import money_words, number

from .parts import Letter, Values, button, figure, points_words


def order_placed(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s is placed", number=values["number"]),
        [_("Thank you. We have set aside your items and points until the order is paid.")],
        figures=_paid(values),
        button=button(_("See the order"), values),
    )


def order_paid(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s is paid", number=values["number"]),
        _what_comes(values),
        figures=_paid(values) + figure(_("You will earn"), values.get("earned_points"), points_words),
        button=button(_("See the order"), values),
    )


def order_shipped(values: Values) -> Letter:
    left = values.get("left") or 0
    rest = ngettext("%(num)s more piece follows by itself.", "%(num)s more pieces follow by themselves.", left)
    return Letter(
        _("A part of order %(number)s is on its way", number=values["number"])
        if left
        else _("Order %(number)s is on its way", number=values["number"]),
        [
            _("A parcel has left the house. The order's page says what is in it."),
            rest if left else _("Tell us on the order's page when it has arrived."),
        ],
        figures=figure(_("Carrier"), values.get("carrier"))
        + figure(_("Tracking number"), values.get("tracking"))
        + figure(_("Pieces"), values.get("pieces"), number),
        button=button(_("See the order"), values),
    )


def order_ready(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s is ready to be collected", number=values["number"]),
        [_("Come when it suits you and bring the number of the order, %(number)s.", number=values["number"])],
        button=button(_("See the order"), values),
    )


def order_collected(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s was collected", number=values["number"]),
        [_("It was handed over at the counter. If that was not you, answer this mail.")],
        button=button(_("See the order"), values),
    )


def order_cancelled(values: Values) -> Letter:
    back, gone, points = values.get("back_cents"), values.get("gone_cents"), values.get("points") or 0
    came = bool(back or gone)
    said = [_("Your order was cancelled.") if came else _("Your order was cancelled before it was paid.")]
    if back:
        said.append(_("%(money)s goes back the way it came; your bank may take a few days.", money=money_words(back)))
    if gone:
        said.append(_("%(money)s has gone back to you already.", money=money_words(gone)))
    if not came:
        said.append(_("Nothing was charged."))
    return Letter(
        _("Order %(number)s is cancelled", number=values["number"]),
        said + _points_back(points),
        button=button(_("See the order"), values),
    )


def order_timed_out(values: Values) -> Letter:
    back, points = values.get("back_cents"), values.get("points") or 0
    said = [_("No payment came in time, so the order was let go. What you had chosen is in your basket again.")]
    if back:
        said.append(_("%(money)s came too late and goes back the way it came.", money=money_words(back)))
    else:
        said.append(_("Nothing was charged."))
    return Letter(
        _("Order %(number)s was not paid in time", number=values["number"]),
        said + _points_back(points),
        button=button(_("See the order"), values),
    )


def refund_done(values: Values) -> Letter:
    back, gone, points = values.get("back_cents"), values.get("gone_cents"), values.get("points")
    said = []
    if back:
        said.append(_("Cash goes back the way it came; your bank may take a few days."))
    if gone:
        said.append(_("%(money)s has gone back to you already.", money=money_words(gone)))
    if points:
        said.append(_("Points go back with the last day they had."))
    return Letter(
        _("Your refund for order %(number)s", number=values["number"]),
        said or [_("There was nothing to give back for what you returned.")],
        figures=figure(_("Cash back"), back, money_words) + figure(_("Points back"), points, points_words),
        button=button(_("See the order"), values),
    )


def _paid(values: Values) -> list[tuple[str, str]]:
    return figure(_("Points"), values.get("points"), points_words) + figure(
        _("Cash"), values.get("total_cents"), money_words
    )


def _what_comes(values: Values) -> list[str]:
    """Return what a paid order has brought at once, and what is still to come."""
    said = [_("Thank you. Your order is paid.")]
    if values.get("codes"):
        said.append(_("Your codes are ready: the order's page shows them, to you only."))
    if values.get("coupons"):
        said.append(_("Your coupons are ready: you find them under My coupons."))
    if not values.get("digital"):
        said.append(_("We are getting it ready and write again when it is on its way."))
    return said


def _points_back(points: int) -> list[str]:
    """Return what is said of points that are back, if any are."""
    if not points:
        return []
    return [
        ngettext(
            "%(num)s point is back and ready to use.",
            "%(points)s points are back and ready to use.",
            points,
            points=number(points),
        )
    ]


LETTERS = (
    order_placed,
    order_paid,
    order_shipped,
    order_ready,
    order_collected,
    order_cancelled,
    order_timed_out,
    refund_done,
)
