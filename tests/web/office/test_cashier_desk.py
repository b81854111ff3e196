"""The cashier at the desk: reviews with two exits, alarms, disputes, one payment whole, asking the cashier anew."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mall.base.cashier import CashierUnreachable, DisputeState, RefundState
from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout
from mall.domain.aftersales import hearing
from tests import cast
from tests.stage import NOON, PASSWORD
from tests.web.office.forms import form_of, send


@pytest.fixture
def cup(stage):
    """15.90 in cash, or 800 points."""
    return stage.item("Tea cup", prices=(catalogue.cash_price(1_590), catalogue.points_price(800)))


@pytest.fixture
def unpaid(stage, mei, cup):
    """Mei's order of a cup, its page open."""
    stage.put_in(mei, cup, "cash")
    order = stage.place(mei)
    stage.open_page(order)
    return order


@pytest.fixture
def paid(stage, unpaid):
    return stage.pay(unpaid)


def payment_of(order):
    with reading():
        return cash.payments_of(checkout.reference_of(order.id))[-1]


def came(stage, order, **changes):
    """Let the cashier say that an order was paid, otherwise than was agreed."""
    payment = payment_of(order)
    stage.cashier.pay(payment.session_id)
    state = replace(stage.cashier.fetch_session(payment.session_id), **changes)
    with transaction():
        checkout.settle(payment, state, terms=stage.terms, at=NOON)


def refunded_at_the_cashier(stage, order, amount=300):
    payment = payment_of(order)
    state = RefundState("re_desk", "succeeded", amount, "USD", payment.cashier_id)
    with transaction():
        hearing.told_of_refund(payment.id, state, refund_id=None, terms=stage.terms, at=NOON)


