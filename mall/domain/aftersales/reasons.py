"""Reasons: why goods come back, chosen by a person or following from something else."""

from mall.base.text import N_

# Why goods come back, and whether that is our fault, so that delivery is given back as well.
REASONS: dict[str, tuple[str, bool]] = {
    "changed_mind": (N_("Change of mind"), False),
    "damaged": (N_("Damaged"), True),
    "wrong_item": (N_("Wrong item"), True),
    "missing": (N_("Missing"), True),
    "goodwill": (N_("Goodwill"), True),
}
CANCELLED_BY_MEMBER = "changed_mind"
# Reasons that nobody chooses: these refunds follow from something else, and are made whatever state the order is in.
GIVEN_BACK = "given_back"
DISPUTE_LOST = "dispute_lost"
# A membership is given back: the days of it that are left, and only those.
PLAN_ENDED = "plan_ended"
ALL_REASONS = REASONS | {
    GIVEN_BACK: (N_("Given back after review"), True),
    DISPUTE_LOST: (N_("The bank took the payment back"), True),
    PLAN_ENDED: (N_("Membership given back"), False),
}
