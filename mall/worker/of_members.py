"""Jobs of members: their points expire, their levels are reviewed, their days and their invitations are rewarded."""

from datetime import datetime

from mall.base.db import again, reading, transaction
from mall.domain import earning, ledger, membership, notices

from .many import in_shares, in_shares_or_one_by_one, insist, terms_at


def expire_points(at: datetime) -> None:
    """Move out of all wallets what is past its last day: many members at a time, or where one stands in the way
    one at a time.
    """
    terms = terms_at(at)

    def one(member_id: int) -> None:
        with transaction():
            ledger.expire(ledger.lock(member_id, zone=terms.zone), at=at)

    in_shares_or_one_by_one(
        lambda after: ledger.expire_due(zone=terms.zone, after=after, at=at),
        kind="purse.expire",
        due=lambda: ledger.due_to_expire(at=at),
        one=one,
        at=at,
    )


def take_off_dormant(at: datetime) -> None:
    """Take growth off members who have done nothing for long, and announce what comes next."""
    terms = terms_at(at)
    in_shares(lambda after: earning.take_off_dormant(terms=terms, after=after, at=at))


def review_levels(at: datetime) -> None:
    """End what was granted for a time, carry everybody over to levels that are new; then raise whoever has reached
    more, tell whoever may fall, lower whoever was told: many members at a time, or one at a time if one is in the way.
    """
    terms = terms_at(at)

    def end_grants() -> int:
        with transaction():
            return membership.end_grants(terms=terms, at=at)

    def one(member_id: int) -> None:
        with transaction():
            earning.review_level(member_id, terms=terms, at=at)

    while again(end_grants):
        pass
    in_shares(lambda after: membership.carry(terms=terms, after=after, at=at))
    in_shares_or_one_by_one(
        lambda after: earning.review_share(terms=terms, after=after, at=at),
        kind="level.review",
        due=lambda: membership.to_review(terms=terms, at=at),
        one=one,
        at=at,
    )
    with transaction():
        membership.note_review(terms=terms, at=at)


def follow_levels(at: datetime) -> None:
    """Review everybody as soon as a version with other levels holds, so that nobody waits a night for theirs."""
    terms = terms_at(at)
    with reading():
        followed = membership.is_followed(terms)
    if not followed:
        review_levels(at)


def celebrate(at: datetime) -> None:
    """Give members what their birthday and the day they joined on are worth: one member at a time."""
    terms = terms_at(at)
    with reading():
        birthdays = earning.due_birthdays(terms=terms, at=at)
        years = dict(earning.due_anniversaries(terms=terms, at=at))

    def birthday(member_id: int) -> None:
        with transaction():
            earning.celebrate_birthday(member_id, terms=terms, at=at)

    def anniversary(member_id: int) -> None:
        with transaction():
            earning.celebrate_anniversary(member_id, years=years[member_id], terms=terms, at=at)

    tallies = [
        notices.one_by_one("member.birthday", birthdays, birthday, at=at),
        notices.one_by_one("member.anniversary", list(years), anniversary, at=at),
    ]
    for tally in tallies:
        insist(tally)


def reward_invitations(at: datetime) -> None:
    """Give members what their invitations are worth by now: one after the other, some hundreds each time."""
    terms = terms_at(at)

    def one(friend_id: int) -> None:
        with transaction():
            earning.reward_invitation(friend_id, terms=terms, at=at)

    with reading():
        due = earning.due_invitations(terms=terms, at=at)
    notices.one_by_one(earning.REWARDING, due, one, at=at)
