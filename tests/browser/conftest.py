"""A real browser in front of a real server: the mall on a free port of this machine, Chromium, and axe.

`phone_page`, `desk_page` and `no_script_page` are pages that are at home in the mall (`page.goto("/")`). A test fails
when anything stands in the console of its pages or a page asks another host for something. A page of a test that
failed is kept as a picture in build/.
"""

import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response
from werkzeug.serving import make_server

from mall.base.clock import moved_to
from mall.config import ROOT
from mall.domain import catalogue
from tests import chromium
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.conftest import could_not_run
from tests.stage import NOON, Stage, open_shop

BUILD = ROOT / "build"
PATIENCE_MS = 10_000
# What is asked of a whole page, and what of its new parts only: colours, in light and in dark.
LOOK = "async (options) => (await axe.run(document, options)).violations"
LOOK_AT = """async (places) => {
    const parts = document.querySelectorAll("body, body *");
    const rule = {runOnly: ["color-contrast"], resultTypes: ["violations"]};
    return (await axe.run({include: places.map((place) => parts[place])}, rule)).violations;
}"""
BUT_COLOURS = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": False}}}
# What a page is made of, whatever it says: of each part the place of the one it stands in, and what it is itself.
PARTS = """() => {
    const parts = [...document.querySelectorAll("body, body *")], place = new Map(parts.map((part, n) => [part, n]));
    return parts.map((part) => [place.get(part.parentElement) ?? -1, part.tagName + "." + [...part.attributes]
        .map((each) => each.name + (["class", "role", "type"].includes(each.name) ? each.value : ""))
        + (part.textContent.trim() ? "" : "!")]);
}"""
OUTLINE = re.compile(r"(H[1-6]|MAIN|NAV|HEADER|FOOTER|ASIDE|SECTION|FORM|DIALOG)\.|role(region|alert|dialog|status)")
FAILED = pytest.StashKey[bool]()


