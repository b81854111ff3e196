"""A pool holds codes sealed, each once; a piece of stock is a code, and it is handed out once."""

import pytest
from sqlalchemy import func, select, update

from mall.base.db import execute, reading, transaction
from mall.base.seals import configure_seals
from mall.domain import audit, catalogue, checkout, finance
from tests.conftest import SETTINGS
from tests.stage import NOON, Stage, open_shop

pytestmark = pytest.mark.alone

SECRET = SETTINGS["SECRET_KEY"]


@pytest.fixture
def stage(either) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage) -> int:
    return stage.member("mei")


@pytest.fixture
def issue(stage, mei):
    """Let Mei redeem pieces of items, which issues their codes: `issue(ticket, 2)`. Returns the order's reference."""

    def redeem(*pairs):
        for item, quantity in zip(pairs[::2], pairs[1::2], strict=True):
            stage.give(mei, 800 * quantity)
            stage.put_in(mei, item, quantity=quantity)
        return checkout.reference_of(stage.place(mei).id)

    return redeem


@pytest.fixture
def ticket(stage):
    """A cinema ticket, delivered as a code; its pool is empty."""
    return stage.item("Cinema ticket", kind="code", stock=0)


def upload(item, *codes, note=""):
    with transaction():
        return catalogue.upload_codes(item.variant_id, codes, note=note, by="staff:1", at=NOON)


def withdraw(item, *codes, upload_id=None, reason="Faulty"):
    with transaction():
        return catalogue.withdraw_codes(
            item.variant_id, codes=codes, upload_id=upload_id, reason=reason, by="staff:1", at=NOON
        )


def show(code_id, *, reference):
    with transaction():
        return catalogue.show_code(code_id, reference=reference, by="member:1", at=NOON)


def codes_of(reference):
    with reading():
        return catalogue.codes_of(reference)


def broken():
    return {result.name for result in finance.prove() if not result.ok}


def test_what_is_uploaded_is_on_hand_and_the_same_file_adds_nothing(stage, ticket):
    assert upload(ticket, "AAAA-1", "AAAA-2", "AAAA-3") == 3
    assert stage.stock(ticket) == (3, 0)

    with pytest.raises(catalogue.NothingNew):
        upload(ticket, "AAAA-1", "AAAA-2", "AAAA-3")
    assert upload(ticket, "AAAA-3", "AAAA-4") == 1
    assert stage.stock(ticket) == (4, 0)


def test_a_dry_run_says_what_is_new_known_here_and_of_another_item(stage, ticket):
    other = stage.item("Music voucher", kind="code", stock=0)
    upload(ticket, "AAAA-1")
    upload(other, "BBBB-1")

    with reading():
        found = catalogue.look_through(ticket.variant_id, ["AAAA-1", "BBBB-1", "CCCC-1"])

    assert found == catalogue.Findings(new=1, known=1, elsewhere=1)
    assert upload(ticket, "AAAA-1", "BBBB-1", "CCCC-1") == 1


def test_codes_are_kept_sealed_and_the_audit_says_how_many(stage, ticket):
    upload(ticket, "SECRET-1", "SECRET-2", note="Delivery of March")

    with reading():
        [row, _other] = execute(select(catalogue.PoolCode)).all()
        act = audit.entries(subject=f"product:{ticket.product_id}", limit=1)[0]

    assert "SECRET" not in "".join(map(str, row))
    assert (act.act, act.after, act.reason) == ("codes.uploaded", {"sku": "SKU-1", "codes": 2}, "Delivery of March")


def test_a_code_is_known_again_and_read_after_the_secret_key_changed(ticket, issue):
    upload(ticket, "AAAA-1")
    order = issue(ticket, 1)
    configure_seals(["another secret key of the mall, long", SECRET])
    try:
        with pytest.raises(catalogue.NothingNew):
            upload(ticket, "AAAA-1")
        [code] = codes_of(order)
        assert show(code.id, reference=order) == "AAAA-1"
        configure_seals(["another secret key of the mall, long"])
        with pytest.raises(catalogue.CodeNotReadable):
            show(code.id, reference=order)
    finally:
        configure_seals([SECRET])
    assert [each.times for each in codes_of(order)] == [1]


