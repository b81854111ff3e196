"""What Flask and Jinja do on every page or at every start though it need not be: done once, or when it is needed."""

from copy import deepcopy
from functools import lru_cache
from typing import Any

import jinja2
from flask import Flask, Response, current_app, g, session
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager
from flask_wtf.csrf import generate_csrf
from werkzeug import routing

COOKIES = 512
SHARED = (str, int, bool, type(None))


class Cookies:
    """Signs and reads the session's cookie. One that was found good is not worked out again, only its age is."""

    def __init__(self, serializer: Any) -> None:
        self._serializer = serializer
        self.dumps = serializer.dumps
        self._time = serializer.make_signer(serializer.salt).get_timestamp  # The clock it signs by, in seconds.

        @lru_cache(COOKIES)
        def read(cookie: str) -> tuple[dict[str, Any], float]:
            said, signed_at = serializer.loads(cookie, return_timestamp=True)
            return said, signed_at.timestamp()

        self._read = read

    def loads(self, cookie: str, max_age: int) -> dict[str, Any]:
        """Return what a cookie says, a copy of its own. Raises BadSignature for a forged one and one too old."""
        said, signed_at = self._read(cookie)
        if not 0 <= self._time() - signed_at <= max_age:
            return self._serializer.loads(cookie, max_age=max_age)
        return {key: value if type(value) in SHARED else deepcopy(value) for key, value in said.items()}


class Sessions(SecureCookieSessionInterface):
    """The session's cookie. Who signs and reads it is made once for a set of secrets, not twice a request."""

    def __init__(self) -> None:
        self._made: tuple[object, Any] = (None, None)

    def get_signing_serializer(self, app: Flask) -> Any:
        """Return who signs and reads the cookie."""
        secrets = (app.secret_key, *(app.config.get("SECRET_KEY_FALLBACKS") or ()))
        made_for, serializer = self._made
        if made_for != secrets:
            theirs = super().get_signing_serializer(app)
            serializer = theirs and Cookies(theirs)  # Without a secret there is none.
            self._made = (secrets, serializer)
        return serializer


def csrf_token() -> str:
    """Return the token of this browser's forms: signed once, not on every page. It does not run out (config)."""
    if known := g.get("csrf_token"):  # A page has several forms.
        return str(known)
    if raw := session.get("csrf_token"):
        g.setdefault("csrf_token", _signed(raw, str(current_app.secret_key)))
    return generate_csrf()


@lru_cache(1_024)
def _signed(_raw: str, _secret: str) -> str:
    return generate_csrf()


class Logins(LoginManager):
    """Who is behind a request, by our own token alone: none of the cookies and browser prints it has of its own."""

    def _session_protection_failed(self) -> bool:
        return False

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


class Rule(routing.Rule):
    """An address of the mall. What makes links to it is compiled when the first is made, and not all at the start."""

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        compiled = super()._compile_builder
        place = "_build_unknown" if append_unknown else "_build"

        def build(rule: Rule, **values: Any) -> Any:
            builder = compiled(append_unknown).__get__(rule, None)
            setattr(rule, place, builder)
            return builder(**values)

        return build


class App(Flask):
    """The mall's Flask: none of its views is a coroutine, so none is asked."""

    url_rule_class = Rule

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session_interface = Sessions()

    def ensure_sync(self, func: Any) -> Any:
        """Return a view as it is."""
        return func


class Template(jinja2.Template):
    """A template whose macros others import: it is read once, since nobody gives it globals of its own."""

    def _get_default_module(self, ctx: Any = None) -> Any:
        if self._module is None:
            self._module = self.make_module()
        return self._module
