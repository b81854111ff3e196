"""Letters: what each kind of notice says, by mail and in the shop. One function a kind; the templates only set it.

A letter is plain words, never markup: whatever a person typed is escaped when the letter is set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from .texts import day_words, local, money_words, number

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Letter:
    """A notice's words: its subject, what stands above and below the button, and figures in rows of (label, value)."""

    subject: str
    paragraphs: list[str]
    figures: list[tuple[str, str]] = field(default_factory=list)
    button: tuple[str, str] | None = None
    after: list[str] = field(default_factory=list)


def verify_email(values: Values) -> Letter:
    return Letter(
        _("Confirm your e-mail address"),
        [_("Welcome! Confirm that this address is yours, and you can spend the points you earn.")],
        button=(_("Confirm my address"), values["link"]),
        after=[_("The link works for 3 days. If you did not register, do nothing: without it nobody gets further.")],
    )


def reset_password(values: Values) -> Letter:
    return Letter(
        _("Choose a new password"),
        [_("Somebody, we hope it was you, asked for a new password.")],
        button=(_("Choose a new password"), values["link"]),
        after=[_("The link works once and for 30 minutes. If it was not you, do nothing: your password stays.")],
    )


def password_changed(values: Values) -> Letter:
    return Letter(
        _("Your password was changed"),
        [
            _("Your password was changed just now, and you were signed out everywhere else."),
            _("If it was not you, ask for a new password at once: on the sign-in page, “Forgot your password?”."),
        ],
    )


def confirm_email(values: Values) -> Letter:
    return Letter(
        _("Confirm your new e-mail address"),
        [_("You asked us to write to this address from now on.")],
        button=(_("Confirm my new address"), values["link"]),
        after=[_("The link works for one day. Until then we write to your old address.")],
    )


def email_changing(values: Values) -> Letter:
    return Letter(
        _("Your e-mail address is about to change"),
        [
            _("Your account is to use %(email)s from now on, once that address is confirmed.", email=values["email"]),
            _("If it was not you, change your password at once and write to us."),
        ],
    )


def email_known(values: Values) -> Letter:
    return Letter(
        _("You have an account already"),
        [
            _("Somebody, perhaps you, tried to register with this address. It has an account already."),
            _("Sign in with it; if you forgot the password, ask for a new one on the sign-in page."),
            _("If it was not you, there is nothing to do: nobody learned that you have an account."),
        ],
    )


def sign_in_slowed(values: Values) -> Letter:
    return Letter(
        _("Many failed sign-ins to your account"),
        [
            _("Somebody tried to sign in to your account many times with a wrong password. We slow them down."),
            _("If it was you, wait a few minutes. If not, a long password of your own keeps them out."),
        ],
    )


def order_placed(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s is placed", number=values["number"]),
        [_("Thank you. We have set aside your items and points until the order is paid.")],
        figures=_paid(values),
        button=_button(_("See the order"), values),
    )


def order_paid(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s is paid", number=values["number"]),
        _what_comes(values),
        figures=_paid(values) + _figure(_("You will earn"), values.get("earned_points"), _points),
        button=_button(_("See the order"), values),
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
        figures=_figure(_("Carrier"), values.get("carrier"))
        + _figure(_("Tracking number"), values.get("tracking"))
        + _figure(_("Pieces"), values.get("pieces"), number),
        button=_button(_("See the order"), values),
    )


def order_ready(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s is ready to be collected", number=values["number"]),
        [_("Come when it suits you and bring the number of the order, %(number)s.", number=values["number"])],
        button=_button(_("See the order"), values),
    )


def order_collected(values: Values) -> Letter:
    return Letter(
        _("Order %(number)s was collected", number=values["number"]),
        [_("It was handed over at the counter. If that was not you, answer this mail.")],
        button=_button(_("See the order"), values),
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
        button=_button(_("See the order"), values),
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
        button=_button(_("See the order"), values),
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
        figures=_figure(_("Cash back"), back, money_words) + _figure(_("Points back"), points, _points),
        button=_button(_("See the order"), values),
    )


