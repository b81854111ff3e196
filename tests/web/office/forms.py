"""Forms of a page as a browser without script would send them."""

from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

VOID_TYPES = ("submit", "button", "image", "reset", "file")


class Reader(HTMLParser):
    """Reads the forms of a page: the address each is sent to, and the fields it would send as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str | list[str]]]] = []
        self.open: dict[str, str | list[str]] | None = None
        self.area: str | None = None
        self.select: str | None = None
        self.option: tuple[str, bool] | None = None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.open = {}
            if given.get("method") == "post":
                self.forms.append((given.get("action", ""), self.open))
        if self.open is None or "form" in given:
            return
        name = given.get("name")
        if tag == "input" and name and given.get("type") not in VOID_TYPES:
            if given.get("type") in ("checkbox", "radio") and "checked" not in given:
                return
            self.add(name, given.get("value", "on") or "")
        elif tag == "textarea" and name:
            self.area, self.open[name] = name, ""
        elif tag == "select" and name:
            self.select = name
        elif tag == "option" and self.select and (self.select not in self.open or "selected" in given):
            self.open[self.select] = given.get("value", "") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = None
        elif tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data):
        if self.area and self.open is not None:
            # The line break after the opening tag belongs to the markup.
            self.open[self.area] = f"{self.open[self.area]}{data}".removeprefix("\r\n").removeprefix("\n")

    def add(self, name, value):
        assert self.open is not None
        there = self.open.get(name)
        if there is None:
            self.open[name] = value
        else:
            self.open[name] = [*(there if isinstance(there, list) else [there]), value]


def form_of(page: str, action: str) -> dict[str, str | list[str]]:
    """Return the fields of the form of a page that is sent by POST to an address; where it stands is left out."""
    reader = Reader()
    reader.feed(page)
    found = [fields for address, fields in reader.forms if address.partition("#")[0] == action]
    assert found, f"no form to {action!r} among {[address for address, _fields in reader.forms]}"
    return found[0]


def send(browser: FlaskClient, page: str, action: str, **typed: str | list[str]) -> TestResponse:
    """Open a page, type into its form, and send it. Names with dashes are written with two underscores."""
    fields = form_of(browser.get(page).text, action)
    return browser.post(
        action or page, data=fields | {name.replace("__", "-"): value for name, value in typed.items()}
    )
