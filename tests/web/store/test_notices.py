"""Members find what they were told in the shop too: counted on every page, read once opened, never another's."""

import re

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import notices, people
from mall.web.mail import mail_for
from tests.stage import NOON
from tests.web.test_mail import VALUES


@pytest.fixture
def tell():
    """Tell a member something: `tell(mei, "order_paid")`."""
    told = []

    def tell(member_id, kind="order_paid", **values):
        told.append(kind)
        with transaction():
            notices.tell(member_id, kind, values=VALUES[kind] | values, key=f"{kind}:{len(told)}", at=NOON)
        with reading():
            return execute(select(notices.Notice.id).order_by(notices.Notice.id.desc()).limit(1)).scalar_one()

    return tell


def row_of(notice_id):
    with reading():
        return execute(select(notices.Notice).where(notices.Notice.id == notice_id)).one()


def bell(page):
    return re.search(r'aria-label="(Notices, \d+ unread)"', page.text)[1]


def claimed(notice_id):
    row = row_of(notice_id)
    return notices.Claimed(**{name: getattr(row, name) for name in notices.Claimed.__struct_fields__})


def test_the_bell_counts_what_is_unread_and_a_notice_opened_is_read(mei, enter, tell):
    first, second = tell(mei), tell(mei, "points_unlocked")
    client = enter(mei)

    assert bell(client.get("/")) == "Notices, 2 unread"
    page = client.get(f"/notices/{first}")
    assert "Order 1042 is paid" in page.text and 'href="/orders/1042"' in page.text
    assert bell(client.get("/notices")) == "Notices, 1 unread"
    assert row_of(first).read_at is not None and row_of(second).read_at is None


def test_opening_it_again_keeps_the_time_it_was_read_first(mei, enter, tell):
    notice = tell(mei)
    client = enter(mei)
    client.get(f"/notices/{notice}")
    before = row_of(notice).read_at
    client.get(f"/notices/{notice}")

    assert row_of(notice).read_at == before


def test_all_can_be_read_at_once_but_not_what_came_since_the_page_was_shown(mei, enter, tell):
    shown = [tell(mei), tell(mei, "points_unlocked")]
    client = enter(mei)
    page = client.get("/notices")
    last = re.search(r'name="last" value="(\d+)"', page.text)[1]
    since = tell(mei, "level_raised")

    for _twice in range(2):
        assert client.post("/notices/read", data={"last": last}).status_code == 302
    assert all(row_of(notice).read_at for notice in shown)
    assert row_of(since).read_at is None


@pytest.mark.parametrize("last", ["", "-1", "all", "9" * 40])
def test_a_number_nobody_was_shown_reads_nothing_it_should_not(mei, tom, enter, tell, last):
    theirs = tell(tom)
    client = enter(mei)

    assert client.post("/notices/read", data={"last": last}).status_code == 302
    assert row_of(theirs).read_at is None


def test_another_s_notice_does_not_exist(mei, tom, enter, tell):
    theirs = tell(tom)
    client = enter(mei)

    assert client.get(f"/notices/{theirs}").status_code == 404
    assert client.get(f"/notices/{2**63}").status_code == 404
    assert "Order 1042" not in client.get("/notices").text
    assert row_of(theirs).read_at is None


def test_links_that_open_an_account_are_in_no_list(mei, enter):
    client = enter(mei)

    assert "verify-email" not in client.get("/notices").text
    with reading():
        kinds = execute(select(notices.Notice.kind).where(notices.Notice.shown_at.is_not(None))).scalars().all()
    assert "verify_email" not in kinds


def test_a_long_list_has_pages(mei, enter, tell):
    for _many in range(23):
        tell(mei)
    client = enter(mei)
    first = client.get("/notices")
    older = re.search(r'href="(/notices\?before=\d+)"', first.text)[1]

    assert first.text.count("Order 1042 is paid") == 20
    assert client.get(older).text.count("Order 1042 is paid") == 3


def test_who_has_none_is_told_so(mei, enter):
    client = enter(mei)

    assert "No notices yet" in client.get("/notices").text


# What comes by mail


def test_a_topic_given_up_is_not_mailed_and_is_shown_all_the_same(mei, enter, tell):
    client = enter(mei)
    client.post("/notices/mails", data={"topic": ["levels", "stock"]})
    unlocked, raised = tell(mei, "points_unlocked"), tell(mei, "level_raised")

    assert mail_for(claimed(unlocked)) is None
    assert mail_for(claimed(raised)).subject == "You are Senior now"
    assert "1,234 points are ready" in client.get("/notices").text
    page = client.get("/notices/mails").text
    assert re.findall(r'name="topic" value="(\w+)"( checked)?', page) == [
        ("points", ""), ("levels", " checked"), ("coupons", ""), ("stock", " checked"),
    ]  # fmt: skip


def test_orders_and_the_account_s_safety_are_always_mailed(mei, enter, tell):
    client = enter(mei)
    client.post("/notices/mails", data={"topic": ["orders-not", "nothing"]})

    for kind in ("order_paid", "order_cancelled", "refund_done", "return_declined", "password_changed"):
        assert mail_for(claimed(tell(mei, kind))) is not None


def test_a_topic_chosen_again_is_mailed_again(mei, enter, tell):
    client = enter(mei)
    client.post("/notices/mails", data={})
    client.post("/notices/mails", data={"topic": "points"})

    assert mail_for(claimed(tell(mei, "points_expiring"))) is not None


def test_coupons_are_mailed_only_to_who_lets_us_send_news(mei, enter, tell):
    assert mail_for(claimed(tell(mei, "coupon_received"))) is None
    with transaction():
        people.save_profile(mei, display_name="Mei", birthday=None, phone="", language="en", wants_news=True, at=NOON)
    assert mail_for(claimed(tell(mei, "coupon_expiring"))) is not None
    client = enter(mei)
    client.post("/notices/mails", data={})
    assert mail_for(claimed(tell(mei, "coupon_expiring"))) is None


def test_every_kind_belongs_to_a_topic():
    assert set(notices.TOPIC_OF) == set(notices.KINDS)
