"""The ways to earn in the member centre: checking in once a day, and tasks with what they give and how they stand."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import ledger, membership, notices, programme
from tests.stage import NOON, open_shop
from tests.web.store.till import Till, words

DAY = timedelta(days=1)
PROFILE = {"display_name": "Mei", "birthday": "1990-05-17", "phone": "", "language": "en"}
ADDRESS = {
    "recipient": "Mei", "line1": "18 Juniper Lane", "postcode": "97201", "city": "Portland", "country": "US",
}  # fmt: skip


def ready(member_id, at=NOON):
    with reading():
        return ledger.balances(member_id, at=at).ready


def check_in(till, at=NOON):
    with moved_to(at):
        return words(till.browser.post("/member/check-in", follow_redirects=True).text)


def member_page(till, at=NOON):
    with moved_to(at):
        return till.browser.get("/member").text


def strip(page):
    """The seven days as (state, words)."""
    part = page[page.index('<ol class="streak">') :]
    return re.findall(r'<li class="(\w*)">(.*?)</li>', part[: part.index("</ol>")], re.S)


def test_a_day_is_checked_in_by_a_button_that_says_what_it_gives(till, mei):
    assert "Check in: +10 points" in words(member_page(till))

    said = check_in(till)

    assert "Checked in: 1 day in a row. +10 points" in said
    assert "You have checked in today. The next day begins at midnight" in said
    assert "Check in: +10 points" not in said
    assert ready(mei) == 10


def test_twice_on_a_day_is_once(till, mei):
    check_in(till)
    said = check_in(till, NOON + timedelta(hours=3))

    assert "You have checked in today: 1 day in a row. Come back tomorrow." in said
    assert ready(mei) == 10


def test_the_strip_shows_what_was_given_and_what_will_be(till):
    for day in range(2):
        check_in(till, NOON + day * DAY)

    days = strip(member_page(till, NOON + 2 * DAY))
    assert [state for state, _words in days] == ["done", "done", "today", "", "", "", "bonus"]
    assert ["+10" in text for _state, text in days] == [True, True, False, True, True, True, False]
    assert "+20" in days[2][1] and "+50" in days[6][1] and "Day 7" in days[6][1]


def test_the_eighth_day_begins_the_next_seven(till):
    for day in range(7):
        check_in(till, NOON + day * DAY)

    assert [state for state, _words in strip(member_page(till, NOON + 6 * DAY))] == ["done"] * 7
    assert strip(member_page(till, NOON + 7 * DAY))[0][0] == "today"


def test_a_bonus_whose_cap_is_reached_is_not_promised(app, enter):
    tasks = programme.default_settings(shop_name="Tessera")["tasks"]
    tasks = [task | ({"per_month": None, "in_all": 1} if task["key"] == "streak_3" else {}) for task in tasks]
    stage = open_shop(tasks=tasks)
    mei = stage.member("mei")
    till = Till(enter(mei), stage, mei)
    for day in (0, 1, 2):
        check_in(till, NOON + day * DAY)
    for day in (4, 5):
        check_in(till, NOON + day * DAY)

    days = strip(member_page(till, NOON + 6 * DAY))
    assert days[2][0] == "today" and "+10" in days[2][1]


def test_the_month_marks_the_days_of_being_here_and_those_missed(till):
    check_in(till, NOON + 2 * DAY)
    page = member_page(till, NOON + 4 * DAY)
    month = page[page.index('<ol class="month"') :].partition("</ol>")[0]

    assert re.findall(r'<li class="(\w+)"><span>(\d+)', month) == [("done", "4"), ("miss", "5"), ("today", "6")]


@pytest.mark.parametrize("tasks", [[], [{"key": "check_in", "points": 10, "growth": 0, "active": False}]])
def test_a_shop_that_pays_nothing_for_it_shows_no_check_in(app, enter, tasks):
    stage = open_shop(tasks=tasks)
    mei = stage.member("mei")
    assert "Daily check-in" not in words(enter(mei).get("/member").text)


def test_a_visitor_who_checks_in_is_asked_to_sign_in(app, till):
    answer = app.test_client().post("/member/check-in")
    assert answer.status_code == 302 and "/sign-in" in answer.location


def test_telling_a_birthday_and_wanting_news_is_paid_once(till, mei):
    said = words(till.browser.post("/account/profile", data=PROFILE | {"wants_news": "y"}, follow_redirects=True).text)
    assert "Your profile is saved." in said and "+40 points" in said

    till.browser.post("/account/profile", data=PROFILE)
    said = words(till.browser.post("/account/profile", data=PROFILE | {"wants_news": "y"}, follow_redirects=True).text)
    assert "points" not in said.partition("Your profile is saved.")[2][:30]
    assert ready(mei) == 40


def test_a_profile_that_tells_nothing_new_pays_nothing(till, mei):
    till.browser.post("/account/profile", data=PROFILE | {"birthday": ""})
    assert ready(mei) == 0


def test_the_first_address_is_paid(till, mei):
    said = words(till.browser.post("/account/addresses/new", data=ADDRESS, follow_redirects=True).text)
    assert "+20 points" in said
    till.browser.post("/account/addresses/new", data=ADDRESS | {"line1": "19 Juniper Lane"})
    assert ready(mei) == 20


def link_of(kind):
    """The path of the link in the last mail of a kind."""
    wanted = select(notices.Notice.details).where(notices.Notice.kind == kind).order_by(notices.Notice.id.desc())
    with reading():
        return execute(wanted.limit(1)).scalar_one()["link"].partition("localhost")[2]


def test_a_verified_address_is_paid_and_then_the_wish_for_news_too(app, stage):
    visitor = app.test_client()
    data = {"display_name": "Ning", "email": "ning@example.com", "password": "a quiet orange boat", "wants_news": "y"}
    with moved_to(NOON):
        visitor.post("/register", data=data)
        said = words(visitor.post(link_of("verify_email"), follow_redirects=True).text)
    assert "+40 points" in said


def test_tasks_say_what_they_give_and_how_they_stand(till, mei):
    page = words(member_page(till))
    assert "Tell us your birthday +20 pts" in page
    assert "Join us" not in page

    till.browser.post("/account/profile", data=PROFILE)
    assert row_of(till, "Tell us your birthday").endswith("+20 pts Done")


def test_what_was_told_before_there_was_a_task_is_done(till, mei):
    # Mei's address and her e-mail are known from the stage, where no task was looked at.
    assert row_of(till, "Confirm your e-mail address").endswith("+20 pts Done")
    assert row_of(till, "Add an address").endswith("+20 pts Done")


def test_a_task_that_begins_later_or_asks_for_a_level_says_so(app, enter):
    later = {"key": "add_birthday", "points": 20, "growth": 5, "begins_on": "2026-06-01"}
    higher = {"key": "add_address", "points": 20, "growth": 0, "from_rank": 3}
    over = {"key": "news_consent", "points": 20, "growth": 0, "ends_on": "2026-01-31"}
    stage = open_shop(tasks=[later, higher, over])
    mei = stage.member("mei")
    with moved_to(NOON):
        page = words(enter(mei).get("/member").text)

    assert "Tell us your birthday from 1 June 2026 on +20 pts · +5 growth Not open yet" in page
    assert "Add an address for Senior and above +20 pts Not open yet" in page
    assert "Get news by e-mail" not in page


def test_the_member_centre_takes_few_statements(till, count_statements):
    for day in range(3):
        check_in(till, NOON + day * DAY)
    member_page(till, NOON + 3 * DAY)
    count_statements.clear()
    member_page(till, NOON + 3 * DAY)
    assert len(count_statements) <= 8, "\n".join(count_statements)


def test_why_the_points_came_is_said_in_the_history(till):
    check_in(till)
    with moved_to(NOON):
        page = words(till.browser.get("/wallet").text)
    assert "Checked in on 2 March 2026" in page


def row_of(till, title, at=NOON):
    """Return a task's row in the task centre, in words."""
    with moved_to(at):
        page = till.browser.get("/member/tasks").text
    rows = [words(row) for row in re.findall(r'<li class="card card-s task">(.*?)</li>', page, re.S)]
    return next((row for row in rows if row.startswith(title)), None)


