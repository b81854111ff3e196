"""Letters about coupons, stamp cards and campaigns, and what can be had again."""

from flask_babel import gettext as _
from flask_babel import ngettext

from mall.web.shared.texts import day_words, local, number

from .parts import Letter, Values, button, desk_words, figure


def stamp_card_full(values: Values) -> Letter:
    card, coupon = local(values["title"]), local(values["coupon"])
    day, count = day_words(values["ends_at"]), values["coupons"]
    words = _("It can be used until the end of %(day)s by the shop's clock.", day=day)
    if count > 1:
        words = _("They can be used until the end of %(day)s by the shop's clock.", day=day)
    return Letter(
        ngettext(
            "Your card “%(card)s” is full: “%(coupon)s” is yours",
            "Your card “%(card)s” is full: %(num)s × “%(coupon)s” is yours",
            count,
            card=card,
            coupon=coupon,
        ),
        [
            words,
            ngettext(
                "%(num)s coupon is among yours; checkout proposes the best by itself.",
                "%(num)s coupons are among yours; checkout proposes the best by itself.",
                count,
            ),
        ],
        button=button(_("See my coupons"), values),
    )


def coupon_received(values: Values) -> Letter:
    return Letter(
        _("A coupon for you: %(title)s", title=local(values["title"])),
        [*desk_words(values), _("It is among your coupons; checkout proposes the best one by itself.")],
        figures=figure(_("Use it until"), day_words(values["ends_at"])),
        button=button(_("See my coupons"), values),
    )


def coupon_pack_received(values: Values) -> Letter:
    return Letter(
        _("Coupons for you: %(title)s", title=local(values["title"])),
        [
            *desk_words(values),
            ngettext(
                "%(num)s coupon is among yours; checkout proposes the best by itself.",
                "%(num)s coupons are among yours; checkout proposes the best by itself.",
                values["coupons"],
            ),
        ],
        figures=figure(_("The first ends"), day_words(values["ends_at"])),
        button=button(_("See my coupons"), values),
    )


def coupon_expiring(values: Values) -> Letter:
    title = local(values["title"])
    # What was told before coupons of one day were told together names one.
    coupons = values.get("coupons") or [{"title": values["title"], "pieces": 1}]
    count = sum(each["pieces"] for each in coupons)
    if count == 1:
        subject = _("Your coupon ends soon: %(title)s", title=title)
        said = _("You have not used this coupon yet: %(title)s.", title=title)
    else:
        subject = ngettext(
            "%(num)s of your coupons ends soon", "%(count)s of your coupons end soon", count, count=number(count)
        )
        named = [
            _("%(count)s × %(title)s", count=number(each["pieces"]), title=local(each["title"])) for each in coupons
        ]
        said = _("You have not used these coupons yet: %(titles)s.", titles=", ".join(named))
    return Letter(
        subject,
        [said],
        figures=figure(_("Use it until"), day_words(values["ends_at"])),
        button=button(_("See my coupons"), values),
    )


def campaign_ahead(values: Values) -> Letter:
    title, starts, ends = local(values["title"]), day_words(values["starts_at"]), day_words(values["ends_at"])
    return Letter(
        _("From %(day)s: %(title)s", day=starts, title=title),
        [
            _(
                "×%(times)s points on what you pay in cash, from %(starts)s to %(ends)s.",
                times=f"{values['multiplier_percent'] / 100:g}",
                starts=starts,
                ends=ends,
            ),
            _("Your level hears of it before others do."),
        ],
        button=button(_("Look around"), values),
    )


def back_in_stock(values: Values) -> Letter:
    title, kind = local(values["title"]), local(values["variant_title"])
    return Letter(
        _("Back in stock: %(title)s", title=f"{title}, {kind}" if kind else title),
        [
            _("You asked us to tell you. It can be had again."),
            _("Nothing is set aside: we tell as many members at a time as there are pieces, first who asked first."),
        ],
        button=button(_("See the item"), values),
    )


LETTERS = (
    stamp_card_full,
    coupon_received,
    coupon_pack_received,
    coupon_expiring,
    campaign_ahead,
    back_in_stock,
)
