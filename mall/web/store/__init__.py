"""The store: what members see, at /."""

from flask import Blueprint

from . import account, addresses, profile, registration, sign_in

bp = Blueprint("store", __name__, url_prefix="/")

# These share the account's blueprint and put their pages into it as they are imported.
ACCOUNT = (addresses, profile, registration, sign_in)
PAGES: list[Blueprint] = [
    account.bp,
]

for page in PAGES:
    bp.register_blueprint(page)
