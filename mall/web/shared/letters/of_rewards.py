"""Letters about points, levels and coupons, and what can be had again."""

from flask_babel import gettext as _
from flask_babel import ngettext

from mall.web.shared.texts import day_words, local, money_words, number

from .parts import Letter, Values, button, figure


def points_unlocked(values: Values) -> Letter:
    points = values["points"]
    return Letter(
        ngettext("%(num)s point is ready to use", "%(points)s points are ready to use", points, points=number(points)),
        [_("The return window of order %(number)s is over, so its points are yours.", number=values["number"])],
        button=button(_("See my points"), values),
    )


def points_reward_undone(values: Values) -> Letter:
    return Letter(
        _("What tasks gave for order %(number)s was taken back", number=values["number"]),
        [
            _("Nothing of order %(number)s is kept any more, so what tasks gave for it went back.",
              number=values["number"]),
            _("The next order you keep may do the task again."),
        ],
        figures=_gone(values),
        button=button(_("See my points"), values),
    )  # fmt: skip


def points_reward_short(values: Values) -> Letter:
    return Letter(
        _("What a task gave for order %(number)s was taken back", number=values["number"]),
        [
            _("The task asks for an order of %(cash)s or more in cash. Less than that is kept of order %(number)s by "
              "now, so what it gave went back.", cash=money_words(values["least_cents"]), number=values["number"]),
            _("The next order you keep may do the task again."),
        ],
        figures=_gone(values),
        button=button(_("See my points"), values),
    )  # fmt: skip


def points_invitation_undone(values: Values) -> Letter:
    return Letter(
        _("What the order of %(friend)s gave you was taken back", friend=values["friend"]),
        [
            _("Less of the order that %(friend)s kept is kept by now than it takes, so what it gave you went back.",
              friend=values["friend"]),
            _("The next order that %(friend)s keeps may bring it again.", friend=values["friend"]),
        ],
        figures=_gone(values),
        button=button(_("See my points"), values),
    )  # fmt: skip


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
        button=button(_("See what they can get"), values),
    )


def points_cash_declined(values: Values) -> Letter:
    points = values["points"]
    return Letter(
        ngettext("%(num)s point is not turned into cash", "%(points)s points are not turned into cash", points,
                 points=number(points)),
        [values["words"], _("The points are back with the last days they had.")],
        button=button(_("See my points"), values),
    )  # fmt: skip


def points_cash_paid(values: Values) -> Letter:
    cash = money_words(values["cents"])
    return Letter(
        _("%(cash)s for your points is on its way to your bank", cash=cash),
        [_("We have paid %(cash)s to the account that ends in %(end)s.", cash=cash, end=values["account_end"])],
        button=button(_("See my points"), values),
    )


def points_cash_bounced(values: Values) -> Letter:
    points, repaid = values["points"], values["repaid"]
    owed = ngettext(
        "%(num)s point of them has repaid what you owed.",
        "%(points)s points of them have repaid what you owed.",
        repaid,
        points=number(repaid),
    )
    return Letter(
        ngettext("The bank sent your payment back, and %(num)s point is back with you",
                 "The bank sent your payment back, and %(points)s points are back with you", points,
                 points=number(points)),
        [
            values["words"],
            _("We had paid to the account that ends in %(end)s. The points have the last days they had; where those"
              " are over, 7 days more.", end=values["account_end"]),
            *([owed] if repaid else []),
            _("Check the name and the number of the account. Then you may ask for cash again, or use the points."),
        ],
        button=button(_("See my points"), values),
    )  # fmt: skip


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
        button=button(_("See my benefits"), values),
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
        button=button(_("See where I stand"), values),
    )


def level_lowered(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("You are %(level)s now", level=level),
        [
            _("There was not enough growth in the last year to keep your level, so it is %(level)s now.", level=level),
            _("Your points and growth are untouched. The next level opens the moment you reach it again."),
        ],
        button=button(_("See where I stand"), values),
    )


def level_dormancy(values: Values) -> Letter:
    points, day = number(values["points"]), day_words(values["deducts_on"])
    return Letter(
        _("%(points)s growth is taken off on %(day)s unless you come by", points=points, day=day),
        [
            _("You have not been here for a while. Who does nothing for long loses growth bit by bit."),
            _("Check in or place an order before %(day)s, and all of it stays. Points are not touched.", day=day),
        ],
        button=button(_("Check in now"), values),
    )


