"""The store: what members see, at /."""

from flask import Blueprint

bp = Blueprint("store", __name__, url_prefix="/")

PAGES: list[Blueprint] = []

for page in PAGES:
    bp.register_blueprint(page)
