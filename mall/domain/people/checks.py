"""What must always be true of people."""

from sqlalchemy import exists, func, or_, select

from mall.base.proof import Check
from mall.base.text import N_

from .addresses import Address
from .facets import Facet, Told
from .members import Member
from .sign_ins import SignIn
from .staff import Staff


def checks() -> list[Check]:
    """Return the room's invariants."""
    return [
        Check(
            N_("a member with addresses has exactly one default"),
            select(Address.member_id).group_by(Address.member_id).having(func.count().filter(Address.is_default) != 1),
        ),
        Check(
            N_("what members told of sizes and style is one of the choices of its question"),
            select(Told.member_id, Told.facet_id, Told.choice)
            .outerjoin(Facet, Facet.id == Told.facet_id)
            .where(or_(Facet.id.is_(None), Told.choice < 0, Told.choice >= func.json_array_length(Facet.choices))),
        ),
        Check(
            N_("nobody who was deactivated is still signed in"),
            select(SignIn.id).where(
                SignIn.ended_at.is_(None),
                exists().where(Member.id == SignIn.member_id, Member.deactivated_at.is_not(None))
                | exists().where(Staff.id == SignIn.staff_id, Staff.deactivated_at.is_not(None)),
            ),
        ),
    ]