def return_asked(values: Values) -> Letter:
    return Letter(
        _("You asked to return something of order %(number)s", number=values["number"]),
        [_("We look at it and write again. Until then please keep the goods; the points of the order wait as well.")],
        button=_button(_("See the order"), values),
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
        button=_button(_("See the order"), values),
    )


def return_approved(values: Values) -> Letter:
    return Letter(
        _("Please send us your return of order %(number)s", number=values["number"]),
        [
            _("Your return is approved. Put the order's number inside the parcel."),
            _("We refund it when the goods have arrived."),
            *_said(values),
        ],
        button=_button(_("See the order"), values),
    )


def return_declined(values: Values) -> Letter:
    return Letter(
        _("Your return of order %(number)s was declined", number=values["number"]),
        [_("We looked at your return and cannot take it."), *_said(values)],
        button=_button(_("See the order"), values),
    )


def return_withdrawn(values: Values) -> Letter:
    return Letter(
        _("Your return of order %(number)s is withdrawn", number=values["number"]),
        [_("You keep the goods, and nothing is refunded.")],
        button=_button(_("See the order"), values),
    )


def return_lapsing(values: Values) -> Letter:
    day = day_words(values["lapses_at"])
    return Letter(
        _("The return of order %(number)s ends on %(day)s", number=values["number"], day=day),
        [
            _("We have not received the goods yet. Send them soon, with the order's number inside the parcel."),
            _("If nothing has come by then, the return ends by itself and nothing is refunded."),
        ],
        button=_button(_("See the order"), values),
    )


def return_lapsed(values: Values) -> Letter:
    return Letter(
        _("The return of order %(number)s has ended", number=values["number"]),
        [_("The goods did not come, so nothing is refunded. If you have sent them, answer this mail.")],
        button=_button(_("See the order"), values),
    )


def return_received(values: Values) -> Letter:
    return Letter(
        _("The goods you returned from order %(number)s have arrived", number=values["number"]),
        [_("Thank you. They were refunded already, so there is nothing more to do.")],
        button=_button(_("See the order"), values),
    )


def return_offered(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s: we offer the money back", number=values["number"]),
        [
            _("We have no other one to send you, so we offer you what you paid for it instead, points and cash."),
            _("If you agree, send the goods with the order's number inside. If not, withdraw it and keep them."),
            *_said(values),
        ],
        button=_button(_("See the order"), values),
    )


def exchange_asked(values: Values) -> Letter:
    return Letter(
        _("You asked to exchange something of order %(number)s", number=values["number"]),
        [_("We look at it and write again. Until then please keep the goods.")],
        button=_button(_("See the order"), values),
    )


def exchange_approved(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s is approved", number=values["number"]),
        [
            _("The new item is set aside for you. Send us the goods, with the order's number inside the parcel."),
            _("We send the new one when they have arrived. Nothing is charged, and your points stay as they are."),
            *_said(values),
        ],
        button=_button(_("See the order"), values),
    )


def exchange_spared(values: Values) -> Letter:
    return Letter(
        _("The new item for order %(number)s is being packed", number=values["number"]),
        [_("You do not need to send anything back. We write again when it is on its way."), *_said(values)],
        button=_button(_("See the order"), values),
    )


def exchange_received(values: Values) -> Letter:
    return Letter(
        _("The goods you exchange of order %(number)s have arrived", number=values["number"]),
        [_("Thank you. The order's page shows where the new ones are.")],
        button=_button(_("See the order"), values),
    )


def exchange_sent(values: Values) -> Letter:
    tracking = values.get("tracking")
    return Letter(
        _("The replacement for order %(number)s is on its way", number=values["number"])
        if tracking
        else _("The replacement for order %(number)s was handed over", number=values["number"]),
        [_("The new item has left the house. Your order stays as it was agreed: nothing is charged.")],
        figures=_figure(_("Carrier"), values.get("carrier")) + _figure(_("Tracking number"), tracking),
        button=_button(_("See the order"), values),
    )


def exchange_declined(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s was declined", number=values["number"]),
        [_("We looked at it and cannot exchange the goods."), *_said(values)],
        button=_button(_("See the order"), values),
    )


