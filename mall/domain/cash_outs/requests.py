"""Requests: asked by a member, approved or declined by finance, withdrawn by the member, paid outside and noted here.

asked -> approved -> paid (-> bounced), or asked -> declined | withdrawn. The points are held from the asking; approved
they are gone and the money is owed; declined, withdrawn or sent back by the bank they go back to their own lots. The
purse is locked first, so that of an approval and a withdrawal at once one finds the other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, Row, String, select, text, type_coerce

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.seals import unseal
from mall.base.tables import Mapped, mapped_column
from mall.domain import people, programme

KIND = "points.cash_out"
SEALED_FOR = "cash-out"
ASKED, APPROVED, PAID, DECLINED, WITHDRAWN = "asked", "approved", "paid", "declined", "withdrawn"
BOUNCED = "bounced"
# Those whose points had left, since somebody approved; and those whose money had left, too.
ONCE_APPROVED, ONCE_PAID = (APPROVED, PAID, BOUNCED), (PAID, BOUNCED)
LONGEST_PAYEE, LONGEST_ACCOUNT, LONGEST_REFERENCE, LONGEST_REASON = 80, 40, 80, 500
MOST_CENTS = 10**11


class CashOut(db.Model):
    """A member's request, with the rate and the fee of then. `account` is sealed; `account_end` is what may be shown.

    So many `rate_points` give so many `rate_cents`. What is paid is gross less the fee.
    """

    __table_args__ = (
        CheckConstraint("points > 0 AND rate_points > 0 AND rate_cents > 0", name="rate_known"),
        CheckConstraint("fee_cents >= 0 AND gross_cents > fee_cents", name="something_is_paid"),
        CheckConstraint(
            "state IN ('asked', 'approved', 'paid', 'bounced', 'declined', 'withdrawn')", name="state_known"
        ),
        CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(state IN ('paid', 'bounced')) = (paid_at IS NOT NULL)", name="paid_whole"),
        CheckConstraint("(state = 'bounced') = (bounced_at IS NOT NULL)", name="bounced_when_it_says"),
        CheckConstraint(
            "(bounced_at IS NULL) = (bounce_reference = '') AND (bounced_at IS NULL) = (bounce_reason = '')"
            " AND (bounced_at IS NULL) = (bounced_by = '')",
            name="bounced_whole",
        ),
        CheckConstraint("(paid_at IS NULL) = (payout_reference = '')", name="payout_has_reference"),
        Index(
            "uq_cash_out_asked",
            "member_id",
            unique=True,
            sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
        Index(None, "member_id", "id"),
        Index(None, "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    points: Mapped[int]
    rate_points: Mapped[int]
    rate_cents: Mapped[int]
    gross_cents: Mapped[int]
    fee_cents: Mapped[int]
    payee: Mapped[str] = mapped_column(String(LONGEST_PAYEE))
    account: Mapped[str] = mapped_column(String(300))
    account_end: Mapped[str] = mapped_column(String(4))
    state: Mapped[str] = mapped_column(String(10))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    paid_by: Mapped[str] = mapped_column(String(40))
    payout_reference: Mapped[str] = mapped_column(String(LONGEST_REFERENCE))
    bounced_at: Mapped[datetime | None] = mapped_column(Instant)
    bounced_by: Mapped[str] = mapped_column(String(40))
    bounce_reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    bounce_reference: Mapped[str] = mapped_column(String(LONGEST_REFERENCE))


class Offer(Struct, frozen=True):
    """What a programme gives for points: from how many, at which rate, for which fee. Off where least is 0."""

    least_points: int
    rate_points: int
    rate_cents: int
    fee_cents: int

    @property
    def is_on(self) -> bool:
        """Tell whether points are turned into cash at all."""
        return self.least_points > 0

    @property
    def most_points(self) -> int:
        """Return how many points one request may be for, so that its money is a sum a bank would carry."""
        return MOST_CENTS * self.rate_points // self.rate_cents

    def gross_cents(self, points: int) -> int:
        """Return what points give before the fee, rounded down."""
        return points * self.rate_cents // self.rate_points


def offer_of(terms: programme.Programme) -> Offer:
    """Return what a programme gives for points."""
    return Offer(terms.cash_out_least_points, terms.cash_out_points, terms.cash_out_cents, terms.cash_out_fee_cents)


def reference_of(cash_out_id: int) -> str:
    """Return what the postings of a cash-out refer to."""
    return f"cashout:{cash_out_id}"


def is_of_one(reference: str) -> bool:
    """Tell whether what a posting refers to is a cash-out."""
    return reference.startswith("cashout:")


def are_of_cash_outs(reference: Any) -> ColumnElement[bool]:
    """Return the condition that a reference, such as a posting's, is that of a cash-out."""
    return type_coerce(reference, String).startswith("cashout:", autoescape=True)


def cash_outs_of(member_id: int, *, limit: int = 20) -> Sequence[Row[Any]]:
    """Return a member's requests, latest first: the columns of CashOut."""
    mine = select(CashOut).where(CashOut.member_id == member_id)
    return execute(mine.order_by(CashOut.id.desc()).limit(limit)).all()


def cash_outs_in(*states: str, limit: int = 100) -> Sequence[Row[Any]]:
    """Return requests in some states, with their member's number, name and deactivated_at: oldest first."""
    member = people.Member
    return execute(
        select(CashOut, member.number, member.display_name, member.deactivated_at)
        .join(member, member.id == CashOut.member_id)
        .where(CashOut.state.in_(states))
        .order_by(CashOut.id)
        .limit(limit)
    ).all()


def cash_out_with(cash_out_id: int) -> Row[Any] | None:
    """Return one request, as cash_outs_in(), or None."""
    member = people.Member
    return execute(
        select(CashOut, member.number, member.display_name, member.deactivated_at)
        .join(member, member.id == CashOut.member_id)
        .where(CashOut.id == cash_out_id)
    ).one_or_none()


def latest_over(*, limit: int) -> Sequence[Row[Any]]:
    """Return requests that are paid, sent back, declined or withdrawn, the latest first: as cash_outs_in()."""
    member = people.Member
    return execute(
        select(CashOut, member.number, member.display_name)
        .join(member, member.id == CashOut.member_id)
        .where(CashOut.state.in_((*ONCE_PAID, DECLINED, WITHDRAWN)))
        .order_by(CashOut.id.desc())
        .limit(limit)
    ).all()


def account_of(cash_out: Any) -> str:
    """Return the account number of a request, as it is typed into a transfer. Raises BrokenSeal."""
    return unseal(cash_out.account, purpose=SEALED_FOR)
