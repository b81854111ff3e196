"""The adjustments desk: points given or taken by hand, by one person up to a limit, by two above it.

Nobody adjusts their own points. Every adjustment has a reason of a known kind and may name a document.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, Message, say
from mall.domain import approvals, audit, programme

from .adjustments import adjust_down, adjust_up
from .postings import NoPoints, Posting
from .purses import lock

ADJUSTMENT_KIND = "points.adjustment"
MOST_POINTS = 10_000_000
LONGEST_DOCUMENT = 80

REASONS: dict[str, str] = {
    "goodwill": N_("Goodwill"),
    "correction": N_("Correction of a mistake"),
    "missing_points": N_("Points that were missing"),
    "competition": N_("Prize"),
    "moved_in": N_("Moved in from another programme"),
    "misuse": N_("Misuse"),
}


class NoReason(Refusal):
    message = N_("Choose why the points are adjusted.")


class OwnPoints(Refusal):
    message = N_("These are your own points. Ask a colleague to adjust them.")


class TooManyPoints(Refusal):
    message = N_("An adjustment moves at most {most} points.")


@dataclass(frozen=True)
class Asked:
    """What came of asking: done at once, or the id of the request that waits for a second person."""

    request_id: int | None

    @property
    def done(self) -> bool:
        """Tell whether the points have moved."""
        return self.request_id is None


def ask_adjustment(
    member_id: int,
    points: int,
    *,
    reason: str,
    document: str,
    key: str,
    own_member_id: int | None,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> Asked:
    """Adjust a member's points, up or (below 0) down: at once within the limits, else once somebody else approves.

    `key` makes a repeated press one adjustment; `own_member_id` is the member that `by` is, if any. Refuses: NoPoints,
    NoReason, OwnPoints, TooManyPoints, InsufficientPoints.
    """
    if points == 0:
        raise NoPoints()
    if abs(points) > MOST_POINTS:
        raise TooManyPoints(most=MOST_POINTS)
    if reason not in REASONS:
        raise NoReason()
    if member_id == own_member_id:
        raise OwnPoints()
    purse = lock(member_id, zone=terms.zone)
    what = {"member_id": member_id, "points": points, "reason": reason, "document": document[:LONGEST_DOCUMENT]}
    subject = f"member:{member_id}"
    if _needs_second(points, by=by, key=key, terms=terms, at=at):
        earlier = [row for row in approvals.requests_about(ADJUSTMENT_KIND, subject) if row.what.get("key") == key]
        if earlier:
            return Asked(earlier[0].id)
        return Asked(
            approvals.ask(ADJUSTMENT_KIND, subject=subject, what=what | {"key": key}, by=by, at=at, reason=reason)
        )
    _adjust(purse, what, key=f"adjustment:{key}", by=by, approved_by=None, terms=terms, at=at)
    return Asked(None)


def approve_adjustment(
    request_id: int,
    *,
    own_member_id: int | None,
    other_approvers: int,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> None:
    """Approve an adjustment somebody else asked for, and make it.

    Refuses: what approvals refuse (one's own request, decided already), OwnPoints, InsufficientPoints.
    """
    request = approvals.request_for(request_id)
    if request.kind != ADJUSTMENT_KIND:
        raise NoReason()
    if request.what["member_id"] == own_member_id:
        raise OwnPoints()
    purse = lock(request.what["member_id"], zone=terms.zone)
    approvals.approve(request_id, by=by, at=at, other_approvers=other_approvers)
    _adjust(
        purse,
        request.what,
        key=f"adjustment:{request.what['key']}",
        by=request.asked_by,
        approved_by=by,
        terms=terms,
        at=at,
    )


def decline_adjustment(request_id: int, *, reason: str, by: str, at: datetime) -> None:
    """Decline an adjustment; nothing moves. Raises what approvals refuse."""
    approvals.decline(request_id, by=by, at=at, reason=reason)


def _needs_second(points: int, *, by: str, key: str, terms: programme.Programme, at: datetime) -> bool:
    if abs(points) > terms.adjustment_limit_points:
        return True
    today = execute(
        select(func.count(func.distinct(Posting.move))).where(
            Posting.kind == "adjust",
            Posting.actor == by,
            Posting.happened_on == terms.today(at),
            Posting.move != f"adjustment:{key}",
        )
    ).scalar_one()
    return today >= terms.adjustments_per_day


def _adjust(
    purse: Any, what: Any, *, key: str, by: str, approved_by: str | None, terms: programme.Programme, at: datetime
) -> None:
    points, why = what["points"], _why(what)
    if points > 0:
        adjust_up(
            purse,
            points,
            key=key,
            reference=key,
            expiry=terms.expiry_of(terms.today(at)),
            version=terms.version,
            worth=terms.worth,
            why=why,
            by=by,
            at=at,
        )
    else:
        adjust_down(purse, -points, key=key, reference=key, why=why, by=by, at=at)
    audit.write(
        ADJUSTMENT_KIND,
        by=by,
        subject=f"member:{what['member_id']}",
        at=at,
        after={"points": points, "document": what["document"], "approved_by": approved_by},
        reason=what["reason"],
    )


def _why(what: Any) -> Message:
    reason = REASONS[what["reason"]]
    if what["document"]:
        return say(N_("{reason} ({document})"), reason=reason, document=what["document"])
    return say(reason)