def exchange_withdrawn(values: Values) -> Letter:
    return Letter(
        _("Your exchange for order %(number)s is withdrawn", number=values["number"]),
        [_("You keep the goods, and no new ones are sent.")],
        button=_button(_("See the order"), values),
    )


def exchange_lapsing(values: Values) -> Letter:
    day = day_words(values["lapses_at"])
    return Letter(
        _("The exchange for order %(number)s ends on %(day)s", number=values["number"], day=day),
        [
            _("We have not received the goods yet. Send them soon, with the order's number inside the parcel."),
            _("If nothing has come by then, the exchange ends by itself and no new ones are sent."),
        ],
        button=_button(_("See the order"), values),
    )


def exchange_lapsed(values: Values) -> Letter:
    return Letter(
        _("The exchange for order %(number)s has ended", number=values["number"]),
        [_("The goods did not come, so no new ones are sent. If you have sent them, answer this mail.")],
        button=_button(_("See the order"), values),
    )


def points_unlocked(values: Values) -> Letter:
    points = values["points"]
    return Letter(
        ngettext("%(num)s point is ready to use", "%(points)s points are ready to use", points, points=number(points)),
        [_("The return window of order %(number)s is over, so its points are yours.", number=values["number"])],
        button=_button(_("See my points"), values),
    )


def points_expiring(values: Values) -> Letter:
    points, day = values["points"], day_words(values["expires_on"])
    return Letter(
        ngettext(
            "%(num)s point expires on %(day)s",
            "%(points)s points expire on %(day)s",
            points,
            points=number(points),
            day=day,
        ),
        [
            _("You can use these points until the end of %(day)s by the shop's clock. Then they are gone.", day=day),
            _("Under My points you see what they could get you now. Orders always use the soonest to expire first."),
        ],
        button=_button(_("See what they can get"), values),
    )


def level_raised(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("You are %(level)s now", level=level),
        [
            _(
                "You have reached %(level)s. Its benefits are yours from this moment, for 12 months at least.",
                level=level,
            )
        ],
        button=_button(_("See my benefits"), values),
    )


def level_review(values: Values) -> Letter:
    level, day = local(values["level"]), day_words(values["review_on"])
    return Letter(
        _("%(missing)s growth by %(day)s to stay %(level)s", missing=number(values["missing"]), day=day, level=level),
        [
            _("Your level is looked at once a year. Yours comes up on %(day)s.", day=day),
            _(
                "With %(missing)s growth more until then you stay %(level)s; otherwise it is one level down.",
                missing=number(values["missing"]),
                level=level,
            ),
        ],
        button=_button(_("See where I stand"), values),
    )


def level_lowered(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("You are %(level)s now", level=level),
        [
            _("There was not enough growth in the last year to keep your level, so it is %(level)s now.", level=level),
            _("Your points and growth are untouched. The next level opens the moment you reach it again."),
        ],
        button=_button(_("See where I stand"), values),
    )


def coupon_received(values: Values) -> Letter:
    return Letter(
        _("A coupon for you: %(title)s", title=local(values["title"])),
        [*_words(values), _("It is among your coupons; checkout proposes the best one by itself.")],
        figures=_figure(_("Use it until"), day_words(values["ends_at"])),
        button=_button(_("See my coupons"), values),
    )


def coupon_pack_received(values: Values) -> Letter:
    return Letter(
        _("Coupons for you: %(title)s", title=local(values["title"])),
        [
            *_words(values),
            ngettext(
                "%(num)s coupon is among yours; checkout proposes the best by itself.",
                "%(num)s coupons are among yours; checkout proposes the best by itself.",
                values["coupons"],
            ),
        ],
        figures=_figure(_("The first ends"), day_words(values["ends_at"])),
        button=_button(_("See my coupons"), values),
    )


def _words(values: Values) -> list[str]:
    """Return what whoever gave something wrote to its member; what was told before this was kept has none."""
    return [values["words"]] if values.get("words") else []


def coupon_expiring(values: Values) -> Letter:
    return Letter(
        _("Your coupon ends soon: %(title)s", title=local(values["title"])),
        [_("You have not used this coupon yet: %(title)s.", title=local(values["title"]))],
        figures=_figure(_("Use it until"), day_words(values["ends_at"])),
        button=_button(_("See my coupons"), values),
    )


