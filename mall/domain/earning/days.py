"""Days of members: birthdays, the days they joined on, and the days they are here."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, String, and_, cast, extract, func, literal, or_, select

from mall.base.clock import end_of, months_later, start_of
from mall.base.db import execute
from mall.domain import ledger, membership, people, programme

from .facts import Fact, FactRow
from .level_packs import BIRTHDAY, give_level_pack, lock_level_packs
from .tasks import Reward, did, note_level

# A night that the shop slept through is made up for within so many days.
MADE_UP_FOR = 7
# The members of one share of a review, by their ids.
MEMBERS_AT_ONCE = 1_000
# Between two birthdays of one member lies nearly a year, whatever the profile has said meanwhile (SECURITY 64).
BETWEEN_BIRTHDAYS_DAYS = 350


def due_birthdays(*, terms: programme.Programme, at: datetime) -> Sequence[int]:
    """Return the members whose birthday is today or was lately, and who have not been given anything for it."""
    member, today = people.Member, terms.today(at)
    days = [today - timedelta(days=back) for back in range(MADE_UP_FOR)]
    celebrated = select(FactRow.id).where(
        FactRow.member_id == member.id,
        FactRow.kind == "had_birthday",
        FactRow.at > at - timedelta(days=BETWEEN_BIRTHDAYS_DAYS),
    )
    return list(
        execute(
            select(member.id)
            .where(
                or_(*(_falls_on(day) for day in days)),
                # Told before the day, or the day would be whenever one likes.
                or_(member.birthday_changed_at.is_(None), member.birthday_changed_at < start_of(days[-1], terms.zone)),
                member.deactivated_at.is_(None),
                ~celebrated.correlate(member).exists(),
            )
            .order_by(member.id)
        ).scalars()
    )


def celebrate_birthday(member_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Note a birthday, and give what it is worth, with the pack of the level. Once a year, whatever becomes of the
    profile.
    """
    purse = ledger.lock(member_id, zone=terms.zone)
    last = execute(
        select(func.max(FactRow.at)).where(FactRow.member_id == member_id, FactRow.kind == "had_birthday")
    ).scalar_one()
    if last is not None and last > at - timedelta(days=BETWEEN_BIRTHDAYS_DAYS):
        return ()
    reference = f"member:{member_id}"
    day = terms.today(at).isoformat()
    fact = Fact(
        "had_birthday",
        member_id,
        key=f"{reference}:birthday:{day}",
        at=at,
        reference=reference,
        attributes={"day": day},
    )
    rewards = did(fact, purse=purse, terms=terms, at=at)
    held = membership.rank_held(member_id, at=at)
    give_level_pack(BIRTHDAY, f"birthday:{day}", rank=held.rank, paid_by=held.paid_by, purse=purse, terms=terms, at=at)
    return rewards


def due_anniversaries(*, terms: programme.Programme, at: datetime) -> Sequence[tuple[int, int]]:
    """Return (member, years) of those who joined on this day of an earlier year, and were given nothing for it yet."""
    member, today = people.Member, terms.today(at)
    first = execute(select(func.min(member.created_at)).select_from(member)).scalar_one()
    due: list[tuple[int, int]] = []
    for years in range(1, today.year - first.year + 1 if first else 1):
        begin = start_of(_years_before(today - timedelta(days=MADE_UP_FOR - 1), years), terms.zone)
        end = end_of(_years_before(today, years), terms.zone)
        key = literal("member:") + cast(member.id, String) + f":years:{years}"
        celebrated = select(FactRow.id).where(FactRow.key == key).correlate(member).exists()
        rows = execute(
            select(member.id)
            .where(member.created_at.between(begin, end), member.deactivated_at.is_(None), ~celebrated)
            .order_by(member.id)
        )
        due += [(row.id, years) for row in rows]
    return due


def celebrate_anniversary(
    member_id: int, *, years: int, terms: programme.Programme, at: datetime
) -> tuple[Reward, ...]:
    """Note that someone has been a member for so many years, and give what it is worth. Once for each year."""
    purse, reference = ledger.lock(member_id, zone=terms.zone), f"member:{member_id}"
    fact = Fact(
        "member_for_years",
        member_id,
        key=f"{reference}:years:{years}",
        at=at,
        reference=reference,
        attributes={"years": years},
    )
    return did(fact, purse=purse, terms=terms, at=at)


def visited(member_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Note that a member is here today, and give what it is worth. Once a day: asked again, gives nothing more.

    Unlike other facts it is only kept while a task pays for it: it would be a row a day for everybody.
    """
    today, task = terms.today(at), terms.task("visit")
    if task is None or not task.runs_on(today):
        return ()
    reference = f"member:{member_id}"
    fact = Fact("visited", member_id, key=f"{reference}:visited:{today.isoformat()}", at=at, reference=reference)
    return did(fact, purse=ledger.lock(member_id, zone=terms.zone), terms=terms, at=at)


def review_level(member_id: int, *, terms: programme.Programme, at: datetime) -> membership.LevelChange | None:
    """Do what a day brings a member's level, and give what a level that is reached is worth."""
    purse = ledger.lock(member_id, zone=terms.zone)
    change = membership.review(member_id, terms=terms, at=at)
    note_level(change, purse=purse, terms=terms, at=at)
    return change


def review_share(*, terms: programme.Programme, after: int, at: datetime, share: int = MEMBERS_AT_ONCE) -> int | None:
    """Do what a night brings the levels of a share of the members, those with ids above `after`.

    Returns where the next share begins; None after the last. Done twice, it does nothing more.
    """
    due, following = membership.due_in_share(terms=terms, after=after, at=at, share=share)
    if due:
        purses = ledger.lock_many(due, zone=terms.zone)
        changes = membership.review_many(due, terms=terms, at=at)
        if rising := [change.from_rank for change in changes if change.rose]:
            lock_level_packs(above=min(rising), terms=terms)
        for change in changes:
            note_level(change, purse=purses[change.member_id], terms=terms, at=at)
    return following


def _falls_on(day: date) -> ColumnElement[bool]:
    """Tell whether a birthday is celebrated on a day: that of 29 February on the 28th where there is no 29th."""
    born = people.Member.birthday
    days = [day.day, 29] if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3 else [day.day]
    return and_(extract("month", born) == day.month, extract("day", born).in_(days))


def _years_before(day: date, years: int) -> date:
    return months_later(day, -12 * years)
