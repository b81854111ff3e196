"""What a member is told is what happened: of every order that ends, the mail says the money that goes back - and no
kind of mail has words for a value that nobody ever passes.
"""

import ast
from collections import UserDict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

import mall
from mall.base.db import execute, reading
from mall.domain import cash, checkout, notices
from mall.web.mail import mail_for
from mall.web.shared.letters import LETTERS
from tests.domain.aftersales.test_order_table import CELLS, IMPOSSIBLE, Case, life
from tests.stage import open_shop
from tests.web.test_mail import VALUES

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ENDS = {life.LATE, life.LET_GO, life.CALL_OFF, life.REFUND, life.LOSE}
# What the rendering uses, not the letter.
ADDRESSING = {"name", "question_id", "slug"}
# What writes a mail.
TELLING = {"tell", "tell_all"}
ENDINGS = [
    cell
    for cell in CELLS
    if ENDS & life.follows(cell.values[0], cell.values[1]) and tuple(cell.values[:2]) not in IMPOSSIBLE
]


@pytest.fixture
def case(app):
    return Case(open_shop())


def told(*kinds):
    with reading():
        rows = execute(select(notices.Notice).where(notices.Notice.kind.in_(kinds)).order_by(notices.Notice.id)).all()
    return [
        notices.Claimed(**{name: getattr(row, name) for name in notices.Claimed.__struct_fields__}) for row in rows
    ]


@pytest.mark.parametrize(("event", "state", "how"), ENDINGS)
def test_the_mails_about_an_order_s_end_name_all_the_money_that_goes_back_and_no_more(case, event, state, how):
    case.into(state, how)
    case.happens(event)()

    mails = told("order_cancelled", "order_timed_out", "refund_done")
    with reading():
        refunds = [refund for refund in cash.refunds_of(case.reference) if refund.origin == "mall"]
    came = sum(payment.captured_cents for payment in case.payments())

    assert sum(mail.details["back_cents"] for mail in mails) == sum(refund.amount_cents for refund in refunds)
    assert sum(mail.details.get("gone_cents", 0) for mail in mails) <= came
    for mail in mails:
        if mail.kind != "refund_done" and ("Nothing was charged" in mail_for(mail).text):
            # Money that came later has a mail of its own.
            assert not came or sum(other.details["back_cents"] for other in mails if other is not mail) == came


def test_who_paid_another_amount_is_not_told_that_nothing_was_charged(case):
    case.into(checkout.REVIEW, "unpaid")
    case.happens(life.GIVEN_BACK)()

    (mail,) = told("order_cancelled", "refund_done")
    assert "Nothing was charged" not in mail_for(mail).text
    assert "$11.85 goes back the way it came" in mail_for(mail).text
    assert "900 points are back" in mail_for(mail).text


def test_money_that_comes_when_the_page_is_over_is_one_mail_that_says_both(case):
    case.happens(life.PAID_AGAIN)()

    (mail,) = told("order_cancelled", "order_timed_out", "refund_done")
    assert mail.kind == "order_timed_out"
    assert (
        "$11.80 came too late and goes back" in mail_for(mail).text
        and "Nothing was charged" not in mail_for(mail).text
    )


def test_money_that_comes_after_the_order_was_let_go_has_a_mail_of_its_own(case):
    case.into(checkout.TIMED_OUT, "")
    case.says(paid=True)

    first, second = told("order_cancelled", "order_timed_out", "refund_done")
    assert "Nothing was charged" in mail_for(first).text
    assert "was not paid in time" in mail_for(first).subject and "cancelled" not in mail_for(first).text
    assert "is in your basket again" in mail_for(first).text
    assert "Cash back: $11.80" in mail_for(second).text


def test_what_the_bank_took_back_is_not_promised_once_more(case):
    case.into(checkout.PAID, "")
    case.dispute_is("open")
    case.dispute_is("lost")

    (mail,) = told("refund_done")
    assert "$11.80 has gone back to you already" in mail_for(mail).text and "Cash back" not in mail_for(mail).text


def test_an_order_that_is_to_be_paid_is_told_of_once_with_the_way_back_to_it(case):
    case.stage.open_page(case.order)

    (mail,) = told("order_placed")
    assert "Cash: $11.80" in mail_for(mail).text and "Points: 900 points" in mail_for(mail).text
    assert f"/orders/{checkout.number_of(case.order.id)}" in mail_for(mail).text


def test_a_paid_order_says_what_it_will_earn(case):
    case.into(checkout.PAID, "")

    (mail,) = told("order_paid")
    assert "You will earn: 69 points" in mail_for(mail).text


@pytest.mark.parametrize(
    ("brought", "says", "says_not"),
    [
        ({"digital": False}, "write again when it is on its way", "codes"),
        ({"codes": True, "digital": True}, "Your codes are ready", "on its way"),
        ({"coupons": True, "digital": True}, "under My coupons", "on its way"),
        ({"codes": True, "digital": False}, "write again when it is on its way", "under My coupons"),
    ],
)
def test_a_paid_order_says_what_is_ready_at_once_and_what_is_still_to_come(app, brought, says, says_not):
    values = VALUES["order_paid"] | {"codes": False, "coupons": False} | brought
    with app.test_request_context():
        said = " ".join(LETTERS["order_paid"](values).paragraphs)

    assert says in said and says_not not in said
    assert ("Your codes are ready" in said) == values["codes"]


# Kinds, their values and their letters agree


def test_a_kind_told_with_a_value_missing_or_strange_is_our_own_mistake(app):
    for values in ({"number": "1"}, {"number": "1", "carrier": "", "tracking": "", "weight": 3}):
        with pytest.raises(AssertionError, match="other values than its letter has"):
            notices.tell(7, "order_shipped", values=values, key="k", at=NOON)


class Asked(UserDict):
    """The values of a letter, that remember which of them it asked for."""

    def __init__(self, values):
        super().__init__(values)
        self.names = set()

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self.names.add(name)
        return self.data.get(name, default)


@pytest.mark.parametrize("kind", notices.KINDS)
def test_a_letter_says_all_the_values_of_its_kind_and_no_others(app, kind):
    declared = set(notices.KINDS[kind])
    values = Asked(VALUES[kind])
    with app.test_request_context():
        LETTERS[kind](values)

    assert set(VALUES[kind]) == declared
    assert values.names - {"link"} == declared - {"link"} - ADDRESSING


def test_every_kind_of_mail_is_told_by_somebody(app):
    told_of = set()
    for path in Path(mall.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        if any({getattr(node, "attr", ""), getattr(node, "id", "")} & TELLING for node in nodes):
            told_of |= {node.value for node in nodes if isinstance(node, ast.Constant) and node.value in notices.KINDS}

    assert told_of == set(notices.KINDS)
