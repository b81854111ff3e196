"""A member sends a friend the link; the friend joins, buys and keeps: each step is rewarded, and not before."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall import worker
from mall.base.db import execute, reading
from mall.domain import notices
from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON

DAY = timedelta(days=1)


def newest_member():
    """Return who registered last, and the page that the mail to them leads to."""
    notice = notices.Notice
    with reading():
        wanted = select(notice.member_id, notice.details).where(notice.kind == "verify_email")
        row = execute(wanted.order_by(notice.id.desc()).limit(1)).one()
    return row.member_id, "/verify-email/" + row.details["link"].rpartition("/")[2]


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_a_friend_joins_and_keeps_an_order(visit, site, stage, size, script):
    stage.member("mei")
    mug = stage.mug()
    site.at = NOON
    mei = visit(size, script=script)
    mei.sign_in("mei")
    mei.open("/member/tasks")
    mei.sees("A friend joins by your invitation", "Your friend keeps a first order")
    mei.open("/invite")
    mei.press("Make my link")
    link = mei.page.get_by_label("Send it to whom you like").input_value()

    lin = visit(size, script=script)
    lin.open("/invite/" + link.rpartition("/")[2])
    lin.sees("Mei has invited you")
    lin.page.get_by_label("E-mail", exact=True).fill("lin@example.com")
    lin.page.get_by_label("Name", exact=True).fill("Lin Family")
    lin.page.get_by_label("Password", exact=True).fill("a quiet orange boat")
    lin.press("Become a member")
    mei.open("/invite")
    mei.sees("Lin", "Waits until the e-mail address is confirmed")

    friend, page = newest_member()
    lin.open(page)
    lin.press("Verify my address")
    worker.reward_invitations(NOON)
    mei.open("/invite")
    mei.sees("+20 pts", "Waits for an order that is kept")

    stage.settle_down(friend)
    stage.put_in(friend, mug, "cash")
    order = stage.pay(stage.place(friend))
    stage.ship(order)
    stage.deliver(order)
    worker.reward_invitations(NOON)
    mei.open("/invite")
    mei.sees("Waits until the days to return it are over")

    site.at = NOON + 15 * DAY
    stage.close(order, at=site.at)
    worker.reward_invitations(site.at)
    mei.open("/invite")
    mei.sees("+300 pts")
    mei.open("/wallet")
    mei.sees("A friend joined by your invitation", "A friend you invited kept an order", "320")
