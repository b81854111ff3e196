"""The chart of accounts: where each movement stands in the merchant's books. The names are the merchant's to change.

Account names are those that both hledger and beancount read: parts joined by colons, under five roots.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import String, delete, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit

from .movements import (
    ADJUSTED_DOWN,
    ADJUSTED_UP,
    CASHED_BACK,
    CASHED_OUT,
    EARNED,
    EXPIRED,
    GIVEN_BACK,
    REDEEMED,
    REPRICED,
    ROUNDING,
    TAKEN_BACK,
)

# Key: (what it is for, its name until it is given another).
ACCOUNTS: dict[str, tuple[str, str]] = {
    "points": (N_("Points liability, all of it"), "Liabilities:Points"),
    "contract": (N_("Points given with a sale (contract liability)"), "Liabilities:Points:Contract"),
    "bonus": (N_("Points given without a sale (provision)"), "Liabilities:Points:Bonus"),
    "deferred": (N_("Sales put off for points"), "Income:Sales:DeferredForPoints"),
    "redeemed": (N_("Revenue from redeemed points"), "Income:Points:Redeemed"),
    "breakage": (N_("Revenue from expired points"), "Income:Points:Breakage"),
    "marketing": (N_("Cost of points given without a sale"), "Expenses:Marketing:BonusPoints"),
    "goodwill": (N_("Cost of adjustments"), "Expenses:Goodwill"),
    "differences": (N_("Worth differences at repayment"), "Expenses:Points:WorthDifferences"),
    "rounding": (N_("Rounding"), "Expenses:Points:Rounding"),
    "brought_over": (N_("Points brought over"), "Equity:BroughtOver"),
    "cash_out": (N_("Points to cash, to be paid out"), "Liabilities:CashOut"),
    "cash_out_bank": (N_("Points to cash, paid out"), "Assets:Bank:CashOut"),
    "cash_out_value": (N_("Worth of cashed-out points beyond their cash"), "Income:Points:CashedOut"),
    "cash_out_fees": (N_("Fees of points to cash"), "Income:Points:CashOutFees"),
    "counter": (N_("The other side of points counted in points"), "Equity:Points"),
    "opening": (N_("Balances before the first day"), "Equity:Opening"),
    "cashier": (N_("Money at the cashier"), "Assets:Cashier"),
    "bank": (N_("Refunds given by hand, such as by bank transfer"), "Assets:Bank:RefundsByHand"),
    "payouts": (N_("Payouts of the cashier"), "Assets:Bank:Payouts"),
    "fees": (N_("Fees of the cashier"), "Expenses:CashierFees"),
    "advance": (N_("Payments not yet applied or refunded"), "Liabilities:Payments"),
    "sales": (N_("Sales of goods, without tax"), "Income:Sales:Goods"),
    "plans": (N_("Memberships paid for days to come (contract liability)"), "Liabilities:Memberships"),
    "plan_sales": (N_("Memberships, by the days that are over"), "Income:Sales:Memberships"),
    "shipping": (N_("Shipping, without tax"), "Income:Sales:Shipping"),
    "accepted": (N_("Differences accepted in payments"), "Income:Sales:AcceptedDifferences"),
    "tax": (N_("Tax payable"), "Liabilities:Tax"),
}
ROOTS = ("Assets", "Liabilities", "Equity", "Income", "Expenses")
LONGEST_NAME = 120
_PART = r"[A-Z0-9][A-Za-z0-9-]*"
_NAME = re.compile(rf"(?:{'|'.join(ROOTS)})(?::{_PART})+")

_OTHER_SIDE = {
    TAKEN_BACK: "deferred",
    REDEEMED: "redeemed",
    GIVEN_BACK: "redeemed",
    ADJUSTED_UP: "goodwill",
    ADJUSTED_DOWN: "goodwill",
    CASHED_OUT: "cash_out_value",
    CASHED_BACK: "cash_out_value",
    REPRICED: "differences",
    ROUNDING: "rounding",
}


class BadAccount(Refusal):
    message = N_(
        "“{given}” is no account name. Begin with Assets, Liabilities, Equity, Income or Expenses, and join parts that"
        " begin with a capital by colons."
    )


class NoSuchAccount(Refusal):
    message = N_("There is no such account in the chart.")


class OutsidePoints(Refusal):
    message = N_("The two kinds of points must stand under the account of all points, {name}.")


class AccountTaken(Refusal):
    message = N_("Another line of the chart has this name already.")


class ChartAccount(db.Model):
    """An account the merchant has given a name of their own."""

    __tablename__ = "chart_account"

    key: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    named_by: Mapped[str] = mapped_column(String(40))
    named_at: Mapped[datetime] = mapped_column(Instant)


def chart() -> dict[str, str]:
    """Return the name of every account by its key."""
    own = {row.key: row.name for row in execute(select(ChartAccount.key, ChartAccount.name))}
    return {key: own.get(key, name) for key, (_purpose, name) in ACCOUNTS.items()}


def name_accounts(names: Mapping[str, str], *, by: str, at: datetime) -> None:
    """Give accounts their names, {key: name}. Raises NoSuchAccount, BadAccount, OutsidePoints, AccountTaken."""
    before = chart()
    after = before | {key: name.strip() for key, name in names.items()}
    if set(names) - set(ACCOUNTS):
        raise NoSuchAccount
    for name in after.values():
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            raise BadAccount(given=name[:60])
    if not all(after[key].startswith(after["points"] + ":") for key in ("contract", "bonus")):
        raise OutsidePoints(name=after["points"])
    if len(set(after.values())) < len(after):
        raise AccountTaken
    changed = {key: name for key, name in after.items() if name != before[key]}
    if not changed:
        return
    execute(delete(ChartAccount).where(ChartAccount.key.in_(changed)))
    execute(
        insert(ChartAccount),
        [{"key": key, "name": name, "named_by": by, "named_at": at} for key, name in changed.items()],
    )
    audit.write(
        "finance.accounts_named",
        by=by,
        subject="chart",
        at=at,
        before={key: before[key] for key in changed},
        after=changed,
    )


def kept_in(origin: str) -> str:
    """Return the key of the account where points of an origin are owed: with a sale, or without one."""
    return "bonus" if origin in ("task", "adjustment") else "contract"


def other_side(movement: str, origin: str) -> str:
    """Return the key of the account on the other side of a movement (ACCOUNTING 3)."""
    given_freely = {"task": "marketing", "adjustment": "goodwill"}
    if movement == EARNED:
        return "brought_over" if origin == "import" else given_freely.get(origin, "deferred")
    if movement == EXPIRED:
        # What was given freely and is never asked for takes back its cost; what was sold is revenue at last.
        return given_freely.get(origin, "breakage")
    return _OTHER_SIDE[movement]
