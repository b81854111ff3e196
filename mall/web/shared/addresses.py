"""Addresses of our pages: one that was built before is not built again."""

from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, g, has_request_context, request, url_for
from werkzeug.routing import BuildError

MOST = 2_048
PLAIN = (str, int)


def prepare(app: Flask) -> None:
    """Give every template `url_for(endpoint)`, and `link(endpoint)`, which is None while there is no such page."""

    @lru_cache(MOST)
    def built(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
        return url_for(endpoint, **dict(values))

    app.extensions["addresses"] = built
    app.jinja_env.globals.update(url_for=address, link=link, page_of_form=page_of_form)


def address(endpoint: str, **values: Any) -> str:
    """Return the address of a page, as Flask's url_for does."""
    # What is near, elsewhere or not plain is left to Flask: it depends on more than what is asked for.
    if endpoint[0] == "." or "_external" in values:
        return url_for(endpoint, **values)
    for value in values.values():
        if type(value) not in PLAIN:
            return url_for(endpoint, **values)
    try:
        built = g.built_addresses
    except AttributeError:  # The first time in this request; a page has dozens.
        if not has_request_context():
            return url_for(endpoint, **values)
        root = request.environ.get("SCRIPT_NAME", "")
        g.built_addresses = built = partial(current_app.extensions["addresses"], root)
    found: str = built(endpoint, tuple(values.items()))
    return found


def came_from() -> str | None:
    """Return the page of ours that this request came from, or None."""
    page = urlsplit(request.referrer or "")
    return page.path if page.netloc == request.host else None


def page_of_form() -> str:
    """Return the address of the page whose form this request is the sending of; "" where it is none or not known."""
    if request.method != "POST":
        return ""
    if request.url_rule is not None and "GET" in (request.url_rule.methods or ()):
        return request.full_path.rstrip("?")
    page = urlsplit(request.referrer or "")
    return page._replace(scheme="", netloc="", fragment="").geturl() if page.netloc == request.host else ""


def link(endpoint: str, **values: Any) -> str | None:
    """Return the address of a page, or None while there is no such page."""
    try:
        return address(endpoint, **values)
    except BuildError:
        return None
