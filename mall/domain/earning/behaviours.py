"""What members do that a task may pay for: which kind of fact each is, and how its points are explained."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from mall.base.text import N_
from mall.domain import programme

from .facts import Fact


class Behaviour(Struct, frozen=True):
    """What a task pays for: a kind of fact, and what its attributes must say. `why` explains the points, with `told`
    of the fact's attributes. `of_order`: goods must be kept that were paid for in cash, as much as the task asks.
    """

    kind: str
    why: str
    attributes: Mapping[str, Any] = {}
    told: tuple[str, ...] = ()
    of_order: bool = False

    def is_met_by(self, fact: Fact, task: programme.Task) -> bool:
        """Tell whether a fact is this behaviour, as a task of the programme asks for it."""
        if self.of_order and fact.attributes.get("kept_cents", 0) < max(1, task.least_cents):
            return False
        return fact.kind == self.kind and all(
            fact.attributes.get(name) == value for name, value in self.attributes.items()
        )


def _streak(days: int) -> Behaviour:
    return Behaviour("checked_in", N_("{streak} days in a row, up to {done_on}"), {"round_day": days}, ("streak",))


BEHAVIOURS = {
    "check_in": Behaviour("checked_in", N_("Checked in on {done_on}")),
    "streak_3": _streak(3),
    "streak_7": _streak(7),
    "streak_14": _streak(14),
    "streak_30": _streak(30),
    "sign_up": Behaviour("signed_up", N_("Joined on {done_on}")),
    "verify_email": Behaviour("email_verified", N_("Confirmed the e-mail address on {done_on}")),
    "add_birthday": Behaviour("birthday_added", N_("Told us the birthday on {done_on}")),
    "add_address": Behaviour("address_added", N_("Added an address on {done_on}")),
    "news_consent": Behaviour("news_wanted", N_("Asked for news by e-mail on {done_on}")),
    "complete_profile": Behaviour("profile_completed", N_("Completed the profile on {done_on}")),
    "first_order": Behaviour(
        "order_kept", N_("Order {number}, the first that is kept"), told=("number",), of_order=True
    ),
    "every_order": Behaviour("order_kept", N_("Order {number} is kept"), told=("number",), of_order=True),
    "birthday": Behaviour("had_birthday", N_("Happy birthday, on {done_on}")),
    "anniversary": Behaviour("member_for_years", N_("Year {years} with us, completed on {done_on}"), told=("years",)),
    "level_reached": Behaviour("level_reached", N_("Reached level {rank} on {done_on}"), told=("rank",)),
    "friend_joined": Behaviour("friend_joined", N_("A friend joined by your invitation, on {done_on}")),
    "friend_bought": Behaviour("friend_bought", N_("A friend you invited kept an order, on {done_on}"), of_order=True),
    "add_sizes": Behaviour("sizes_told", N_("Told us the sizes on {done_on}")),
    "add_style": Behaviour("style_told", N_("Told us what is liked on {done_on}")),
    "share": Behaviour("share_visited", N_("Somebody came by an item you shared, on {done_on}")),
    "visit": Behaviour("visited", N_("Was here on {done_on}")),
    "bind_account": Behaviour("account_bound", N_("Bound an account at a partner on {done_on}")),
    "review": Behaviour("review_published", N_("Review published on {done_on}")),
    "review_picture": Behaviour(
        "review_published", N_("Review with a picture published on {done_on}"), {"with_picture": 1}
    ),
    "follow_up": Behaviour("question_followed_up", N_("Followed up a question on {done_on}")),
}