def dispute(stage, order, status="open"):
    payment = payment_of(order)
    state = DisputeState("du_desk", status, payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    with transaction():
        aftersales.told_of_dispute(payment.id, state, terms=stage.terms, at=NOON)


def page_of(order):
    return f"/office/orders/{checkout.number_of(order.id)}"


def words(answer):
    return " ".join(answer.text.split())


def decided(desk, order, **typed):
    """Choose on the review's page, and confirm what is then shown."""
    shown = send(desk, f"{page_of(order)}/review", "", **typed)
    assert shown.status_code == 200
    fields = form_of(shown.text, "") | {"confirm": "1"}
    return shown, desk.post(f"{page_of(order)}/review", data=fields), fields


def test_an_amount_that_differs_is_accepted_once_it_was_shown_what_that_does(desk, stage, unpaid):
    came(stage, unpaid, amount_cents=2_000)
    assert "Decide the review" in desk.get(page_of(unpaid)).text

    shown, done, fields = decided(desk, unpaid, decision="accept", reason="She paid by transfer")

    assert "Difference, for our account</dt><dd>-$0.80" in words(shown)
    assert (done.status_code, done.location) == (303, page_of(unpaid))
    assert stage.order(unpaid).state == "paid"
    assert stage.order(unpaid).accepted_difference_cents == -80
    assert "She paid by transfer" in desk.get("/office/audit?act=order.review.accepted").text
    again = desk.post(f"{page_of(unpaid)}/review", data=fields, follow_redirects=True)
    assert "not in review any more" in again.text


def test_everything_is_given_back_once_it_was_shown_what_that_does(desk, stage, paid):
    refunded_at_the_cashier(stage, paid)
    shown, done, _fields = decided(desk, paid, decision="give_back", reason="Refunded at Stripe by mistake")

    assert "Cash given back</dt><dd>$17.80" in words(shown)
    assert done.status_code == 303
    assert stage.order(paid).state == "refunded"
    with reading():
        amounts = [each.amount_cents for each in cash.refunds_of(checkout.reference_of(paid.id))]
    assert amounts == [300, 1_780]
    assert desk.get(f"/office/audit?act=order.review.given_back&subject=order:{paid.id}").text.count("mistake") == 1


def test_another_currency_can_only_be_given_back(desk, stage, unpaid):
    came(stage, unpaid, currency="EUR")
    page = words(desk.get(f"{page_of(unpaid)}/review"))
    assert "can only be given back" in page and "€20.80" in page

    shown = send(desk, f"{page_of(unpaid)}/review", "", decision="accept", reason="Try")
    refused = desk.post(f"{page_of(unpaid)}/review", data=form_of(shown.text, "") | {"confirm": "1"})
    assert refused.status_code == 422
    assert stage.order(unpaid).state == "review"


def test_a_review_that_changed_since_it_was_shown_is_shown_anew(desk, stage, paid):
    refunded_at_the_cashier(stage, paid)
    shown = send(desk, f"{page_of(paid)}/review", "", decision="give_back", reason="Ours")
    with transaction():
        state = RefundState("re_more", "succeeded", 500, "USD", "pi")
        cash.record_foreign_refund(payment_of(paid).id, state, at=NOON)

    refused = desk.post(f"{page_of(paid)}/review", data=form_of(shown.text, "") | {"confirm": "1"})

    assert refused.status_code == 422
    assert "Nothing was done" in refused.text and "$12.80" in refused.text
    assert stage.order(paid).state == "review"


def test_a_review_needs_a_choice_and_a_reason(desk, stage, paid):
    refunded_at_the_cashier(stage, paid)
    for typed in ({"decision": "", "reason": "x"}, {"decision": "accept", "reason": " "}, {"decision": "eat"}):
        assert desk.post(f"{page_of(paid)}/review", data=typed | {"confirm": "1"}).status_code == 422
    assert stage.order(paid).state == "review"


def test_an_order_that_is_not_in_review_has_none(desk, paid):
    assert desk.get(f"{page_of(paid)}/review").location == page_of(paid)
    assert desk.get("/office/orders/10999/review").status_code == 404


def test_an_alarm_is_on_the_dashboard_until_somebody_has_looked(desk, stage, paid):
    refunded_at_the_cashier(stage, paid)
    assert "Alarms to look at" in desk.get("/office/").text
    page = desk.get("/office/alarms").text
    assert "$3.00 were refunded at the cashier, not here" in page

    with reading():
        (alarm,) = checkout.alarms()
    for _press in range(2):
        assert desk.post(f"/office/alarms/{alarm.id}/look").location == "/office/alarms"

    assert "Alarms to look at" not in desk.get("/office/").text
    assert desk.get("/office/audit?act=order.alarm.looked_at").text.count("Alarm looked at</td>") == 1
    desk.post("/language", data={"language": "zh"})
    for act in ("order.alarm", "order.alarm.looked_at"):
        page = desk.get(f"/office/audit?act={act}").text
        assert "并非在此处操作" in page and str(alarm.said) not in page
    assert desk.post("/office/alarms/999/look").status_code == 404


def test_a_disputed_order_says_so_and_offers_nothing_the_bank_may_undo(desk, stage, paid):
    dispute(stage, paid)
    page = desk.get(page_of(paid)).text

    assert "Disputed at the bank" in page and "du_desk" in page
    assert "Ship it" not in page and "Refund in full" not in page
    answer = desk.post(f"{page_of(paid)}/parcels", data={"carrier": "Swift", "tracking": "1"})
    assert answer.status_code == 422 and "The bank is deciding" in answer.text
    refund = desk.post(f"{page_of(paid)}/refund", data={"reason": "damaged", "confirm": "1"})
    assert refund.status_code == 422 and "The bank is deciding" in refund.text

    dispute(stage, paid, "lost")
    page = desk.get(page_of(paid)).text
    assert "Lost" in page and "The bank took the payment back" in page


def test_a_payment_is_shown_with_everything_the_cashier_told(desk, stage, paid):
    refunded_at_the_cashier(stage, paid)
    dispute(stage, paid)
    payment = payment_of(paid)
    page = desk.get(f"/office/payments/{payment.id}").text

    for word in (payment.session_id, payment.cashier_id, "re_desk", "du_desk", "fraudulent", "$20.80", "$3.00"):
        assert word in page
    assert desk.get("/office/payments/999").status_code == 404


@pytest.mark.parametrize("known_by", ["session_id", "cashier_id"])
def test_an_order_and_its_payment_are_found_by_any_number_at_the_cashier(desk, stage, paid, known_by):
    refunded_at_the_cashier(stage, paid)
    number = getattr(payment_of(paid), known_by)

    for asked in (number, "re_desk"):
        assert checkout.number_of(paid.id) in desk.get("/office/orders", query_string={"q": asked}).text
        assert desk.get("/office/search", query_string={"q": asked}).location == page_of(paid)
        assert payment_of(paid).cashier_id in desk.get("/office/payments", query_string={"q": asked}).text
    assert checkout.number_of(paid.id) in desk.get(f"/office/payments?q={checkout.number_of(paid.id)}").text


def test_a_payment_whose_end_nobody_knows_is_asked_about_by_one_click(stage, unpaid, ola, enter):
    payment = payment_of(unpaid)
    stage.cashier.pay(payment.session_id)
    with moved_to(NOON + timedelta(hours=3)):
        desk = enter(ola)
        assert "Payments whose end nobody knows" in desk.get("/office/").text
        assert checkout.number_of(unpaid.id) in desk.get("/office/payments").text

        answer = desk.post(f"/office/payments/{payment.id}/check")

        assert answer.location == f"/office/payments/{payment.id}"
        assert stage.order(unpaid).state == "paid"
        assert checkout.number_of(unpaid.id) not in desk.get("/office/payments").text
        assert "Cashier asked about a payment" in desk.get("/office/audit?act=payment.rechecked").text


def test_a_cashier_that_is_away_changes_nothing_and_is_said_so(desk, stage, unpaid, monkeypatch):
    def away(_session_id):
        raise CashierUnreachable("away")

    monkeypatch.setattr(stage.cashier, "fetch_session", away)
    answer = desk.post(f"/office/payments/{payment_of(unpaid).id}/check")

    assert answer.status_code == 422 and "cannot be reached right now" in answer.text
    assert stage.order(unpaid).state == "awaiting_payment"


def test_refunds_that_wait_are_listed(desk, stage, paid):
    stage.refund(paid)
    page = words(desk.get("/office/payments?show=refunds"))

    assert checkout.number_of(paid.id) in page and "$20.80" in page


# Asked for wrongly.


@pytest.mark.parametrize("number", ["999", "0", "99999999999999999999"])
def test_a_payment_there_is_not_is_neither_shown_nor_asked_about(desk, stage, unpaid, number):
    assert desk.get(f"/office/payments/{number}").status_code == 404
    assert desk.post(f"/office/payments/{number}/check").status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"show": "none"},
        {"page": "x"},
        {"page": "99999999999999999999"},
        {"q": "nobody"},
        {"q": "%"},
        {"q": "_"},
        {"q": "9" * 300},
        {"q": "１００００"},
        {"q": "' OR 1=1 --", "show": "all"},
    ],
)
def test_a_strange_list_page_or_number_finds_nothing_that_was_not_asked_for(desk, stage, paid, asked):
    answer = desk.get("/office/payments", query_string=asked)

    assert answer.status_code == 200
    assert payment_of(paid).cashier_id not in answer.text


