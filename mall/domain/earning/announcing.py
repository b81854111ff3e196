"""Announcing: campaigns are told ahead to levels that hear of events earlier, each by as many days as it has.

Members of other levels meet a campaign when it begins. A campaign that is put off is told anew: the day in its key is
another one.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, cast, literal, select

from mall.base.db import execute, in_transaction
from mall.domain import membership, notices, people, programme

from .campaigns import Campaign, campaign_mark, running

MEMBERS_AT_ONCE = 1_000


def announce_campaigns(
    *, terms: programme.Programme, after: int, at: datetime, share: int = MEMBERS_AT_ONCE
) -> int | None:
    """Tell a share of the members, those with ids above `after`, of campaigns that their level hears of by now.

    Each once. Returns where the next share begins; None after the last, or where there is nothing to tell.
    """
    assert in_transaction(), "announce_campaigns() outside transaction()"
    coming = [
        (campaign, ranks)
        for campaign in running(int(execute(select(campaign_mark())).scalar_one()), at=at)
        if (ranks := ranks_told(campaign, terms=terms, at=at))
    ]
    last = after + share
    for campaign, ranks in coming:
        _tell(campaign, ranks, after=after, last=last, at=at)
    more = coming and execute(select(people.Member.id).where(people.Member.id > last).limit(1)).first()
    return last if more else None


def ranks_told(campaign: Campaign, *, terms: programme.Programme, at: datetime) -> list[int]:
    """Return the ranks of the levels that may know of a campaign, which has not begun, by now. Pure."""
    return [
        level.rank
        for level in terms.levels
        if level.rank >= campaign.min_rank
        and campaign.starts_at - timedelta(days=level.event_notice_days) <= at < campaign.starts_at
    ]


def _tell(campaign: Campaign, ranks: list[int], *, after: int, last: int, at: datetime) -> None:
    member = people.Member
    told = f"campaign_ahead:{campaign.id}:{campaign.starts_at.isoformat()}:"
    key = literal(told) + cast(member.id, String)
    members = execute(
        select(member.id).where(
            member.id > after,
            member.id <= last,
            member.deactivated_at.is_(None),
            membership.rank_of(member.id, at=at).in_(ranks),
            ~select(notices.Notice.id).where(notices.Notice.key == key).exists(),
        )
    ).scalars()
    values = {
        "title": campaign.title,
        "starts_at": campaign.starts_at.isoformat(),
        "ends_at": campaign.ends_at.isoformat(),
        "multiplier_percent": campaign.multiplier_percent,
    }
    notices.tell_all("campaign_ahead", [notices.Telling(id_, f"{told}{id_}", values) for id_ in members], at=at)
