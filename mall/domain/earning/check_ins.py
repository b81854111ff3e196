"""The daily check-in: once a day of the shop, and the days in a row."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, delete, insert, select

from mall.base.clock import Instant, end_of, start_of
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.sql import whole_sum
from mall.base.tables import Mapped, mapped_column
from mall.domain import ledger, programme

from .behaviours import BEHAVIOURS
from .facts import Fact
from .tasks import Reward, TaskReward, did

# After so many days in a row the round begins anew, so that who never misses a day reaches every bonus again.
ROUND_DAYS = 30
# From where somebody checked in is forgotten after so long.
NETWORKS_KEPT = timedelta(days=90)
# A tap so soon after midnight counts for the day before where days in a row would end otherwise: of two taps about
# midnight the later may come first.
CROSSING = timedelta(seconds=10)
CHECK_IN_TASKS = tuple(key for key, behaviour in BEHAVIOURS.items() if behaviour.kind == "checked_in")


class CheckIn(db.Model):
    """A member was here on a day of the shop. `streak` is the days in a row, this one included."""

    __table_args__ = (CheckConstraint("streak > 0", name="streak_positive"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    streak: Mapped[int]
    at: Mapped[datetime] = mapped_column(Instant)


append_only(CheckIn)


class CheckInNetwork(db.Model):
    """From which network a member checked in on a day: a mark that tells nobody the address, and is forgotten."""

    __table_args__ = (Index(None, "at"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Instant)


class CheckedIn(Struct, frozen=True):
    """A check-in: its day, the days in a row, and what it gave. `again`: made before, it gives nothing more."""

    day: date
    streak: int
    rewards: tuple[Reward, ...] = ()
    again: bool = False

    @property
    def points(self) -> int:
        """Return the points of all that it gave."""
        return sum(reward.points for reward in self.rewards)

    @property
    def growth(self) -> int:
        """Return the growth of all that it gave."""
        return sum(reward.growth for reward in self.rewards)


class Streak(Struct, frozen=True):
    """Where a member stands with checking in. `days` in a row: up to today, or up to yesterday when today is open."""

    days: int
    today_done: bool
    # The days on which the member was here, and the points that each gave.
    days_here: Mapping[date, int]

    @property
    def days_of_round(self) -> int:
        """Return how many days of the round are done, 0 to ROUND_DAYS: 0 where the next check-in begins a new one."""
        return round_day(self.days) if self.today_done else round_day(self.days + 1) - 1


def round_day(streak: int) -> int:
    """Return which day of a round so many days in a row are, 1 to ROUND_DAYS."""
    return (streak - 1) % ROUND_DAYS + 1


def day_asked_by(key: str) -> int | None:
    """Return the day of a round that a task of checking in is paid on; None where it is any day, or another task."""
    return BEHAVIOURS[key].attributes.get("round_day") if key in BEHAVIOURS else None


def tasks_of_check_in(day_of_round: int) -> list[str]:
    """Return the keys of the tasks that a check-in is, as the given day of a round."""
    asked = {key: BEHAVIOURS[key].attributes.get("round_day", day_of_round) for key in CHECK_IN_TASKS}
    return [key for key, wanted in asked.items() if wanted == day_of_round]


def check_in(member_id: int, *, network: str = "", terms: programme.Programme, at: datetime) -> CheckedIn:
    """Note that a member is here today, and give what that is worth. Once a day: asked again, gives nothing more.

    `network` is a mark of where the browser is, so that many who check in from one place at once can be seen.

    Which day it is says the shop's clock, whatever a browser may think. A clock that went back, or a tap of before
    midnight that comes after one of the next day, finds its day done.
    """
    purse = ledger.lock(member_id, zone=terms.zone)
    today = terms.today(at)
    last = _last(member_id)
    if last is not None and last.day >= today:
        return CheckedIn(last.day, last.streak, again=True)
    yesterday = today - timedelta(days=1)
    if last is not None and last.day == yesterday - timedelta(days=1) and at < start_of(today, terms.zone) + CROSSING:
        today, at = yesterday, end_of(yesterday, terms.zone)
    streak = last.streak + 1 if last is not None and last.day == today - timedelta(days=1) else 1
    execute(insert(CheckIn).values(member_id=member_id, day=today, streak=streak, at=at))
    if network:
        execute(insert(CheckInNetwork).values(member_id=member_id, day=today, network=network, at=at))
    fact = Fact(
        "checked_in",
        member_id,
        key=f"member:{member_id}:checked_in:{today.isoformat()}",
        at=at,
        reference=f"member:{member_id}",
        attributes={"day": today.isoformat(), "streak": streak, "round_day": round_day(streak)},
    )
    return CheckedIn(today, streak, did(fact, purse=purse, terms=terms, at=at))


def streak_of(member_id: int, *, since: date, today: date) -> Streak:
    """Return where a member stands with checking in, and the days of being here from `since` on. One statement."""
    rows = _days(member_id, since=min(since, today - timedelta(days=1)))
    last = rows[-1] if rows else None
    goes_on = last is not None and last.day >= today - timedelta(days=1)
    return Streak(
        days=last.streak if last is not None and goes_on else 0,
        today_done=last is not None and last.day >= today,
        days_here={row.day: int(row.points) for row in rows},
    )


def forget_networks(*, before: datetime) -> int:
    """Delete from where members checked in before an instant. Returns how many."""
    return execute(delete(CheckInNetwork).where(CheckInNetwork.at < before)).rowcount


def _last(member_id: int) -> Row[Any] | None:
    query = select(CheckIn.day, CheckIn.streak).where(CheckIn.member_id == member_id)
    return execute(query.order_by(CheckIn.day.desc()).limit(1)).one_or_none()


def _days(member_id: int, *, since: date) -> Sequence[Row[Any]]:
    reward = TaskReward
    given = (
        select(whole_sum(reward.points))
        .where(reward.member_id == CheckIn.member_id, reward.day == CheckIn.day, reward.task.in_(CHECK_IN_TASKS))
        .correlate(CheckIn)
        .scalar_subquery()
    )
    query = select(CheckIn.day, CheckIn.streak, given.label("points"))
    return execute(query.where(CheckIn.member_id == member_id, CheckIn.day >= since).order_by(CheckIn.day)).all()