def level_granted(values: Values) -> Letter:
    level, day = local(values["level"]), day_words(values["last_day"])
    return Letter(
        _("You are %(level)s until %(day)s", level=level, day=day),
        [
            _("We have given you %(level)s for a time: its benefits are yours up to the end of %(day)s.", level=level,
              day=day),
            _("Your growth goes on underneath. What it reaches meanwhile is yours afterwards."),
        ],
        button=button(_("See my benefits"), values),
    )  # fmt: skip


def level_ending(values: Values) -> Letter:
    level, day = local(values["level"]), day_words(values["last_day"])
    after = _("Your growth is untouched: afterwards your level is the one that it has reached.")
    if not values["paid"]:
        return Letter(
            _("You are %(level)s until %(day)s", level=level, day=day),
            [_("The time we have given you %(level)s for ends with %(day)s.", level=level, day=day), after],
            button=button(_("Compare all levels"), values),
        )
    return Letter(
        _("Your membership as %(level)s ends on %(day)s", level=level, day=day),
        [
            _("It ends by itself: nothing is charged, and its benefits are yours up to the end of %(day)s.", day=day),
            _("Had again before, it goes on after that day, and no day is lost."),
            after,
        ],
        button=button(_("Lengthen it"), values),
    )


def level_grant_ended(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("Your time as %(level)s is over", level=level),
        [_("From now on your level is the one that your growth has reached. Points and growth are untouched.")],
        button=button(_("See where I stand"), values),
    )


def level_pack_received(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("Your pack for reaching %(level)s", level=level),
        [_("Welcome to %(level)s. This is yours at once:", level=level)],
        figures=_in_pack(values),
        button=button(_("See my benefits"), values),
    )


def level_pack_undone(values: Values) -> Letter:
    level, used = local(values["level"]), values["used"]
    kept = ngettext(
        "%(num)s of its coupons was used; that stays.", "%(num)s of its coupons were used; that stays.", used
    )
    return Letter(
        _("What reaching %(level)s gave was taken back", level=level),
        [
            _("%(level)s was reached by an order that went back since, so this was taken back:", level=level),
            *([kept] if used else []),
            _("You are at this level still. Reached again, it gives all of this again."),
        ],
        figures=_in_pack(values),
        button=button(_("See where I stand"), values),
    )


def paid_level_undone(values: Values) -> Letter:
    level, used = local(values["level"]), values["used"]
    kept = ngettext(
        "%(num)s of its coupons was used; that stays.", "%(num)s of its coupons were used; that stays.", used
    )
    return Letter(
        _("What %(level)s brought you was taken back", level=level),
        [
            _("The membership that gave you %(level)s went back. What the level brought went with it:", level=level),
            *([kept] if used else []),
        ],
        figures=_in_pack(values),
        button=button(_("See where I stand"), values),
    )


def birthday_pack_received(values: Values) -> Letter:
    return Letter(
        _("Happy birthday: a pack for you"),
        [_("As %(level)s you get this for your birthday:", level=local(values["level"]))],
        figures=_in_pack(values),
        button=button(_("See my benefits"), values),
    )


def _gone(values: Values) -> list[tuple[str, str]]:
    return figure(_("Points"), values["points"], number) + figure(_("Growth"), values["growth"], number)


def _in_pack(values: Values) -> list[tuple[str, str]]:
    return figure(_("Points"), values["points"], number) + figure(_("Coupons"), values["coupons"], number)


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
        [*_words(values), _("It is among your coupons; checkout proposes the best one by itself.")],
        figures=figure(_("Use it until"), day_words(values["ends_at"])),
        button=button(_("See my coupons"), values),
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


def _words(values: Values) -> list[str]:
    """Return what whoever gave something wrote to its member; what was told before this was kept has none."""
    return [values["words"]] if values.get("words") else []


LETTERS = (
    points_unlocked,
    points_reward_undone,
    points_reward_short,
    points_invitation_undone,
    points_expiring,
    points_cash_declined,
    points_cash_paid,
    points_cash_bounced,
    level_raised,
    level_review,
    level_lowered,
    level_pack_received,
    level_pack_undone,
    paid_level_undone,
    birthday_pack_received,
    level_dormancy,
    level_granted,
    level_ending,
    level_grant_ended,
    stamp_card_full,
    coupon_received,
    coupon_pack_received,
    coupon_expiring,
    campaign_ahead,
    back_in_stock,
)
