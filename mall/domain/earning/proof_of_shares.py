"""What must always be true of shared items: each visitor is a fact of the link's member, once."""

from typing import Any

from sqlalchemy import Select, String, and_, cast, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_

from .facts import FactRow
from .shares import ShareLink, ShareVisit


def share_checks() -> list[Check]:
    """Return the checks of shared items."""
    return [Check(N_("a shared item counts whoever came by its link, once"), _visits())]


def _visits() -> Select[*tuple[Any, ...]]:
    """Find visits that are no fact of the member whose link it was, and facts without a visit."""
    fact, visit, link = FactRow, ShareVisit, ShareLink
    counted = and_(
        fact.kind == "share_visited",
        fact.key == literal("share:") + cast(visit.id, String),
        fact.member_id == visit.member_id,
    )
    uncounted = (
        select(visit.member_id, (literal("share:") + cast(visit.id, String)).label("share"))
        .join(link, link.id == visit.link_id)
        .where(or_(link.member_id != visit.member_id, ~select(fact.id).where(counted).correlate(visit).exists()))
    )
    unseen = select(fact.member_id, fact.key).where(
        fact.kind == "share_visited", ~select(visit.id).where(counted).correlate(fact).exists()
    )
    both = uncounted.union_all(unseen).subquery("shares")
    return select(both)
