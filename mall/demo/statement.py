"""The cashier's statement of the demo's year: read once it is over, with what a sandbox does not do by itself."""

from datetime import datetime, timedelta

from mall.base.cashier import Cashier, Taking
from mall.base.db import reading, transaction
from mall.domain import cash, finance, programme

PAID_OUT_CENTS, FEE_CENTS = 120_000, 2_500


def read_statement(cashier: Cashier, *, terms: programme.Programme, by: str, at: datetime) -> None:
    """Read the year's statement; a file adds two payouts and two fees, of which one is explained."""
    cash.import_statement(cashier, zone=terms.zone, at=at)
    lines = []
    for number, days in enumerate((33, 3), start=1):
        day = at - timedelta(days=days)
        lines += [
            Taking(f"demo_payout_{number}", "payout", -PAID_OUT_CENTS, 0, terms.currency, f"payout_{number}", day),
            Taking(f"demo_fee_{number}", "fee", -FEE_CENTS, 0, terms.currency, "", day),
        ]
    with transaction():
        finance.reconcile_lines(lines, cashier=cashier.name, zone=terms.zone, at=at, by=by)
    with reading():
        found = finance.breaks_page("open").rows[0]
    with transaction():
        finance.look_after_break(
            found.id,
            version=found.version,
            owner=by,
            state="explained",
            note="Monthly fee of the terminal, contract of January",
            by=by,
            at=at,
        )
