"""Asking for points to be turned into cash: who may, for how many, to which account. They are held from then on."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.seals import BrokenSeal, seal
from mall.base.text import N_
from mall.domain import approvals, cash, ledger, people, programme, repeats

from .requests import ASKED, KIND, SEALED_FOR, CashOut, Offer, account_of, offer_of, reference_of

_ACCOUNT = re.compile(r"[A-Z0-9]{5,34}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


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


class MistypedIban(Refusal):
    message = N_("This IBAN cannot be right: its check digits do not fit the rest. Compare it digit by digit.")


class NoPayee(Refusal):
    message = N_("Enter whose account it is.")


# What was sent stands in the request itself, its account number sealed: no digest of it is kept beside.
_ASKED = N_(
    "This form was sent before: {points} points were asked for as cash with it, to the account that ends in"
    " {account_end}. Nothing more was done. Take that one back if it still waits, then send this form again."
)


def is_mistyped(account: str) -> bool:
    """Tell whether an account is written like an IBAN whose check digits do not fit the rest (ISO 13616, mod 97)."""
    if not _IBAN.fullmatch(account):
        return False
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 != 1


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
    BadAccount, MistypedIban, ledger.InsufficientPoints; repeats.SentOtherwise for another request with the same key.
    """
    offer = offer_of(terms)
    if not offer.is_on:
        raise NotOffered
    plain = "".join(account.split()).upper()
    if not payee:
        raise NoPayee().about("payee")
    if not _ACCOUNT.fullmatch(plain):
        raise BadAccount().about("account")
    if is_mistyped(plain):
        raise MistypedIban().about("account")
    purse = ledger.lock(member_id, zone=terms.zone)
    if (asked := _asked_before(member_id, points, payee=payee, plain=plain, key=key)) is not None:
        return asked
    _refuse_unfit(member_id, purse)
    _refuse_points(points, offer, purse=purse, at=at)
    if execute(select(CashOut.id).where(CashOut.member_id == member_id, CashOut.state == ASKED)).first():
        raise OneAtATime
    cash_out_id = _write(member_id, points, offer, payee=payee, plain=plain, key=key, at=at)
    ledger.hold(purse, points, reference=reference_of(cash_out_id), at=at, first=True)
    approvals.ask(
        KIND,
        subject=f"member:{member_id}",
        what={"cash_out": cash_out_id, "points": points, "amount_cents": offer.gross_cents(points) - offer.fee_cents},
        by=f"member:{member_id}",
        at=at,
        reason="",
        key=reference_of(cash_out_id),
    )
    return cash_out_id


def _write(member_id: int, points: int, offer: Offer, *, payee: str, plain: str, key: str, at: datetime) -> int:
    """Write a request down at the rate of now, its account number sealed. Returns its id."""
    return int(
        execute(
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
    )


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
