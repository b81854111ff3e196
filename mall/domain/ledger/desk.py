"""The adjustments desk: points given or taken by hand, by one person up to a limit, by two above it.

Nobody adjusts their own points. Every adjustment has a reason of a known kind and may name a document.
"""

from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, String, update

from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.sql import upsert
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Message, say
from mall.domain import approvals, audit, programme, repeats

from .accounts import ADJUSTMENT, WALLET
from .adjustments import adjust_down, adjust_up
from .postings import KeyReused, Move, NoPoints, recorded
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


_ADJUSTED = N_(
    "This form was sent before: it has adjusted points by {points} (“{reason}”). Nothing more was done. Send the form"
    " again for this one, too."
)
_ASKED = N_(
    "This form was sent before: an adjustment by {points} points (“{reason}”) was asked for with it. Nothing more was"
    " done. Send the form again for this one, too."
)


class NoReason(Refusal):
    message = N_("Choose why the points are adjusted.")


class OwnPoints(Refusal):
    message = N_("These are your own points. Ask a colleague to adjust them.")


class TooManyPoints(Refusal):
    message = N_("An adjustment moves at most {most} points.")


class AlreadyDeclined(repeats.SentBefore):
    message = N_("A colleague has declined this adjustment. To ask for it again, send the form again.")


class DeskDay(db.Model):
    """How many adjustments one person has made alone on a day of the shop. The row is that person's lock at the desk.

    It is locked after the member's purse, and nothing is locked after it.
    """

    __tablename__ = "desk_day"
    __table_args__ = (CheckConstraint("adjustments >= 0", name="adjustments_not_negative"),)

    actor: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    adjustments: Mapped[int]


class Asked(Struct, frozen=True):
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

    `key` makes a repeated press one adjustment: the same again has the same answer and does nothing more.
    `own_member_id` is the member that `by` is, if any. Refuses: NoPoints, NoReason, OwnPoints, TooManyPoints,
    InsufficientPoints; repeats.SentOtherwise for another adjustment with the same key, AlreadyDeclined.
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
    done_today = _lock_desk_day(by, terms.today(at))
    what = {"member_id": member_id, "points": points, "reason": reason, "document": document[:LONGEST_DOCUMENT]}
    sent = repeats.Sent("adjustment", key, by, what)
    repeats.refuse_other(sent)
    if earlier := _asked_before(what, key=key, by=by, at=at):
        return earlier
    if abs(points) > terms.adjustment_limit_points or done_today >= terms.adjustments_per_day:
        subject = f"member:{member_id}"
        request_id = approvals.ask(
            ADJUSTMENT_KIND, subject=subject, what=what, by=by, at=at, reason=reason, key=_move_key(key)
        )
        repeats.keep(sent, done=say(_ASKED, points=points, reason=REASONS[reason]), at=at)
        return Asked(request_id)
    execute(
        update(DeskDay)
        .where(DeskDay.actor == by, DeskDay.day == terms.today(at))
        .values(adjustments=DeskDay.adjustments + 1)
    )
    _adjust(purse, what, key=_move_key(key), by=by, approved_by=None, terms=terms, at=at)
    repeats.keep(sent, done=say(_ADJUSTED, points=points, reason=REASONS[reason]), at=at)
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
    """Approve an adjustment somebody else asked for, and make it; approved by the same person before, it is made.

    Refuses: what approvals refuse (one's own request, decided already), OwnPoints, InsufficientPoints, NotFound.
    """
    request = approvals.request_for(request_id)
    if request.kind != ADJUSTMENT_KIND:
        raise NotFound(N_("There is no such adjustment."))
    if request.what["member_id"] == own_member_id:
        raise OwnPoints()
    purse = lock(request.what["member_id"], zone=terms.zone)
    if approvals.approve(request_id, by=by, at=at, other_approvers=other_approvers) is None:
        return
    _adjust(
        purse,
        request.what,
        key=str(request.key),
        by=request.asked_by,
        approved_by=by,
        terms=terms,
        at=at,
    )


def decline_adjustment(request_id: int, *, reason: str, by: str, at: datetime) -> None:
    """Decline an adjustment; nothing moves. Raises what approvals refuse."""
    approvals.decline(request_id, by=by, at=at, reason=reason)


def _lock_desk_day(actor: str, day: date) -> int:
    """Lock a person's day at the desk until the transaction ends. Returns how often they have adjusted alone on it."""
    into = upsert(DeskDay)
    return execute(
        into.values(actor=actor, day=day, adjustments=0)
        .on_conflict_do_update(index_elements=[DeskDay.actor, DeskDay.day], set_={"adjustments": DeskDay.adjustments})
        .returning(DeskDay.adjustments)
    ).scalar_one()


def _asked_before(what: dict[str, Any], *, key: str, by: str, at: datetime) -> Asked | None:
    """Return what came of this adjustment when it was asked before. Raises KeyReused, AlreadyDeclined."""
    request = approvals.request_with(_move_key(key))
    if request is not None:
        if (request.kind, request.what, request.asked_by) != (ADJUSTMENT_KIND, what, by):
            raise KeyReused()
        if request.decision == approvals.DECLINED:
            raise AlreadyDeclined()
        return Asked(request.id if request.decision is None else None)
    points, member_id = what["points"], what["member_id"]
    move = Move(_move_key(key), "adjust", member_id, _move_key(key), at, by)
    lines = recorded(move, points=abs(points), source=ADJUSTMENT if points > 0 else WALLET)
    if lines and (lines[0].actor, lines[0].reason) != (by, _why(what)):
        raise KeyReused()
    return Asked(None) if lines else None


def _move_key(key: str) -> str:
    return f"adjustment:{key}"


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