@dataclass
class Site:
    """The mall being served: its address, its app, and the instant its clock stands at, if it does."""

    url: str
    app: Flask
    at: datetime | None = None

    def serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer one request, at the instant the clock stands at."""
        with ExitStack() as stack:
            if self.at is not None:
                stack.enter_context(moved_to(self.at))
            return self.app.wsgi_app(environ, start_response)


@dataclass
class Watch:
    """What went wrong on the pages of a test: words in the console, faults of a script, requests to other hosts.

    `guests` are other hosts that may be asked, such as the cashier's.
    """

    site: Site
    guests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    documents: set[str] = field(default_factory=set)
    consoles: list[tuple[str, str]] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"a script failed: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.consoles.append((message.text, (message.location or {}).get("url", "")))

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.site.url}/", "data:", "blob:", *self.guests)):
            self.complaints.append(f"a request to another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.request.resource_type == "document":
            self.documents.add(response.url)

    def verdict(self) -> list[str]:
        """Return everything that went wrong. That a page itself answers 404 or 422 is the test's business."""
        console = [
            f"in the console: {text} ({url})"
            for text, url in self.consoles
            if not (url in self.documents and text.startswith("Failed to load resource"))
        ]
        return self.complaints + console

    def forget(self) -> None:
        """Let what was seen so far pass: for tests of the watch itself."""
        self.complaints.clear()
        self.consoles.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Remember whether the test failed, for the pages' pictures."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How the browser is started: the machine's own, else the one playwright installed."""
    if found := chromium.program():
        return {"executable_path": found, "args": chromium.FLAGS}
    if not chromium.installed_by_playwright():
        could_not_run("no Chromium here: install the package chromium, or run `playwright install chromium`")
    return {"args": chromium.FLAGS}


@pytest.fixture
def settings() -> dict[str, Any]:
    """What is set in the served mall beside the usual: a test file that wants another cashier has its own."""
    return {"CASHIER": "sandbox"}


@pytest.fixture
def site(make_app: Callable[..., Flask], settings: dict[str, Any]) -> Iterator[Site]:
    """The mall, served on a free port of this machine, on a fresh SQLite database, with forms protected as always."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        port = door.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        app = make_app(PUBLIC_URL=url, WTF_CSRF_ENABLED=True, **settings)
        site = Site(url, app)
        server = make_server("127.0.0.1", port, site.serve, threaded=True, fd=door.fileno())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        with app.app_context():
            yield site
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    """What goes wrong on the pages of this test; it fails when it ends with anything here."""
    watch = Watch(site)
    yield watch
    if found := watch.verdict():
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest, browser: Browser, site: Site, watch: Watch
) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser of its own, signed in as nobody: `open_page(PHONE, script=False)`."""
    pages: list[Page] = []

    def open_one(size: dict[str, int], *, script: bool = True, language: str = "en-GB") -> Page:
        context = browser.new_context(
            base_url=site.url,
            viewport={"width": size["width"], "height": size["height"]},
            java_script_enabled=script,
            locale=language,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        watch.follow(page)
        pages.append(page)
        return page

    yield open_one
    if request.node.stash.get(FAILED, False):
        BUILD.mkdir(exist_ok=True)
        for number, page in enumerate(pages, start=1):
            page.screenshot(path=BUILD / f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())}-{number}.png")
    for page in pages:
        page.context.close()


@pytest.fixture
def phone_page(open_page: Callable[..., Page]) -> Page:
    """A page on a telephone."""
    return open_page(PHONE)


@pytest.fixture
def desk_page(open_page: Callable[..., Page]) -> Page:
    """A page on a desk."""
    return open_page(DESK)


@pytest.fixture
def no_script_page(open_page: Callable[..., Page]) -> Page:
    """A page on a telephone whose browser runs no script."""
    return open_page(PHONE, script=False)


@dataclass
class Looked:
    """What axe has looked at: parts of pages, told by what they are and what they stand in, and pages' outlines.

    A part of a page on a telephone is another than that of one on a desk.
    """

    known: dict[tuple[int, str], int] = field(default_factory=dict)
    outlines: set[tuple[str, ...]] = field(default_factory=set)

    def new_parts(self, parts: list[tuple[int, str]], *, width: int) -> list[int]:
        """Return the places of the parts that were on no page before, without what stands in one of them."""
        new, numbers = [], []
        fresh: set[int] = set()
        for place, (within, what) in enumerate(parts):
            key = (numbers[within] if within >= 0 else -width, what)
            if key not in self.known:
                fresh.add(place)
                if within not in fresh:
                    new.append(place)
            numbers.append(self.known.setdefault(key, len(self.known)))
        return new

    def forget(self, known: int) -> None:
        """Know only so many parts again, so that what is wrong with the others is found as often as it is shown."""
        for key in list(self.known)[known:]:
            del self.known[key]

    def is_new_outline(self, parts: list[tuple[int, str]]) -> bool:
        """Tell whether no page before had these headings and regions in this order; several alike count as one."""
        marks = [what for _within, what in parts if OUTLINE.search(what)]
        outline = tuple(what for before, what in zip(["", *marks], marks, strict=False) if what != before)
        is_new = outline not in self.outlines
        self.outlines.add(outline)
        return is_new


@pytest.fixture(scope="session")
def assert_accessible() -> Callable[..., None]:
    """Let axe look at a page, in light and in dark: `assert_accessible(page)` fails on anything serious.

    Colours cost the most: they are asked of parts that were on no page before, the rest of every page that has such
    a part or another outline than those before.
    """
    script = Axe().axe_script
    looked = Looked()

    def look(page: Page) -> None:
        parts, size, known = page.evaluate(PARTS), page.viewport_size, len(looked.known)
        new = looked.new_parts(parts, width=size["width"] if size else 0)
        if not looked.is_new_outline(parts) and not new:
            return
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(script)
        found = [("light", violation) for violation in page.evaluate(LOOK, BUT_COLOURS)]
        for theme in ("dark", "light") if new else ():
            page.emulate_media(color_scheme=theme)
            found += [(theme, violation) for violation in page.evaluate(LOOK_AT, new)]
        faults = []
        for theme, violation in found:
            if violation["impact"] in ("serious", "critical"):
                places = [node["html"][:160] for node in violation["nodes"][:3]]
                faults.append(f"{page.url} ({theme}) {violation['id']}: {violation['help']}: {places}")
        if faults:
            looked.forget(known)
        assert not faults, "\n".join(faults)

    return look


@pytest.fixture(scope="session")
def assert_fits() -> Callable[[Page], None]:
    """Fail when a page is wider than the screen: `assert_fits(page)`."""

    def look(page: Page) -> None:
        wide = page.evaluate(
            """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
                [...document.querySelectorAll('body *')]
                .filter((part) => part.getBoundingClientRect().right > window.innerWidth + 1)
                .slice(0, 5).map((part) => part.outerHTML.slice(0, 120))"""
        )
        assert not wide, f"{page.url} is wider than the screen: {wide}"

    return look


@pytest.fixture
def stage(site: Site) -> Stage:
    """A shop set up a quarter ago; for who visits it now it is noon of 2 March 2026."""
    site.at = NOON
    return open_shop(at=NOON - timedelta(days=90))


@pytest.fixture
def visit(
    site: Site,
    open_page: Callable[..., Page],
    assert_accessible: Callable[..., None],
    assert_fits: Callable[[Page], None],
) -> Callable[..., Visitor]:
    """Let someone in, with a telephone unless told: `visit(DESK, script=False)`."""

    def enter(size: dict[str, int] = PHONE, *, script: bool = True) -> Visitor:
        return Visitor(open_page(size, script=script), assert_accessible, assert_fits, site.url, script)

    return enter


@pytest.fixture(params=[True, False], ids=["script", "no_script"])
def payer(request: pytest.FixtureRequest, stage: Stage, visit: Callable[..., Visitor]) -> Visitor:
    """Mei with 1,000 points, with script and without, at the payment page for a lamp of 600 points and 19.00."""
    member_id = stage.member("mei")
    stage.settle_down(member_id)
    stage.give(member_id, 1_000)
    lamp = stage.item("Paper lamp", prices=(catalogue.mix_price(2_500, least=600, most=600, step=100),))
    stage.put_in(member_id, lamp, "mix")
    mei = visit(script=request.param)
    mei.sign_in("mei")
    mei.open("/checkout")
    mei.press("Redeem 600 pts and pay $23.90")
    return mei