def test_what_another_order_was_paid_with_is_not_found_by_this_ones_number(desk, stage, mei, cup, paid):
    stage.put_in(mei, cup, "cash")
    other = stage.pay(stage.place(mei))

    page = desk.get(f"/office/payments?q={checkout.number_of(other.id)}").text

    assert payment_of(other).cashier_id in page and payment_of(paid).cashier_id not in page


def test_an_order_is_found_by_the_number_of_each_of_its_parcels(desk, stage, paid):
    stage.ship(paid)

    for asked in (f"T{paid.id}", f"t{paid.id}", f"  T{paid.id} "):
        assert checkout.number_of(paid.id) in desk.get("/office/orders", query_string={"q": asked}).text
        assert desk.get("/office/search", query_string={"q": asked}).location == page_of(paid)
    for nobodys in (f"T{paid.id}0", "%", "_1"):
        assert "No order fits that" in desk.get("/office/orders", query_string={"q": nobodys}).text


def test_asked_about_twice_it_stands_as_after_the_first_time(desk, stage, unpaid):
    payment = payment_of(unpaid)
    stage.cashier.pay(payment.session_id)

    for _press in range(2):
        answer = desk.post(f"/office/payments/{payment.id}/check", follow_redirects=True)
        assert "The cashier was asked. This is how it stands." in answer.text
    assert stage.order(unpaid).state == "paid"
    assert stage.balances(unpaid.member_id).pending == 159
    with reading():
        assert len(cash.payments_of(checkout.reference_of(unpaid.id))) == 1


def test_a_payment_whose_page_was_not_opened_is_not_asked_about(desk, stage, mei, cup, monkeypatch):
    def away(*_given, **_named):
        raise CashierUnreachable("away")

    stage.put_in(mei, cup, "cash")
    order = stage.place(mei)
    monkeypatch.setattr(stage.cashier, "open_session", away)
    with pytest.raises(CashierUnreachable):
        stage.open_page(order)

    answer = desk.post(f"/office/payments/{payment_of(order).id}/check")

    assert answer.status_code == 422 and "The cashier does not know this payment yet." in answer.text


def test_what_was_paid_at_another_cashier_cannot_be_asked_about_here(desk, stage, paid, monkeypatch):
    monkeypatch.setattr(type(stage.cashier), "name", "another")

    answer = desk.post(f"/office/payments/{payment_of(paid).id}/check")

    assert answer.status_code == 422 and "at another cashier than the shop uses now" in answer.text


def test_a_shop_without_a_cashier_asks_nobody(desk, app, stage, unpaid):
    app.extensions["cashier"], cashier = None, app.extensions["cashier"]
    answer = desk.post(f"/office/payments/{payment_of(unpaid).id}/check")
    app.extensions["cashier"] = cashier

    assert answer.status_code == 422 and "cannot be reached right now" in answer.text
    assert stage.order(unpaid).state == "awaiting_payment"


def test_who_is_no_operator_finds_no_payments(app, stage, mei, paid):
    browser = app.test_client()
    cast.sign_in(browser, mei, password=PASSWORD)

    for path in ("/office/payments", f"/office/payments/{payment_of(paid).id}"):
        assert browser.get(path).status_code in (302, 404)
    assert browser.post(f"/office/payments/{payment_of(paid).id}/check").status_code in (302, 404)
