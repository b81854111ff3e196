"""Letters about points: ready, about to expire, taken back, or turned into cash."""

from flask_babel import gettext as _
from flask_babel import ngettext

from mall.web.shared.texts import day_words, money_words, number

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


def _gone(values: Values) -> list[tuple[str, str]]:
    return figure(_("Points"), values["points"], number) + figure(_("Growth"), values["growth"], number)


LETTERS = (
    points_unlocked,
    points_reward_undone,
    points_reward_short,
    points_invitation_undone,
    points_expiring,
    points_cash_declined,
    points_cash_paid,
    points_cash_bounced,
)
