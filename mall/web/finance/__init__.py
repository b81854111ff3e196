"""The finance desk, at /finance."""

from flask import Blueprint

bp = Blueprint("finance", __name__, url_prefix="/finance")

PAGES: list[Blueprint] = []

for page in PAGES:
    bp.register_blueprint(page)