def shop_with(enter, tasks):
    stage = open_shop(tasks=tasks)
    mei = stage.member("mei")
    return Till(enter(mei), stage, mei)


def test_the_task_centre_shows_every_task_by_groups_with_its_caps(till):
    with moved_to(NOON):
        page = words(till.browser.get("/member/tasks").text)
    order = [page.index(title) for title in ("Every day", "About you", "Buying", "Your days and your level")]
    assert order == sorted(order)
    assert row_of(till, "Daily check-in") == "Daily check-in 1 a day +10 pts Go"
    assert "up to" not in row_of(till, "Tell us your birthday")
    assert row_of(till, "Tell us your birthday") == "Tell us your birthday once only +20 pts Go"
    assert row_of(till, "Your birthday").endswith("+100 pts Comes by itself")
    assert row_of(till, "Join us") is None  # It is off.


def test_a_task_done_today_says_so_and_is_open_again_tomorrow(till):
    check_in(till)
    assert row_of(till, "Daily check-in").endswith("Done today")
    assert row_of(till, "Daily check-in", NOON + DAY).endswith("Go")


def test_days_in_a_row_say_how_far_they_are_and_those_reached_are_not_to_do(app, enter):
    till = shop_with(
        enter,
        [
            {"key": "check_in", "points": 10, "growth": 0, "per_day": 1},
            {"key": "streak_3", "points": 10, "growth": 0},
            {"key": "streak_7", "points": 40, "growth": 0},
        ],
    )
    assert "0 of 3 days" in row_of(till, "3 days in a row")
    for day in range(3):
        check_in(till, NOON + day * DAY)
    tomorrow = NOON + 3 * DAY
    assert "again after day 30" in row_of(till, "3 days in a row", tomorrow)
    assert row_of(till, "3 days in a row", tomorrow).endswith("Reached")
    assert "3 of 7 days" in row_of(till, "7 days in a row", tomorrow)
    assert row_of(till, "7 days in a row", tomorrow).endswith("Go")

    missed = NOON + 4 * DAY
    assert "0 of 3 days" in row_of(till, "3 days in a row", missed)
    assert row_of(till, "3 days in a row", missed).endswith("Go")