def test_the_stock_of_codes_moves_with_the_pool_only(stage, ticket):
    upload(ticket, "AAAA-1")
    moves = (
        lambda: catalogue.receive(ticket.variant_id, 1, by="staff:1", at=NOON),
        lambda: catalogue.adjust(ticket.variant_id, 1, reason="found", by="staff:1", at=NOON),
        lambda: catalogue.set_on_hand(ticket.variant_id, 2, by="staff:1", at=NOON),
        lambda: catalogue.add_variant(
            ticket.product_id, sku="MORE", on_hand=2, terms=stage.terms, by="staff:1", at=NOON
        ),
    )
    for moved in moves:
        with pytest.raises(catalogue.StockIsCodes), transaction():
            moved()

    assert stage.stock(ticket) == (1, 0)


def test_only_an_item_of_codes_takes_codes_and_it_is_digital(stage):
    mug = stage.item("Mug")
    with pytest.raises(catalogue.NotACodeItem):
        upload(mug, "AAAA-1")
    with pytest.raises(catalogue.BadProduct, match="digital"):
        stage.item("Card", kind="code", delivery="shipped")


def test_codes_go_out_the_oldest_first_and_each_once(stage, ticket, issue):
    upload(ticket, "AAAA-1", "AAAA-2", "AAAA-3")

    first, second = issue(ticket, 2), issue(ticket, 1)

    assert [show(code.id, reference=first) for code in codes_of(first)] == ["AAAA-1", "AAAA-2"]
    assert [show(code.id, reference=second) for code in codes_of(second)] == ["AAAA-3"]
    assert stage.stock(ticket) == (0, 0)


def test_each_line_gets_codes_of_its_own_item(stage, ticket, issue):
    voucher = stage.item("Music voucher", kind="code", stock=0)
    upload(ticket, "AAAA-1", "AAAA-2")
    upload(voucher, "BBBB-1")

    order = issue(ticket, 2, voucher, 1)

    lines = [(code.line, show(code.id, reference=order)) for code in codes_of(order)]
    assert lines == [(1, "AAAA-1"), (1, "AAAA-2"), (2, "BBBB-1")]


def test_a_code_is_shown_to_its_order_only_and_every_time_is_written_down(ticket, issue):
    upload(ticket, "AAAA-1", "AAAA-2")
    order, other = issue(ticket, 1), issue(ticket, 1)
    [code] = codes_of(order)
    with pytest.raises(catalogue.NoSuchCode):
        show(code.id, reference=other)
    assert code.shown_at is None

    assert show(code.id, reference=order) == show(code.id, reference=order) == "AAAA-1"

    [code] = codes_of(order)
    assert (code.shown_at, code.times) == (NOON, 2)


def test_faulty_codes_leave_the_pool_for_good(stage, ticket, issue):
    upload(ticket, "AAAA-1", "AAAA-2", "AAAA-3", "AAAA-4")
    order = issue(ticket, 1)

    done = withdraw(ticket, "AAAA-1", "AAAA-2", "AAAA-3", "ZZZZ-9")

    assert done == catalogue.Withdrawal(withdrawn=2, issued={order: 1}, unknown=1)
    assert stage.stock(ticket) == (1, 0)
    with pytest.raises(catalogue.NothingNew):
        upload(ticket, "AAAA-2")
    with reading():
        act = audit.entries(subject=f"product:{ticket.product_id}", limit=1)[0]
    assert (act.act, act.after, act.reason) == ("codes.withdrawn", {"sku": "SKU-1", "codes": 2}, "Faulty")


