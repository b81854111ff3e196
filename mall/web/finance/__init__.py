"""The finance desk, at /finance."""

from flask import Blueprint

from mall.web.shared.signing_in import staff_only

bp = Blueprint("finance", __name__, url_prefix="/finance")
bp.before_request(staff_only("finance"))

PAGES: list[Blueprint] = []

for page in PAGES:
    bp.register_blueprint(page)
