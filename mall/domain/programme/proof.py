"""What must always be true of the programme."""

from sqlalchemy import func, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import approvals

from .versions import KIND, ProgrammeApproval, ProgrammeVersion


def checks() -> list[Check]:
    """Return the room's checks."""
    approved = approvals.Approval
    return [
        Check(
            N_("a version in force was approved by a second person, or is marked as by one"),
            select(ProgrammeApproval.version, ProgrammeApproval.approved_by)
            .join(ProgrammeVersion, ProgrammeVersion.id == ProgrammeApproval.version)
            .where(
                ProgrammeVersion.drafted_by == ProgrammeApproval.approved_by,
                ProgrammeApproval.by_one_person.is_(False),
            ),
        ),
        Check(
            N_("every version after the first was asked for and approved"),
            select(ProgrammeApproval.version)
            .join(ProgrammeVersion, ProgrammeVersion.id == ProgrammeApproval.version)
            .where(
                ProgrammeVersion.based_on.is_not(None),
                select(func.count())
                .where(
                    approved.kind == KIND,
                    approved.decision == "approved",
                    approved.decided_by == ProgrammeApproval.approved_by,
                    approved.decided_at == ProgrammeApproval.approved_at,
                )
                .correlate(ProgrammeApproval)
                .scalar_subquery()
                == 0,
            ),
        ),
    ]
