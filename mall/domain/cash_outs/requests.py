"""Requests: asked by a member, approved or declined by finance, withdrawn by the member, paid outside and noted here.

asked -> approved -> paid (-> bounced), or asked -> declined | withdrawn. The points are held from the asking; approved
they are gone and the money is owed; declined, withdrawn or sent back by the bank they go back to their own lots. The
purse is locked first, so that of an approval and a withdrawal at once one finds the other.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Row,
    String,
    insert,
    select,
    text,
    type_coerce,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.seals import BrokenSeal, seal, unseal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import approvals, cash, ledger, people, programme, repeats

KIND = "points.cash_out"
SEALED_FOR = "cash-out"
ASKED, APPROVED, PAID, DECLINED, WITHDRAWN = "asked", "approved", "paid", "declined", "withdrawn"
BOUNCED = "bounced"
# Those whose points had left, since somebody approved; and those whose money had left, too.
ONCE_APPROVED, ONCE_PAID = (APPROVED, PAID, BOUNCED), (PAID, BOUNCED)
LONGEST_PAYEE, LONGEST_ACCOUNT, LONGEST_REFERENCE, LONGEST_REASON = 80, 40, 80, 500
MOST_CENTS = 10**11
_ACCOUNT = re.compile(r"[A-Z0-9]{5,34}")


class NotOffered(Refusal):
    message = N_("This shop does not turn points into cash.")


class NotVerified(Refusal):
    message = N_("Confirm your e-mail address first.")


class MemberFrozen(Refusal):
    message = N_("This account is frozen, so its points are not turned into cash.")


class InDebt(Refusal):
    message = N_("You owe {owed} points. They are repaid by the next you earn; after that points can become cash.")


class Disputed(Refusal):
    """What a disputed payment has earned is set aside, but not what was held before: it is not paid out meanwhile."""

    message = N_(
        "A payment of this account is disputed at the bank. Until that has ended, its points are not turned into cash."
    )


class TooFewPoints(Refusal):
    message = N_("Choose at least {least} points.")


class TooManyPoints(Refusal):
    message = N_("Choose at most {most} points; ask for the rest once these are paid.")


class OneAtATime(Refusal):
    message = N_("One request waits already. Withdraw it, or wait until it is decided.")


class BadAccount(Refusal):
    message = N_("An account number has 5 to 34 letters and digits, such as DE89 3704 0044 0532 0130 00.")


class NoPayee(Refusal):
    message = N_("Enter whose account it is.")


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


# What was sent stands in the request itself, its account number sealed: no digest of it is kept beside.
_ASKED = N_(
    "This form was sent before: {points} points were asked for as cash with it, to the account that ends in"
    " {account_end}. Nothing more was done. Take that one back if it still waits, then send this form again."
)


def ask(
    member_id: int,
    points: int,
    *,
    payee: str,
    account: str,
    key: str,
    terms: programme.Programme,
    at: datetime,
) -> int:
    """Ask for points to be turned into cash: they are held until it is decided. Returns its id; asked again, the same.

    Raises NotOffered, NotVerified, MemberFrozen, Disputed, InDebt, TooFewPoints, TooManyPoints, OneAtATime, NoPayee,
    BadAccount, ledger.InsufficientPoints; repeats.SentOtherwise for another request with the same key.
    """
    offer = offer_of(terms)
    if not offer.is_on:
        raise NotOffered
    plain = "".join(account.split()).upper()
    if not payee:
        raise NoPayee().about("payee")
    if not _ACCOUNT.fullmatch(plain):
        raise BadAccount().about("account")
    purse = ledger.lock(member_id, zone=terms.zone)
    if (asked := _asked_before(member_id, points, payee=payee, plain=plain, key=key)) is not None:
        return asked
    _refuse_unfit(member_id, purse)
    _refuse_points(points, offer, purse=purse, at=at)
    if execute(select(CashOut.id).where(CashOut.member_id == member_id, CashOut.state == ASKED)).first():
        raise OneAtATime
    cash_out_id: int = execute(
        insert(CashOut)
        .values(
            member_id=member_id,
            key=key,
            points=points,
            rate_points=offer.rate_points,
            rate_cents=offer.rate_cents,
            gross_cents=offer.gross_cents(points),
            fee_cents=offer.fee_cents,
            payee=payee,
            account=seal(plain, purpose=SEALED_FOR),
            account_end=plain[-4:],
            state=ASKED,
            asked_at=at,
            **_NOTHING_YET,
        )
        .returning(CashOut.id)
    ).scalar_one()
    ledger.hold(purse, points, reference=reference_of(cash_out_id), at=at, first=True)
    pays = offer.gross_cents(points) - offer.fee_cents
    approvals.ask(
        KIND,
        subject=f"member:{member_id}",
        what={"cash_out": cash_out_id, "points": points, "amount_cents": pays},
        by=f"member:{member_id}",
        at=at,
        reason="",
        key=reference_of(cash_out_id),
    )
    return cash_out_id


# Of a request that nobody has decided on, and that was not paid.
_NOTHING_YET: dict[str, Any] = {
    "decided_at": None, "decided_by": "", "reason": "", "paid_at": None, "paid_by": "", "payout_reference": "",
    "bounced_at": None, "bounced_by": "", "bounce_reason": "", "bounce_reference": "",
}  # fmt: skip


def _asked_before(member_id: int, points: int, *, payee: str, plain: str, key: str) -> int | None:
    """Return the id of what was asked for with a key, None where it is new. Raises SentOtherwise for another."""
    before = execute(select(CashOut).where(CashOut.key == key)).one_or_none()
    if before is None:
        return None
    same = (before.member_id, before.points, before.payee) == (member_id, points, payee)
    if not same or not _is_account_of(before, plain):
        raise repeats.SentOtherwise(_ASKED, points=before.points, account_end=before.account_end)
    return int(before.id)


def _refuse_points(points: int, offer: Offer, *, purse: ledger.LockedPurse, at: datetime) -> None:
    """Refuse fewer points than the offer takes, more than the member has, or more than is paid for at once."""
    if points < offer.least_points:
        raise TooFewPoints(least=offer.least_points).about("points")
    if points > purse.wallet:  # Before anything is worked out from them: no product of ours is larger than it may be.
        raise ledger.InsufficientPoints(wanted=points, available=ledger.spendable(purse.member_id, at=at))
    if points > offer.most_points:
        raise TooManyPoints(most=offer.most_points).about("points")


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


def _is_account_of(row: Any, plain: str) -> bool:
    """Tell whether a request is for this account; where the seal is broken, by what may be shown of it."""
    try:
        return account_of(row) == plain
    except BrokenSeal:
        return bool(row.account_end == plain[-4:])


def _refuse_unfit(member_id: int, purse: ledger.LockedPurse) -> None:
    if people.member_of(member_id).verified_at is None:
        raise NotVerified
    refuse_frozen(member_id)
    refuse_disputed(member_id)
    if purse.owed:
        raise InDebt(owed=purse.owed)


def refuse_frozen(member_id: int) -> None:
    """Refuse a member who is kept out: MemberFrozen."""
    if people.member_of(member_id).deactivated_at is not None:
        raise MemberFrozen


def refuse_disputed(member_id: int) -> None:
    """Refuse a member whose bank disputes a payment: Disputed."""
    if cash.has_open_dispute(member_id):
        raise Disputed
