"""The outside world: who takes the money, who carries the mail. Knows nothing of the mall but its foundation."""

from collections.abc import Mapping
from typing import Any

from mall.base.cashier import Cashier

from .sandbox_cashier import SandboxCashier
from .stripe_cashier import StripeCashier

__all__ = ["SandboxCashier", "StripeCashier", "cashier_for"]


def cashier_for(settings: Mapping[str, Any]) -> Cashier | None:
    """Return the cashier the settings name: Stripe, the sandbox, or none."""
    if settings["CASHIER"] == "stripe":
        return StripeCashier(
            settings["STRIPE_SECRET_KEY"],
            webhook_secret=settings["STRIPE_WEBHOOK_SECRET"],
            tolerance_seconds=settings["STRIPE_WEBHOOK_TOLERANCE_SECONDS"],
            api_base=settings["STRIPE_API_BASE"],
        )
    if settings["CASHIER"] == "sandbox":
        return SandboxCashier(page_address=f"{settings['PUBLIC_URL']}/sandbox")
    return None
