"""robots.txt: search engines may read the shop, and nothing that is somebody's own."""

from flask import Blueprint, Response

bp = Blueprint("robots", __name__, url_prefix="/")

CLOSED = (
    "/account", "/basket", "/checkout", "/finance", "/member", "/notices", "/office", "/orders", "/outbox", "/sandbox",
    "/wallet", "/wishes",
)  # fmt: skip


@bp.get("/robots.txt")
def show() -> Response:
    """Say what may be read."""
    lines = ["User-agent: *", "Allow: /", *(f"Disallow: {address}" for address in CLOSED)]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")
