"""What must always be true of the radar: it shows what is there, and who dismissed a suspicion may, and said why."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, literal, or_, select, true, union_all

from mall.base.proof import Check
from mall.base.sql import each_in, each_text_in, named_in
from mall.base.text import N_
from mall.domain import aftersales, audit, checkout, partners, people

from .suspects import DISMISSED, Suspect

# What evidence may be of, and where that is kept.
ABOUT = {
    "member": people.Member,
    "staff": people.Staff,
    "order": checkout.Order,
    "purchase": partners.Purchase,
    "partner": partners.Partner,
    "review": aftersales.ProductReview,
}


def checks() -> list[Check]:
    """Return the room's checks."""
    return [
        Check(N_("a suspicion that was dismissed says who did it, when and why, as the audit does"), _unsaid()),
        Check(N_("nobody dismissed a suspicion of what they did themselves"), _own()),
        Check(N_("what speaks for a suspicion is there"), _of_nothing()),
        Check(N_("what speaks for a suspicion is told apart by its keys"), _other_keys()),
    ]


def _evidence() -> Any:
    return each_in(Suspect.evidence, "each_evidence")


def _of(evidence: Any, name: str) -> ColumnElement[str]:
    return named_in(evidence.c.value, literal(name))


def _unsaid() -> Select[*tuple[Any, ...]]:
    entry = audit.Entry
    said = (
        select(entry.id)
        .where(
            entry.act == "suspect.dismissed",
            entry.subject == literal("member:") + cast(Suspect.member_id, String),
            entry.by == Suspect.decided_by,
            entry.at == Suspect.decided_at,
            entry.after["kind"].as_string() == Suspect.kind,
            entry.reason == Suspect.reason,
        )
        .correlate(Suspect)
    )
    return select(Suspect.id, Suspect.member_id, Suspect.decided_by).where(
        Suspect.state == DISMISSED,
        or_(Suspect.reason == "", ~Suspect.decided_by.startswith("staff:"), ~said.exists()),
    )


def _own() -> Select[*tuple[Any, ...]]:
    each = _evidence()
    return (
        select(Suspect.id, Suspect.member_id, Suspect.decided_by)
        .select_from(Suspect)
        .join(each, true())
        .where(Suspect.state == DISMISSED, _of(each, "by") == Suspect.decided_by)
    )


def _of_nothing() -> Select[*tuple[Any, ...]]:
    """Find evidence of what there is not: members, orders, purchases and whatever else it may be of."""
    each = _evidence()
    about = each_text_in(_of(each, "about"), "each_about")
    what = about.c.value

    def lost(kind: str, table: Any) -> ColumnElement[bool]:
        known = select(literal(f"{kind}:") + cast(table.id, String))
        return and_(what.startswith(f"{kind}:"), what.not_in(known))

    unknown = and_(*(~what.startswith(f"{kind}:") for kind in ABOUT))
    return (
        select(Suspect.id, Suspect.member_id, what.label("about"))
        .select_from(Suspect)
        .join(each, true())
        .join(about, true())
        .where(or_(unknown, *(lost(kind, table) for kind, table in ABOUT.items())))
    )


def _other_keys() -> Select[*tuple[Any, ...]]:
    """Find keys that no evidence has, and evidence without its key: by them a person's word holds, or does not."""
    each, known = _evidence(), each_text_in(Suspect.keys, "each_known")
    key = each_text_in(_of(each, "keys"), "each_key")
    said = _of(each, "kind") + literal(":") + key.c.value
    is_known = select(known.c.value).where(known.c.value == said).exists()
    is_said = select(each.c.value).select_from(each).join(key, true()).where(said == known.c.value).exists()
    unknown = select(Suspect.id).select_from(Suspect).join(each, true()).join(key, true()).where(~is_known)
    unsaid = select(Suspect.id).select_from(Suspect).join(known, true()).where(~is_said)
    both = union_all(unknown, unsaid).subquery("other_keys")
    return select(both.c.id)
