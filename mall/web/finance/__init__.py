"""The finance desk, at /finance."""

from flask import Blueprint

from mall.web.shared.signing_in import staff_only

from . import (
    adjustments,
    ageing,
    as_of,
    asked,
    checks,
    entries,
    journal,
    liability,
    movements,
    payouts,
    reconciliation,
)

bp = Blueprint("finance", __name__, url_prefix="/finance")
bp.before_request(staff_only("finance"))
bp.context_processor(asked.words)

PAGES: list[Blueprint] = [
    adjustments.bp,
    ageing.bp,
    as_of.bp,
    checks.bp,
    entries.bp,
    journal.bp,
    liability.bp,
    movements.bp,
    payouts.bp,
    reconciliation.bp,
]

for page in PAGES:
    bp.register_blueprint(page)
