"""Someone in front of a browser, who finds things by what they are called. Every page they come to is looked at."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests import cast, stage

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@dataclass
class Visitor:
    """A person and their page. A step that leads to another page waits for it, then has it looked at."""

    page: Page
    assert_accessible: Callable[..., None]
    assert_fits: Callable[[Page], None]
    home: str
    has_script: bool = True

    def open(self, address: str) -> int:
        """Go to an address. Returns the status it answered with."""
        answer = self.page.goto(address)
        self.look()
        assert answer is not None
        return answer.status

    def press(self, name: str, *, within: Locator | None = None) -> None:
        """Press a button that leads to another page."""
        self._leave_by((within or self.page).get_by_role("button", name=name, exact=True))

    def follow(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """Follow a link."""
        exact = isinstance(name, str)
        self._leave_by((within or self.page.get_by_role("main")).get_by_role("link", name=name, exact=exact))

    def fill_in(self, fields: dict[str, str]) -> None:
        """Type into boxes, by their labels."""
        for label, text in fields.items():
            self.page.get_by_label(label, exact=True).fill(text)

    def choose(self, way: str) -> None:
        """Choose one of several; with script the server is asked at once what it means."""
        one = self.page.get_by_role("radio", name=re.compile(way))
        if self.has_script and not one.is_checked():
            with self.page.expect_response(lambda answer: answer.request.method == "POST"):
                one.check()
        else:
            one.check()

    def put_in_basket(self) -> None:
        """Put the item whose page this is in the basket, as chosen."""
        self.press("Put in basket", within=self.page.get_by_role("main").locator("form"))

    def set_points(self, points: int) -> None:
        """Type how many points to use. With script the price follows at once, else by a button."""
        box = self.page.get_by_role("textbox", name="Points to use")
        box.fill(str(points))
        if self.has_script:
            with self.page.expect_response(lambda answer: answer.request.method == "POST"):
                box.press("Tab")
        else:
            self.press("Update price")

    def sign_in(self, name: str, *, by_hand: bool = False) -> None:
        """Sign in as a member of the stage; `by_hand` at the page itself, which is then looked at."""
        fields = {"E-mail": f"{name}@example.com", "Password": stage.PASSWORD}
        if not by_hand:
            self._let_in("/sign-in", fields)
            return
        self.open("/sign-in")
        self.fill_in(fields)
        self.press("Sign in", within=self.page.get_by_role("main"))
        self.sees_not("Sign in")

    def sign_in_staff(self, name: str, *, by_hand: bool = False) -> None:
        """Sign in as one of the staff, at their own door."""
        fields = {"E-mail": f"{name}@tessera.example", "Password": cast.PASSWORD}
        if not by_hand:
            self._let_in("/office/sign-in", fields)
            return
        self.open("/office/sign-in")
        self.fill_in(fields)
        self.press("Go on")

    def _let_in(self, door: str, fields: dict[str, str]) -> None:
        """Send the form of a door with this browser's cookies, without the page: it is no part of the story."""
        asking = self.page.context.request
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', asking.get(door).text())
        assert token, f"no form at {door}"
        form = {"email": fields["E-mail"], "password": fields["Password"], "csrf_token": token[1]}
        assert asking.post(door, form=form, max_redirects=0).status in (302, 303), f"not let in at {door}"

    def sees(self, *words: str | re.Pattern[str]) -> None:
        """Insist that the page says this, in its main part, as a reader would find it."""
        for each in words:
            expect(self.page.get_by_role("main")).to_contain_text(each, use_inner_text=True)

    def sees_in_the_end(self, words: str) -> None:
        """Insist that the page says this soon, when it is opened again and again."""
        for _try in range(20):
            if words in self.page.get_by_role("main").inner_text():
                break
            self.page.wait_for_timeout(100)
            self.page.reload()
        self.sees(words)

    def sees_not(self, *words: str) -> None:
        """Insist that the main part of the page says nothing like it."""
        for each in words:
            expect(self.page.get_by_role("main")).not_to_contain_text(each, use_inner_text=True)

    def region(self, name: str) -> Locator:
        """Return the part of the page of this name."""
        return self.page.get_by_role("region", name=name, exact=True)

    def row_says(self, table: Locator, *words: str) -> None:
        """Insist that one row of a table says all this."""
        row = table.get_by_role("row")
        for each in words:
            row = row.filter(has_text=each)
        expect(row).to_have_count(1)

    def download(self, name: str) -> list[list[str]]:
        """Follow a link that sends a table. Returns its rows."""
        with self.page.expect_download() as sent:
            self.page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
        return list(csv.reader(sent.value.path().read_text(encoding="utf-8-sig").splitlines()))

    def look(self) -> None:
        """Have the page looked at: by axe in light and dark, and as wide as a telephone. Others' pages are not."""
        if not self.page.url.startswith(self.home):
            return
        if self.has_script:
            self.assert_accessible(self.page)
        size = self.page.viewport_size
        assert size is not None
        if size == PHONE:
            self.assert_fits(self.page)
            return
        self.page.set_viewport_size(PHONE)
        self.assert_fits(self.page)
        self.page.set_viewport_size(size)

    def _leave_by(self, door: Locator) -> None:
        with self.page.expect_navigation(wait_until="load"):
            door.click()
        self.look()