def test_codes_of_a_wrong_item_are_withdrawn_there_and_uploaded_where_they_belong(stage, ticket):
    voucher = stage.item("Music voucher", kind="code", stock=0)
    upload(ticket, "BBBB-1", "BBBB-2")
    with reading():
        [wrong] = catalogue.uploads_of([ticket.variant_id])

    assert withdraw(ticket, upload_id=wrong.id, reason="Wrong item").withdrawn == 2

    assert upload(voucher, "BBBB-1", "BBBB-2") == 2
    assert (stage.stock(ticket), stage.stock(voucher)) == ((0, 0), (2, 0))


def test_what_is_reserved_is_not_withdrawn(stage, ticket):
    upload(ticket, "AAAA-1", "AAAA-2")
    with transaction():
        catalogue.reserve({ticket.variant_id: 1}, reference="order:7", at=NOON)

    with pytest.raises(catalogue.StockSpokenFor):
        withdraw(ticket, "AAAA-1", "AAAA-2")
    assert withdraw(ticket, "AAAA-1").withdrawn == 1
    with pytest.raises(catalogue.NoneOfThem):
        withdraw(ticket, "AAAA-1")
    with pytest.raises(catalogue.NoReasonToWithdraw):
        withdraw(ticket, "AAAA-2", reason=" ")


def test_few_free_codes_are_told_of_as_low_stock(ticket, issue):
    upload(ticket, *[f"AAAA-{number}" for number in range(6)])
    with reading():
        assert catalogue.low_stock(at=NOON, limit=9) == []
    issue(ticket, 1)

    with reading():
        assert [row.sku for row in catalogue.low_stock(at=NOON, limit=9)] == ["SKU-1"]


@pytest.mark.breaks_the_books
def test_the_proof_sees_a_pool_that_is_not_the_stock(stage, ticket):
    upload(ticket, "AAAA-1", "AAAA-2")
    with transaction():
        one = select(func.min(catalogue.PoolCode.id)).scalar_subquery()
        execute(update(catalogue.PoolCode).where(catalogue.PoolCode.id == one).values(state="withdrawn"))

    assert broken() == {"of an item that is delivered as codes, as many are on hand as its pool has free codes"}


@pytest.mark.breaks_the_books
def test_the_proof_sees_a_code_shown_without_a_log_or_an_upload_that_lost_one(ticket, issue):
    upload(ticket, "AAAA-1", "AAAA-2")
    with transaction():
        execute(update(catalogue.CodeUpload).values(codes=3))
    assert broken() == {"an upload is the codes that came with it"}
    with transaction():
        execute(update(catalogue.CodeUpload).values(codes=2))

    issue(ticket, 1)
    with transaction():
        execute(update(catalogue.PoolCode).where(catalogue.PoolCode.state == "issued").values(shown_at=NOON))

    assert broken() == {"a code that was shown is issued or void, and its log says since when"}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("AAAA-1\nAAAA-2\n", ("AAAA-1", "AAAA-2")),
        ("\ufeffcode\r\nAAAA-1\r\n\r\nAAAA-2", ("AAAA-1", "AAAA-2")),
        ('"AAAA-1",,\n  AAAA-2 ;\n', ("AAAA-1", "AAAA-2")),
        ("兑换码\nabcd\nABCD", ("abcd", "ABCD")),
    ],
)
def test_codes_are_read_one_a_row_with_or_without_a_heading(text, codes):
    assert catalogue.read_codes(text, field="file") == catalogue.Typed(codes, 0, ())


def test_rows_that_are_no_code_are_named_by_their_number():
    text = "GOOD-1\nGOOD-1\nabc\nA1,B2\nA1;B2\n" + "x" * 101 + "\nAB\x07CD\nGOOD-2"

    typed = catalogue.read_codes(text, field="file")

    assert (typed.codes, typed.repeated) == (("GOOD-1", "GOOD-2"), 1)
    assert [row.number for row in typed.bad] == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("text", ["", "\n \n", "code\n", ",,\n;;"])
def test_a_file_without_codes_says_so(text):
    with pytest.raises(catalogue.NoCodes):
        catalogue.read_codes(text, field="file")
