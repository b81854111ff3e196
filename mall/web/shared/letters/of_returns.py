"""Letters about goods that go back, for their price or for others of their kind."""

from flask_babel import gettext as _

from mall.web.shared.texts import day_words

from .parts import Letter, Values, button, desk_words, figure


def return_asked(values: Values) -> Letter:
    return Letter(
        _("You asked to return something of order %(number)s", number=values["number"]),
        [_("We look at it and write again. Until then please keep the goods; the points of the order wait as well.")],
        button=button(_("See the order"), values),
    )


def return_advanced(values: Values) -> Letter:
    return Letter(
        _("Your return of order %(number)s is refunded at once", number=values["number"]),
        [
            _(
                "Your level is refunded before the goods are back."
                " Please send them soon, with the order's number inside."
            )
        ],
        button=button(_("See the order"), values),
    )


def return_approved(values: Values) -> Letter:
    return Letter(
        _("Please send us your return of order %(number)s", number=values["number"]),
        [
            _("Your return is approved. Put the order's number inside the parcel."),
            _("We refund it when the goods have arrived."),
            *desk_words(values),
        ],
        button=button(_("See the order"), values),
    )


def return_declined(values: Values) -> Letter:
    return Letter(
        _("Your return of order %(number)s was declined", number=values["number"]),
        [_("We looked at your return and cannot take it."), *desk_words(values)],
        button=button(_("See the order"), values),
    )


def return_withdrawn(values: Values) -> Letter:
    return Letter(
        _("Your return of order %(number)s is withdrawn", number=values["number"]),
        [_("You keep the goods, and nothing is refunded.")],
        button=button(_("See the order"), values),
    )


def return_lapsing(values: Values) -> Letter:
    day = day_words(values["lapses_at"])
    return Letter(
        _("The return of order %(number)s ends on %(day)s", number=values["number"], day=day),
        [
            _("We have not received the goods yet. Send them soon, with the order's number inside the parcel."),
            _("If nothing has come by then, the return ends by itself and nothing is refunded."),
        ],
        button=button(_("See the order"), values),
    )


def return_lapsed(values: Values) -> Letter:
    return Letter(
        _("The return of order %(number)s has ended", number=values["number"]),
        [_("The goods did not come, so nothing is refunded. If you have sent them, answer this mail.")],
        button=button(_("See the order"), values),
    )


def return_received(values: Values) -> Letter:
    return Letter(
        _("The goods you returned from order %(number)s have arrived", number=values["number"]),
        [_("Thank you. They were refunded already, so there is nothing more to do.")],
        button=button(_("See the order"), values),
    )


def return_offered(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s: we offer the money back", number=values["number"]),
        [
            _("We have no other one to send you, so we offer you what you paid for it instead, points and cash."),
            _("If you agree, send the goods with the order's number inside. If not, withdraw it and keep them."),
            *desk_words(values),
        ],
        button=button(_("See the order"), values),
    )


def exchange_asked(values: Values) -> Letter:
    return Letter(
        _("You asked to exchange something of order %(number)s", number=values["number"]),
        [_("We look at it and write again. Until then please keep the goods.")],
        button=button(_("See the order"), values),
    )


def exchange_approved(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s is approved", number=values["number"]),
        [
            _("The new item is set aside for you. Send us the goods, with the order's number inside the parcel."),
            _("We send the new one when they have arrived, or hand it over at the counter if you collect your order."),
            _("Nothing is charged, and your points stay as they are."),
            *desk_words(values),
        ],
        button=button(_("See the order"), values),
    )


def exchange_spared(values: Values) -> Letter:
    return Letter(
        _("The new item for order %(number)s is being packed", number=values["number"]),
        [
            _("You do not need to send anything back."),
            _("We write again when it is sent. If you collect your order, it is handed over at the counter."),
            *desk_words(values),
        ],
        button=button(_("See the order"), values),
    )


def exchange_received(values: Values) -> Letter:
    return Letter(
        _("The goods you exchange of order %(number)s have arrived", number=values["number"]),
        [_("Thank you. The order's page shows where the new ones are.")],
        button=button(_("See the order"), values),
    )


def exchange_sent(values: Values) -> Letter:
    tracking = values.get("tracking")
    return Letter(
        _("The replacement for order %(number)s is on its way", number=values["number"])
        if tracking
        else _("The replacement for order %(number)s was handed over", number=values["number"]),
        [_("The new item has left the house. Your order stays as it was agreed: nothing is charged.")],
        figures=figure(_("Carrier"), values.get("carrier")) + figure(_("Tracking number"), tracking),
        button=button(_("See the order"), values),
    )


def exchange_declined(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s was declined", number=values["number"]),
        [_("We looked at it and cannot exchange the goods."), *desk_words(values)],
        button=button(_("See the order"), values),
    )


def exchange_withdrawn(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s is withdrawn", number=values["number"]),
        [_("You keep the goods, and no new ones are sent.")],
        button=button(_("See the order"), values),
    )


def exchange_lapsing(values: Values) -> Letter:
    day = day_words(values["lapses_at"])
    return Letter(
        _("The exchange for order %(number)s ends on %(day)s", number=values["number"], day=day),
        [
            _("We have not received the goods yet. Send them soon, with the order's number inside the parcel."),
            _("If nothing has come by then, the exchange ends by itself and no new ones are sent."),
        ],
        button=button(_("See the order"), values),
    )


def exchange_lapsed(values: Values) -> Letter:
    return Letter(
        _("The exchange for order %(number)s has ended", number=values["number"]),
        [_("The goods did not come, so no new ones are sent. If you have sent them, answer this mail.")],
        button=button(_("See the order"), values),
    )


LETTERS = (
    return_asked,
    return_advanced,
    return_approved,
    return_declined,
    return_withdrawn,
    return_lapsing,
    return_lapsed,
    return_received,
    return_offered,
    exchange_asked,
    exchange_approved,
    exchange_spared,
    exchange_received,
    exchange_sent,
    exchange_declined,
    exchange_withdrawn,
    exchange_lapsing,
    exchange_lapsed,
)
