"""Statement budgets: placing and settling take few statements, and as many for twelve lines as for one."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import cash, catalogue, checkout, coupons, programme
from tests.stage import ADDRESS, NOON, Stage

LINES = [1, 12]
PLACED, WITH_COUPON, WITH_LAST_COUPON, AT_ONCE, SETTLED, WITH_CODES = 17, 19, 20, 18, 12, 24
GIVES_COUPONS = 24


PRICES = {
    "points": catalogue.points_price(100),
    "mix": catalogue.mix_price(500, least=100, most=100, step=100),
}


def fill(stage: Stage, member_id: int, lines: int, form: str) -> None:
    for number in range(lines):
        stage.put_in(member_id, stage.item(f"Item {number}", prices=(PRICES[form],)), form)


def placing(stage: Stage, member_id: int, count_statements: list[str], *, use: tuple[int, ...] = ()) -> list[str]:
    """Place the member's basket; return the statements that took. The programme is known, as in a process at work."""
    basket, priced = stage.price(member_id, use=use)
    know_programme(stage)
    count_statements.clear()
    with transaction():
        checkout.place(
            member_id, key=basket.key, shown=priced.quote.fingerprint, points_offered=0, terms=stage.terms,
            verified=True, cashier=True, address=ADDRESS, coupon_ids=use, at=NOON,
        )  # fmt: skip
    return sent(count_statements)


def know_programme(stage: Stage) -> None:
    with reading():
        programme.version(stage.terms.version)


def sent(statements: list[str]) -> list[str]:
    """Return the statements without the transaction's own BEGIN."""
    return [statement for statement in statements if not statement.startswith("BEGIN")]


@pytest.mark.parametrize("lines", LINES)
def test_placing_a_mixed_order_takes_few_statements(stage, mei, count_statements, lines):
    stage.give(mei, 5_000)
    fill(stage, mei, lines, "mix")

    placed = placing(stage, mei, count_statements)

    assert len(placed) <= PLACED, "\n".join(placed)


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize(("total", "budget"), [(None, WITH_COUPON), (5, WITH_LAST_COUPON)])
def test_placing_with_a_coupon_takes_few_more(stage, mei, count_statements, lines, total, budget):
    stage.give(mei, 5_000)
    fill(stage, mei, lines, "mix")
    with transaction():
        category = catalogue.create_category({"en": "All of it"}, by="staff:1", at=NOON)
        for product_id in range(1, lines + 1):
            catalogue.edit_product(product_id, categories=[category], terms=stage.terms, by="staff:1", at=NOON)
    coupon = stage.coupon(mei, scope="category", scope_ids=[category], total_limit=total, member_limit=2)

    placed = placing(stage, mei, count_statements, use=(coupon,))

    assert len(placed) <= budget, "\n".join(placed)


@pytest.mark.parametrize("lines", LINES)
def test_an_order_for_points_is_placed_and_settled_at_once_in_few(stage, mei, count_statements, lines):
    stage.give(mei, 5_000)
    fill(stage, mei, lines, "points")

    placed = placing(stage, mei, count_statements)

    assert len(placed) <= AT_ONCE, "\n".join(placed)


@pytest.mark.parametrize("lines", LINES)
def test_an_order_for_codes_is_placed_settled_and_complete_at_once_in_few(stage, mei, count_statements, lines):
    stage.give(mei, 5_000)
    for number in range(lines):
        stage.put_in(mei, stage.item(f"Item {number}", prices=(PRICES["points"],), kind="code", stock=3), quantity=2)

    placed = placing(stage, mei, count_statements)

    assert len(placed) <= WITH_CODES, "\n".join(placed)


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("pieces", [0, 3])
def test_an_order_for_coupons_or_packs_is_placed_settled_and_complete_at_once_in_few(
    stage, mei, count_statements, lines, pieces
):
    stage.give(mei, 5_000)
    kind = stage.coupon_kind()
    if pieces:
        with transaction():
            kind = coupons.make_pack(key="p", title={"en": "Pack"}, parts={kind: pieces}, by="staff:1", at=NOON)
    for number in range(lines):
        item = stage.item(f"Item {number}", prices=(PRICES["points"],), kind="coupon", delivery="digital")
        with transaction():
            coupons.sell(kind, item.product_id, by="staff:1", at=NOON)
        stage.put_in(mei, item, quantity=2)

    placed = placing(stage, mei, count_statements)

    assert len(placed) <= GIVES_COUPONS + bool(pieces), "\n".join(placed)


@pytest.mark.parametrize("lines", LINES)
def test_settling_a_paid_order_takes_few(stage, mei, count_statements, lines):
    stage.give(mei, 5_000)
    fill(stage, mei, lines, "mix")
    order = stage.place(mei)
    stage.cashier.pay(stage.open_page(order))
    with reading():
        (payment,) = cash.payments_of(checkout.reference_of(order.id))
    state = stage.cashier.fetch_session(payment.session_id)
    know_programme(stage)
    count_statements.clear()

    with transaction():
        checkout.settle(payment, state, terms=stage.terms, at=NOON)

    settled = sent(count_statements)
    assert len(settled) <= SETTLED, "\n".join(settled)
