"""What must always be true of what members told of themselves: it counts once, and it was told."""

from typing import Any

from sqlalchemy import Select, String, and_, case, cast, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import audit, people

from .facts import FACTS, FactRow
from .profile import SIZES_TOLD, STYLE_TOLD

TOLD = tuple(kind for kind, verb in FACTS.items() if verb == "earning.told")
# The facets that each is about.
OF_FACETS = {SIZES_TOLD: "sizes", STYLE_TOLD: "style"}


def profile_checks() -> list[Check]:
    """Return the checks of what members told."""
    return [
        Check(N_("what a member told of themselves counts once"), _twice()),
        Check(N_("who counts as having told sizes or style has answered all that was asked"), _unanswered()),
    ]


def _twice() -> Select[*tuple[Any, ...]]:
    fact = FactRow
    of_member = literal("member:") + cast(fact.member_id, String)
    return select(fact.id, fact.member_id, fact.kind).where(
        fact.kind.in_(TOLD),
        or_(fact.key != of_member + literal(":") + fact.kind, fact.reference != of_member),
    )


def _unanswered() -> Select[*tuple[Any, ...]]:
    """Find facts for which a question was open that is asked still, or for which nothing was ever told.

    What was told and taken back since, the audit says. A question that was changed since may have been switched on
    since: it is not looked at.
    """
    fact, facet, told, entry = FactRow, people.Facet, people.Told, audit.Entry
    kind = case(OF_FACETS, value=fact.kind)
    subject = literal("facet:") + cast(facet.id, String)

    def written(act: str, *which: Any) -> Any:
        return select(entry.id).where(entry.act == act, *which).correlate(fact, facet).exists()

    answered = or_(
        select(told.facet_id)
        .where(told.facet_id == facet.id, told.member_id == fact.member_id)
        .correlate(fact, facet)
        .exists(),
        written(
            people.TAKEN_BACK,
            entry.subject == fact.reference,
            entry.before["facet"].as_integer() == facet.id,
            entry.at >= fact.at,
        ),
    )
    asked_then = and_(
        facet.active,
        written("facet.made", entry.subject == subject, entry.at < fact.at),
        ~written("facet.changed", entry.subject == subject, entry.at >= fact.at),
    )
    open_then = select(facet.id).where(facet.kind == kind, asked_then, ~answered).correlate(fact).exists()
    any_told = select(facet.id).where(facet.kind == kind, answered).correlate(fact).exists()
    return select(fact.id, fact.member_id, fact.kind).where(fact.kind.in_(OF_FACETS), or_(open_then, ~any_told))
