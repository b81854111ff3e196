"""Suspicion: what speaks for an inviter having invited themselves, a circle of accounts, or nobody at all.

None of it is a proof: households share browsers, networks and addresses. So it never refuses by itself. It makes the
reward wait until a person has looked.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, literal, select, union_all

from mall.base.db import execute
from mall.domain import people

from .facts import FactRow
from .invitations import Invitation

DAY = timedelta(days=1)
# More friends than this within a day are looked at.
FRIENDS_A_DAY = 5
# So many friends of one inviter from one network within a month are looked at.
FROM_ONE_NETWORK, NETWORK_DAYS = 3, 30
GENERATIONS = 5
SIBLINGS = 100
LEAST_DIGITS = 6


def evidence_of(row: Row[Any]) -> list[dict[str, Any]]:
    """Return what is suspicious about an invitation: [{"kind", "members"}], nothing where it is clear.

    `members` are the others whom it is about. Kinds: browser (the inviter had signed in with the friend's browser),
    mailbox (the same name before the @), address, phone (the same as the inviter's), ring (the same address, phone or
    mailbox as who invited the inviter), twin (the same as another friend of the inviter), network, burst.
    """
    found = [{"kind": "browser", "members": [row.inviter_id]}] if row.same_browser else []
    ancestors = _ancestors(row.inviter_id)
    siblings = _siblings(row)
    others = [row.inviter_id, *ancestors, *(each.friend_id for each in siblings)]
    traits = _traits([row.friend_id, *others])
    mine = traits.pop(row.friend_id, {})
    for kind in ("mailbox", "address", "phone"):
        alike = sorted(other for other, theirs in traits.items() if mine.get(kind, set()) & theirs.get(kind, set()))
        if row.inviter_id in alike:
            found.append({"kind": kind, "members": [row.inviter_id]})
        if circle := [other for other in alike if other in ancestors]:
            found.append({"kind": "ring", "members": circle})
        twins = [other for other in alike if other != row.inviter_id and other not in ancestors]
        if twins and kind != "mailbox":
            found.append({"kind": "twin", "members": twins})
    month = NETWORK_DAYS * DAY
    near = [each for each in siblings if row.network and each.network == row.network and _within(each, row, month)]
    if len(near) + 1 >= FROM_ONE_NETWORK:
        found.append({"kind": "network", "members": sorted(each.friend_id for each in near)})
    same_day = [each for each in siblings if _within(each, row, DAY)]
    if len(same_day) + 1 > FRIENDS_A_DAY:
        found.append({"kind": "burst", "members": sorted(each.friend_id for each in same_day)})
    return found


def _within(one: Row[Any], other: Row[Any], span: timedelta) -> bool:
    return abs(one.invited_at - other.invited_at) <= span


def _ancestors(inviter_id: int) -> list[int]:
    """Return who invited the inviter, and who invited them, a few generations up."""
    chain = (
        select(Invitation.inviter_id.label("id"), literal(1).label("generation"))
        .where(Invitation.friend_id == inviter_id)
        .cte("chain", recursive=True)
    )
    chain = chain.union_all(
        select(Invitation.inviter_id, chain.c.generation + 1)
        .join(chain, Invitation.friend_id == chain.c.id)
        .where(chain.c.generation < GENERATIONS)
    )
    return list(execute(select(chain.c.id)).scalars())


def _siblings(row: Row[Any]) -> list[Row[Any]]:
    """Return the other friends of the inviter who came around the same time."""
    near = NETWORK_DAYS * DAY
    return list(
        execute(
            select(Invitation.friend_id, Invitation.network, Invitation.invited_at)
            .where(
                Invitation.inviter_id == row.inviter_id,
                Invitation.friend_id != row.friend_id,
                Invitation.invited_at.between(row.invited_at - near, row.invited_at + near),
            )
            .order_by(Invitation.invited_at.desc())
            .limit(SIBLINGS)
        )
    )


def _traits(member_ids: Iterable[int]) -> dict[int, dict[str, set[str]]]:
    """Return by what members may be recognised: {member: {"mailbox" | "address" | "phone": {...}}}.

    Addresses are those of their books and those their orders went to.
    """
    ids, member, address, fact = list(member_ids), people.Member, people.Address, FactRow
    nothing = literal("")
    sent_to = fact.attributes["sent_to"].as_string()
    rows: Any = execute(
        union_all(
            select(member.id, member.email_key, member.phone, nothing, nothing, nothing, nothing).where(
                member.id.in_(ids)
            ),
            select(
                address.member_id,
                nothing,
                address.phone,
                address.line1,
                address.postcode,
                address.country,
                nothing,
            ).where(address.member_id.in_(ids)),
            select(fact.member_id, nothing, nothing, nothing, nothing, nothing, func.coalesce(sent_to, "")).where(
                fact.member_id.in_(ids), fact.kind == "order_paid"
            ),
        )
    )
    traits: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for id_, email_key, phone, line1, postcode, country, went_to in rows:
        mine = traits[id_]
        if box := re.sub(r"[^a-z]", "", email_key.partition("@")[0]):
            mine["mailbox"].add(box)
        if len(digits := re.sub(r"\D", "", phone)) >= LEAST_DIGITS:
            mine["phone"].add(digits)
        if line1:
            mine["address"].add(people.place_mark(line1, postcode, country))
        if went_to:
            mine["address"].add(went_to)
    return traits
