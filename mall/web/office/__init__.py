"""The back office: what operators see, at /office."""

from flask import Blueprint

bp = Blueprint("office", __name__, url_prefix="/office")

PAGES: list[Blueprint] = []

for page in PAGES:
    bp.register_blueprint(page)
