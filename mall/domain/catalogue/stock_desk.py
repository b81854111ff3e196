"""Stock at the desk: pieces arrive, a count is corrected, stock is taken - each by somebody, into the audit log."""

from datetime import datetime

from sqlalchemy import select, update

from mall.base.db import execute, in_transaction
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, repeats

from .figures import MOST_PIECES, whole
from .products import Product
from .stock import QUANTITY, Stock, StockMove, book, change_stock, expect_all, lock_stock, low_mark, write_moves
from .variants import NoSuchVariant, Variant

_MOVED = N_(
    "This form was sent before: it has changed the stock by {pieces}. Nothing more was done. Look at the moves, and"
    " send the form again for this one, too."
)


class StockIsCodes(Refusal):
    """A piece of such an item is a code, so its stock changes with its pool only."""

    message = N_("The stock of this item is its codes. Upload codes, or withdraw some, on its page of codes.")


def receive(variant_id: int, quantity: int, *, by: str, at: datetime, reason: str = "", key: str = "") -> None:
    """Book pieces that arrived; asked again with the same key, books nothing more.

    Raises NoSuchVariant, BadFigure, StockIsCodes, and repeats.SentOtherwise for another move with the same key.
    """
    _refuse_codes(variant_id)
    pieces = {variant_id: quantity}
    sent = _sent("receive", variant_id, quantity, by=by, reason=reason, key=key)
    if key and _moved_before("receive", variant_id, sent):
        return
    expect_all(change_stock("receive", pieces), pieces)
    write_moves("receive", pieces=pieces, reference=key, at=at, by=by, reason=reason)
    _note("stock.received", variant_id, quantity, by=by, at=at, reason=reason)
    repeats.keep(sent, done=say(_MOVED, pieces=quantity), at=at)


def adjust(variant_id: int, change: int, *, reason: str, by: str, at: datetime, key: str = "") -> None:
    """Correct what is on hand by some pieces up or down, for a reason; asked again with the same key, does nothing.

    Raises StockSpokenFor, NoSuchVariant, StockIsCodes, and repeats.SentOtherwise for another move with the same key.
    """
    _refuse_codes(variant_id)
    if not reason.strip():
        raise Refusal(N_("Say why the stock is corrected."))
    whole(abs(change) if isinstance(change, int) else change, QUANTITY, least=1, most=MOST_PIECES)
    sent = _sent("adjust", variant_id, change, by=by, reason=reason, key=key)
    if key and _moved_before("adjust", variant_id, sent):
        return
    _correct("adjust", variant_id, change, reason=reason, by=by, at=at, reference=key)
    repeats.keep(sent, done=say(_MOVED, pieces=change), at=at)


def set_on_hand(variant_id: int, count: int, *, by: str, at: datetime, reason: str = "") -> int:
    """Take stock: what was counted is on hand now; the difference is the move. Returns it.

    Raises StockSpokenFor, NoSuchVariant, BadFigure, StockIsCodes.
    """
    _refuse_codes(variant_id)
    whole(count, QUANTITY, least=0, most=MOST_PIECES)
    assert in_transaction()
    known = execute(select(Stock.on_hand).where(Stock.variant_id == variant_id).with_for_update()).scalar_one_or_none()
    if known is None:
        raise NoSuchVariant()
    if count != known:
        _correct("stocktake", variant_id, count - known, reason=reason, by=by, at=at)
    return count - known


def set_low_water(variant_id: int, low_water: int | None, *, by: str, at: datetime) -> None:
    """Say at how many free pieces operators are told; None: never. Raises NoSuchVariant, BadFigure."""
    row = execute(
        update(Stock)
        .where(Stock.variant_id == variant_id)
        .values(low_water=low_mark(low_water))
        .returning(Stock.variant_id)
    ).one_or_none()
    if row is None:
        raise NoSuchVariant()
    _note("stock.low_water", variant_id, low_water, by=by, at=at, reason="")


def _refuse_codes(variant_id: int) -> None:
    kind = select(Product.kind).join(Variant, Variant.product_id == Product.id).where(Variant.id == variant_id)
    if execute(kind).scalar_one_or_none() == "code":
        raise StockIsCodes()


def _sent(kind: str, variant_id: int, pieces: int, *, by: str, reason: str, key: str) -> repeats.Sent:
    says = {"kind": kind, "variant": variant_id, "pieces": pieces, "reason": reason}
    return repeats.Sent("stock", key, by, says)


def _moved_before(kind: str, variant_id: int, sent: repeats.Sent) -> bool:
    """Tell whether a move was made with its form's key, once nobody else can be making it. Raises SentOtherwise."""
    lock_stock(variant_id)
    repeats.refuse_other(sent)
    made = select(StockMove.id).where(
        StockMove.reference == sent.form_key, StockMove.kind == kind, StockMove.variant_id == variant_id
    )
    return execute(made.limit(1)).first() is not None


def _correct(
    kind: str, variant_id: int, change: int, *, reason: str, by: str, at: datetime, reference: str = ""
) -> None:
    book(kind, variant_id, change, reference=reference, reason=reason, by=by, at=at)
    _note(f"stock.{kind}", variant_id, change, by=by, at=at, reason=reason)


def _note(act: str, variant_id: int, change: int | None, *, by: str, at: datetime, reason: str) -> None:
    row = execute(select(Variant.product_id, Variant.sku).where(Variant.id == variant_id)).one()
    audit.write(
        act, by=by, subject=f"product:{row.product_id}", at=at, after={"sku": row.sku, "pieces": change},
        reason=reason,
    )  # fmt: skip
