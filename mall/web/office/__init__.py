"""The back office: what operators see, at /office. The staff's door stands here too, for finance as well."""

from flask import Blueprint

from mall.web.shared.signing_in import staff_only

from . import account, staff

bp = Blueprint("office", __name__, url_prefix="/office")
bp.before_request(staff_only("operate", but=("office.account",)))

PAGES: list[Blueprint] = [
    account.bp,
    staff.bp,
]

for page in PAGES:
    bp.register_blueprint(page)
