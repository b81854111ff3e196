"""Facets: what a shop would like to know of its members' sizes and style, and what each has told.

A choice is known by its place in the list, so choices are only added and renamed. A facet that is no longer asked for
is switched off; what was told stays.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Row, String, and_, delete, func, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Text
from mall.domain import audit

from .members import lock_member

KINDS = ("sizes", "style")
MOST_CHOICES, MOST_FACETS = 40, 30
# The act that the audit knows an answer by that its member took back.
TAKEN_BACK = "facet.taken_back"


class FewerChoices(Refusal):
    """A choice somebody may have made would be gone."""

    message = N_("Choices can be renamed and added, not removed: members may have chosen them. There were {before}.")


class TooManyFacets(Refusal):
    message = N_("There are {most} questions, which is the most. Switch some off, and change those.")


class NoSuchFacet(NotFound):
    message = N_("There is no such question.")


class Facet(db.Model):
    """A question to members, with its choices: a size, or a matter of style."""

    __tablename__ = "member_facet"
    __table_args__ = (CheckConstraint(f"kind IN {KINDS}", name="kind_is_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[dict[str, str]] = mapped_column(Text)
    choices: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    place: Mapped[int]
    active: Mapped[bool]


class Told(db.Model):
    """What a member has chosen. `choice` is its place in the facet's list."""

    __tablename__ = "member_facet_told"
    __table_args__ = (CheckConstraint("choice >= 0", name="choice_in_the_list"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    facet_id: Mapped[int] = mapped_column(ForeignKey("member_facet.id"), primary_key=True, autoincrement=False)
    choice: Mapped[int]
    told_at: Mapped[datetime] = mapped_column(Instant)


class FacetTold(Struct, frozen=True):
    """A question as a member sees it, and what they have chosen, None: nothing yet."""

    id: int
    kind: str
    name: Mapping[str, str]
    choices: Sequence[Mapping[str, str]]
    choice: int | None


def facets() -> Sequence[Row[Any]]:
    """Return every facet in order, as the desk sees it: the columns of Facet, and told, by how many."""
    told = select(func.count()).where(Told.facet_id == Facet.id).correlate(Facet).scalar_subquery()
    return execute(select(Facet, told.label("told")).order_by(Facet.kind, Facet.place, Facet.id)).all()


def facet_of(facet_id: int) -> Row[Any]:
    """Return a facet's row. Raises NotFound."""
    row = execute(select(Facet).where(Facet.id == facet_id)).one_or_none()
    if row is None:
        raise NoSuchFacet()
    return row


def facets_for(member_id: int) -> list[FacetTold]:
    """Return what members are asked now, in order, with what this one has chosen. One statement."""
    rows = execute(
        select(Facet, Told.choice)
        .outerjoin(Told, (Told.facet_id == Facet.id) & (Told.member_id == member_id))
        .where(Facet.active)
        .order_by(Facet.kind, Facet.place, Facet.id)
    )
    return [FacetTold(row.id, row.kind, row.name, row.choices, row.choice) for row in rows]


def tell_facets(member_id: int, chosen: Mapping[int, int | None], *, at: datetime) -> set[str]:
    """Keep what a member chooses, {facet: place in its list}; None takes it back. Unknown places are left out.

    Returns the kinds of which everything that is asked is told now.
    """
    lock_member(member_id)
    asked = facets_for(member_id)
    for facet in asked:
        if facet.id not in chosen:
            continue
        choice = chosen[facet.id]
        if choice == facet.choice or not (choice is None or 0 <= choice < len(facet.choices)):
            continue
        mine = (Told.member_id == member_id, Told.facet_id == facet.id)
        if choice is None:
            execute(delete(Told).where(*mine))
            # What was told may have been paid for, so that it was told stays written down.
            subject, of = f"member:{member_id}", {"facet": facet.id, "kind": facet.kind}
            audit.write(TAKEN_BACK, by=subject, subject=subject, at=at, before=of)
        elif facet.choice is None:
            execute(insert(Told).values(member_id=member_id, facet_id=facet.id, choice=choice, told_at=at))
        else:
            execute(update(Told).where(*mine).values(choice=choice, told_at=at))
    return kinds_told(facets_for(member_id))


def told_columns(kind: str, member: Any) -> tuple[Any, Any]:
    """Return whether anything is asked of a kind, and whether a member has told all of it, as columns for others."""
    asked = select(Facet.id).where(Facet.kind == kind, Facet.active)
    told = select(Told.facet_id).where(Told.facet_id == Facet.id, Told.member_id == member.id).correlate(Facet, member)
    anything, missing = asked.exists(), asked.where(~told.exists()).correlate(member).exists()
    return anything.label(f"{kind}_asked"), and_(anything, ~missing).label(kind)


def kinds_told(told: Collection[FacetTold]) -> set[str]:
    """Return the kinds of which everything that is asked is told. Pure."""
    asked = {facet.kind for facet in told}
    return {kind for kind in asked if all(facet.choice is not None for facet in told if facet.kind == kind)}


def make_facet(
    kind: str, name: Mapping[str, str], choices: Sequence[Mapping[str, str]], *, place: int, by: str, at: datetime
) -> int:
    """Ask members something more. Returns the facet's id. Raises TooManyFacets."""
    assert kind in KINDS and 2 <= len(choices) <= MOST_CHOICES
    if execute(select(func.count()).select_from(Facet)).scalar_one() >= MOST_FACETS:
        raise TooManyFacets(most=MOST_FACETS)
    facet_id: int = execute(
        insert(Facet)
        .values(kind=kind, name=dict(name), choices=[dict(each) for each in choices], place=place, active=True)
        .returning(Facet.id)
    ).scalar_one()
    audit.write("facet.made", by=by, subject=f"facet:{facet_id}", at=at, after={"kind": kind, "name": dict(name)})
    return facet_id


def change_facet(
    facet_id: int,
    name: Mapping[str, str],
    choices: Sequence[Mapping[str, str]],
    *,
    place: int,
    active: bool,
    by: str,
    at: datetime,
) -> None:
    """Rename a facet, add choices, move it, or switch it off or on. Raises FewerChoices, NotFound."""
    row = execute(select(Facet).where(Facet.id == facet_id).with_for_update()).one_or_none()
    if row is None:
        raise NoSuchFacet()
    if len(choices) < len(row.choices):
        raise FewerChoices(before=len(row.choices))
    becomes = {"name": dict(name), "choices": [dict(each) for each in choices], "place": place, "active": active}
    before = {key: getattr(row, key) for key in becomes}
    if becomes == before:
        return
    execute(update(Facet).where(Facet.id == facet_id).values(becomes))
    audit.write("facet.changed", by=by, subject=f"facet:{facet_id}", at=at, before=before, after=becomes)
