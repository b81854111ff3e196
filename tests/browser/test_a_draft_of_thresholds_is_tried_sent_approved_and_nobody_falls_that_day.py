"""A draft of thresholds is tried, sent, approved by another, holds from its date, and nobody falls on that day."""

from datetime import timedelta

from mall import worker
from mall.base.clock import moved_to
from mall.base.db import reading
from mall.domain import programme
from tests.browser.visitor import DESK, PHONE
from tests.domain.insight.test_pyramid import grow
from tests.stage import NOON
from tests.web.office.conftest import hire

DAY = timedelta(days=1)
BEGINS = NOON + 7 * DAY


def night(site, at):
    """Let the night's review of levels pass."""
    site.at = at
    with moved_to(at):
        worker.JOBS["levels.review"].job(at)


def test_a_draft_of_thresholds(visit, site, stage):
    site.at = NOON
    mei = stage.member("mei")
    grow(stage, mei, 5_500)
    for name in ("ada", "abe"):
        hire(name, "admin")
    site.at = NOON + 2 * DAY  # Nobody approves in the first day of their access.
    ada, abe, member = visit(DESK), visit(PHONE, script=False), visit(PHONE)
    ada.sign_in_staff("ada")
    abe.sign_in_staff("abe")

    ada.open("/office/levels")
    ada.sees("Pyramid", "By level")
    ada.follow("Design levels")
    ada.page.locator("#levels-3-reach").fill("8000")
    ada.page.locator("#levels-3-keep").fill("8,001")
    ada.fill_in({"What changes, and why": "Fewer VIPs"})
    ada.page.locator("#begins_at").fill(f"{BEGINS:%Y-%m-%dT%H:%M}")
    ada.press("Keep as a draft", within=ada.page.locator(".savebar"))
    ada.sees("Level 4 cannot take more growth to keep than to reach.")
    ada.page.locator("#levels-3-keep").fill("8,000")
    ada.press("Keep as a draft", within=ada.page.locator(".savebar"))
    ada.sees("Draft of version 2", "was 5,000", "Fewer VIPs")
    ada.follow("Try it on the members")
    ada.sees("1 member would stand lower than by the rules in force", "told 30 days before", "Mei", "VIP")
    ada.follow("Open the draft")
    ada.press("Send for approval")
    ada.sees("Needs a second person")

    abe.open("/office/programme")
    abe.sees("Draft of version 2", "Fewer VIPs")
    abe.press("Approve version 2")
    with reading():
        assert programme.current(site.at).version == 1

    member.sign_in("mei")
    night(site, BEGINS)
    member.open("/member")
    member.sees("VIP")
    with reading():
        assert programme.current(site.at).version == 2
    ada.sign_in_staff("ada")
    ada.open("/office/levels")
    ada.sees("VIP")
    row = ada.page.get_by_role("row").filter(has_text="VIP").filter(has_not_text="SVIP")
    assert row.get_by_role("cell").first.inner_text() == "1"
