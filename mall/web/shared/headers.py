"""Headers on every answer, and which hosts we answer for."""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request


def prepare(app: Flask) -> None:
    """Set security headers on every answer, errors included; refuse hosts that are not ours."""
    public = urlsplit(app.config["PUBLIC_URL"])
    secure = public.scheme == "https"
    form_targets = "'self'" + (f" {app.config['STRIPE_PAGE_ORIGIN']}" if app.config["CASHIER"] == "stripe" else "")
    policy = "; ".join(
        (
            # Firefox fetches the pictures of <use> under default-src, so it cannot be 'none'.
            "default-src 'self'",
            "object-src 'none'",
            "frame-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            f"form-action {form_targets}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
    hosts = {public.netloc}
    if app.config["DEMO"] or app.testing:
        hosts |= {"localhost", "127.0.0.1"}

    @app.before_request
    def only_our_hosts() -> None:
        if request.host not in hosts and request.host.rpartition(":")[0] not in hosts:
            abort(400)

    @app.after_request
    def set_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if g.get("private") and "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response
