"""What must always be true of stock that moved by hand: somebody did it, and the audit says so."""

from sqlalchemy import BigInteger, Select, String, case, cast, func, literal, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import audit

from .products import Product
from .stock import StockMove
from .variants import Variant

# The act that the audit knows a kind of move by; of an item that is delivered as codes it is another.
ACTS = {"receive": "stock.received", "adjust": "stock.adjust", "stocktake": "stock.stocktake"}
ACTS_OF_CODES = {"receive": "codes.uploaded", "adjust": "codes.withdrawn"}


def stock_checks() -> list[Check]:
    """Return the check of moves against the audit."""
    return [
        Check(N_("stock that came in or was corrected is what the audit says, item by item"), _by_hand()),
    ]


def _by_hand() -> Select:
    """Find items, acts and people of which moves and audit say other pieces."""
    of_codes = Product.kind == "code"
    moved = (
        select(
            literal("product:").concat(cast(Product.id, String)).label("subject"),
            case((of_codes, case(ACTS_OF_CODES, value=StockMove.kind)), else_=case(ACTS, value=StockMove.kind)).label(
                "act"
            ),
            StockMove.by,
            cast(StockMove.on_hand_change, BigInteger).label("pieces"),
        )
        .join(Variant, Variant.id == StockMove.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(StockMove.kind.in_(ACTS))
    )
    entry = audit.Entry
    pieces = cast(func.coalesce(entry.after["pieces"].as_integer(), entry.after["codes"].as_integer()), BigInteger)
    withdrawn = entry.act == ACTS_OF_CODES["adjust"]
    said = select(entry.subject, entry.act, entry.by, case((withdrawn, pieces), else_=-pieces)).where(
        entry.act.in_((*ACTS.values(), *ACTS_OF_CODES.values()))
    )
    both = union_all(moved, said).subquery("moved_and_said")
    return (
        select(both.c.subject, both.c.act, both.c.by, func.sum(both.c.pieces).label("more_moved_than_said"))
        .group_by(both.c.subject, both.c.act, both.c.by)
        .having(func.sum(both.c.pieces) != 0)
    )