def back_in_stock(values: Values) -> Letter:
    title, kind = local(values["title"]), local(values["variant_title"])
    return Letter(
        _("Back in stock: %(title)s", title=f"{title}, {kind}" if kind else title),
        [
            _("You asked us to tell you. It can be had again."),
            _("Nothing is set aside: we tell as many members at a time as there are pieces, first who asked first."),
        ],
        button=_button(_("See the item"), values),
    )


LETTERS: dict[str, Callable[[Values], Letter]] = {
    letter.__name__: letter
    for letter in (
        verify_email,
        reset_password,
        password_changed,
        confirm_email,
        email_changing,
        email_known,
        sign_in_slowed,
        order_placed,
        order_paid,
        order_shipped,
        order_ready,
        order_collected,
        order_cancelled,
        order_timed_out,
        refund_done,
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
        points_unlocked,
        points_expiring,
        level_raised,
        level_review,
        level_lowered,
        coupon_received,
        coupon_pack_received,
        coupon_expiring,
        back_in_stock,
    )
}
# The page a letter's button opens when the notice brings no link of its own, and the value that names the one.
PAGES = {
    "order_placed": "store.orders.show",
    "order_paid": "store.orders.show",
    "order_shipped": "store.orders.show",
    "order_ready": "store.orders.show",
    "order_collected": "store.orders.show",
    "order_cancelled": "store.orders.show",
    "order_timed_out": "store.orders.show",
    "refund_done": "store.orders.show",
    "return_asked": "store.orders.show",
    "return_advanced": "store.orders.show",
    "return_approved": "store.orders.show",
    "return_declined": "store.orders.show",
    "return_withdrawn": "store.orders.show",
    "return_lapsing": "store.orders.show",
    "return_lapsed": "store.orders.show",
    "return_received": "store.orders.show",
    "return_offered": "store.orders.show",
    "exchange_asked": "store.orders.show",
    "exchange_approved": "store.orders.show",
    "exchange_spared": "store.orders.show",
    "exchange_received": "store.orders.show",
    "exchange_sent": "store.orders.show",
    "exchange_declined": "store.orders.show",
    "exchange_withdrawn": "store.orders.show",
    "exchange_lapsing": "store.orders.show",
    "exchange_lapsed": "store.orders.show",
    "points_unlocked": "store.wallet.show",
    "points_expiring": "store.wallet.show",
    "level_raised": "store.member.show",
    "level_review": "store.member.show",
    "level_lowered": "store.member.show",
    "coupon_received": "store.coupons.show",
    "coupon_pack_received": "store.coupons.show",
    "coupon_expiring": "store.coupons.show",
    "back_in_stock": "store.item.show",
}
_NAMED_BY = {"store.orders.show": "number", "store.item.show": "slug"}


def page_of(kind: str, values: Values) -> tuple[str, dict[str, Any]] | None:
    """Return the page a letter is about, as (endpoint, what its address is filled with); None where there is none."""
    endpoint = PAGES.get(kind)
    if endpoint is None:
        return None
    name = _NAMED_BY.get(endpoint)
    return endpoint, {name: values[name]} if name else {}


def _button(words: str, values: Values) -> tuple[str, str] | None:
    return (words, values["link"]) if values.get("link") else None


def _paid(values: Values) -> list[tuple[str, str]]:
    return _figure(_("Points"), values.get("points"), _points) + _figure(_("Cash"), _cash(values), money_words)


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


def _cash(values: Values) -> int | None:
    return values.get("total_cents")


def _said(values: Values) -> list[str]:
    """Return what the desk wrote along, if anything."""
    return [values["words"]] if values.get("words") else []


def _points(count: int) -> str:
    return ngettext("%(num)s point", "%(points)s points", count, points=number(count))


def _figure(label: str, value: Any, words: Callable[[Any], str] = str) -> list[tuple[str, str]]:
    """Return a row for a value that is there and not nothing."""
    return [(label, words(value))] if value else []
