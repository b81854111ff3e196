"""What must always be true of finance's own tables."""

from mall.base.proof import Check
from mall.base.text import N_

from .breaks import unsound_breaks
from .proof_of_points import points_checks
from .rollup import days_that_changed, gaps_between_days, missing_from_roll_up


def checks() -> list[Check]:
    """Return the room's checks: what was added up is what was posted (LEDGER 6.15)."""
    return [
        Check(N_("the daily sums for finance are the sums of their postings"), missing_from_roll_up()),
        Check(N_("no posting was written into a day already added up"), days_that_changed()),
        Check(N_("the days added up follow one another without a gap"), gaps_between_days()),
        Check(N_("a break that is explained or closed says why"), unsound_breaks()),
        *points_checks(),
    ]