def test_after_thirty_days_in_a_row_all_begin_anew(till):
    for day in range(30):
        check_in(till, NOON + day * DAY)
    assert row_of(till, "3 days in a row", NOON + 29 * DAY).endswith("Reached")
    assert "0 of 3 days" in row_of(till, "3 days in a row", NOON + 30 * DAY)


def test_a_task_says_how_much_of_its_cap_is_used(app, enter):
    till = shop_with(enter, [{"key": "check_in", "points": 10, "growth": 0, "per_month": 3}])
    for day in range(2):
        check_in(till, NOON + day * DAY)
    assert row_of(till, "Daily check-in", NOON + 2 * DAY) == "Daily check-in 3 a month · 2 of 3 this month +10 pts Go"
    check_in(till, NOON + 2 * DAY)
    assert row_of(till, "Daily check-in", NOON + 3 * DAY).endswith("Again next month")
    assert row_of(till, "Daily check-in", NOON + 31 * DAY).endswith("Go")


def test_an_order_on_its_way_makes_the_first_order_wait(app, enter):
    till = shop_with(enter, [{"key": "first_order", "points": 100, "growth": 0, "in_all": 1, "least_cents": 1_000}])
    assert row_of(till, "Your first order").endswith("once only +100 pts Go")
    stage = till.stage
    stage.settle_down(till.member_id)
    stage.put_in(till.member_id, stage.mug(), "cash")
    order = stage.pay(stage.place(till.member_id))
    assert row_of(till, "Your first order").endswith("An order of yours is on its way +100 pts Waiting")

    stage.ship(order)
    stage.deliver(order)
    assert stage.close(order, at=NOON + 15 * DAY)
    assert row_of(till, "Your first order", NOON + 15 * DAY).endswith("Done")
    assert ready(till.member_id, NOON + 15 * DAY) == 159 + 100


def test_a_profile_with_everything_in_it_is_paid_once(till, mei):
    till.browser.post("/account/profile", data=PROFILE | {"phone": "+49 30 1234"})
    assert ready(mei) == 50
    assert row_of(till, "Complete your profile").endswith("Done")


def test_being_in_the_shop_for_some_minutes_gives_growth_once_a_day(app, enter):
    till = shop_with(enter, [{"key": "visit", "points": 0, "growth": 1, "per_day": 1}])
    for minutes in (0, 6, 12, 60):
        with moved_to(NOON + timedelta(minutes=minutes)):
            till.browser.get("/")
    assert row_of(till, "Come by", NOON + timedelta(minutes=61)).endswith("Done today")
    with reading():
        assert [event.points for event in membership.growth_entries(till.member_id)] == [1]


def test_the_task_centre_takes_few_statements(till, count_statements):
    check_in(till)
    row_of(till, "Daily check-in")
    count_statements.clear()
    row_of(till, "Daily check-in")
    assert len(count_statements) <= 6, "\n".join(count_statements)


def test_the_member_centre_leads_to_the_task_centre(till):
    assert 'href="/member/tasks"' in member_page(till)


def test_shares_and_invitations_are_found_in_the_task_centre_when_there_is_nothing_left_to_do(till):
    page = till.browser.get("/member/tasks").text
    head = page[page.index('id="group-friends"') :].partition("<ul")[0]
    assert 'href="/shares"' in head and 'href="/invite"' in head


NAV = r'<nav[^>]*class="desk".*?</nav>|<nav[^>]*aria-label="Shop".*?</nav>'


def test_the_menu_leads_members_to_the_tasks_and_no_visitor(app, till):
    menu = re.search(NAV, till.browser.get("/member/tasks").text, re.S).group()
    visitors = app.test_client().get("/").text

    assert re.search(r'href="/member/tasks" aria-current="page">\s*Tasks', menu)
    assert 'href="/member/tasks"' in till.browser.get("/member").text.split("</h1>")[1].split("</div></div>")[0]
    assert "Tasks" not in re.search(NAV, visitors, re.S).group()
