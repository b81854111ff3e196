"""The outside world: who takes the money, who carries the mail. Knows nothing of the mall but its foundation."""

import importlib
from collections.abc import Mapping
from typing import Any

from mall.base.cashier import Cashier

from .sandbox_cashier import SandboxCashier

__all__ = ["SandboxCashier", "StripeCashier", "cashier_for"]

StripeCashier: Any  # Fetched by __getattr__.


def __getattr__(name: str) -> Any:
    """Fetch the Stripe cashier when it is named: its client is large, and a shop without Stripe starts without it."""
    if name == "StripeCashier":
        return importlib.import_module(".stripe_cashier", __name__).StripeCashier
    raise AttributeError(name)


def cashier_for(settings: Mapping[str, Any]) -> Cashier | None:
    """Return the cashier the settings name: Stripe, the sandbox, or none."""
    if settings["CASHIER"] == "stripe":
        cashier: Cashier = __getattr__("StripeCashier")(
            settings["STRIPE_SECRET_KEY"],
            webhook_secret=settings["STRIPE_WEBHOOK_SECRET"],
            tolerance_seconds=settings["STRIPE_WEBHOOK_TOLERANCE_SECONDS"],
            api_base=settings["STRIPE_API_BASE"],
        )
        return cashier
    if settings["CASHIER"] == "sandbox":
        return SandboxCashier(page_address=f"{settings['PUBLIC_URL']}/sandbox")
    return None
