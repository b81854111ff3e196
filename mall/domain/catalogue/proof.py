"""What must always be true of the catalogue: each check is a select that must find nothing."""

from sqlalchemy import Select, Subquery, and_, func, or_, select

from mall.base.proof import Check
from mall.base.text import N_

from .pictures import Picture
from .pool import FREE, ISSUED, VOID, CodeShown, CodeUpload, PoolCode
from .products import Product
from .proof_of_codes import code_checks
from .proof_of_stock import stock_checks
from .quotas import Quota, QuotaDraw
from .reservations import Reservation
from .stock import Stock, StockMove
from .variants import Variant


def checks() -> list[Check]:
    """Return the catalogue's checks: LEDGER 6 no. 6, and what the room relies on itself."""
    return [
        Check(N_("of an item that is delivered as codes, as many are on hand as its pool has free codes"), _pools()),
        Check(N_("a code that was shown is issued or void, and its log says since when"), _shown()),
        Check(N_("an upload is the codes that came with it"), _uploads()),
        Check(N_("stock on hand is the sum of its moves"), _on_hand()),
        Check(N_("stock reserved is the sum of open reservations, and of its moves"), _reserved()),
        Check(N_("each order's reservation is what its moves left open"), _reservations()),
        Check(N_("stock on hand covers what is reserved, and neither is below nothing"), _uncovered()),
        Check(N_("what was taken of a total is the sum of what orders took of it, and within it"), _quotas()),
        Check(N_("an item's pictures stand in one order, from the first"), _pictures()),
        *stock_checks(),
        *code_checks(),
    ]


def _pools() -> Select:
    free = (
        select(PoolCode.variant_id, func.count().label("codes"))
        .where(PoolCode.state == FREE)
        .group_by(PoolCode.variant_id)
        .subquery("free")
    )
    return (
        select(Stock.variant_id)
        .join(Variant, Variant.id == Stock.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(free, free.c.variant_id == Stock.variant_id)
        .where(
            or_(
                and_(Product.kind == "code", Stock.on_hand != func.coalesce(free.c.codes, 0)),
                and_(Product.kind != "code", free.c.codes > 0),
            )
        )
    )


def _shown() -> Select:
    shown = (
        select(CodeShown.code_id, func.min(CodeShown.at).label("first")).group_by(CodeShown.code_id).subquery("shown")
    )
    return (
        select(PoolCode.id)
        .outerjoin(shown, shown.c.code_id == PoolCode.id)
        .where(
            or_(
                PoolCode.shown_at.is_(None) != shown.c.first.is_(None),
                PoolCode.shown_at != shown.c.first,
                and_(shown.c.first.is_not(None), PoolCode.state.not_in((ISSUED, VOID))),
            )
        )
    )


def _uploads() -> Select:
    uploaded = (
        select(PoolCode.upload_id, func.count().label("codes")).group_by(PoolCode.upload_id).subquery("uploaded")
    )
    return (
        select(CodeUpload.id)
        .outerjoin(uploaded, uploaded.c.upload_id == CodeUpload.id)
        .where(CodeUpload.codes != func.coalesce(uploaded.c.codes, 0))
    )


def _moved() -> Subquery:
    """Return the sums of each variant's stock moves."""
    return (
        select(
            StockMove.variant_id,
            func.sum(StockMove.on_hand_change).label("on_hand"),
            func.sum(StockMove.reserved_change).label("reserved"),
        )
        .group_by(StockMove.variant_id)
        .subquery("moved")
    )


def _on_hand() -> Select:
    moved = _moved()
    return (
        select(Stock.variant_id)
        .outerjoin(moved, moved.c.variant_id == Stock.variant_id)
        .where(Stock.on_hand != func.coalesce(moved.c.on_hand, 0))
    )


def _reserved() -> Select:
    moved = _moved()
    reserved = (
        select(Reservation.variant_id, func.sum(Reservation.open).label("open"))
        .group_by(Reservation.variant_id)
        .subquery("open_reservations")
    )
    return (
        select(Stock.variant_id)
        .outerjoin(moved, moved.c.variant_id == Stock.variant_id)
        .outerjoin(reserved, reserved.c.variant_id == Stock.variant_id)
        .where(
            or_(
                Stock.reserved != func.coalesce(reserved.c.open, 0),
                Stock.reserved != func.coalesce(moved.c.reserved, 0),
            )
        )
    )


def _reservations() -> Select:
    per_reference = (
        select(StockMove.reference, StockMove.variant_id, func.sum(StockMove.reserved_change).label("open"))
        .where(StockMove.reserved_change != 0)
        .group_by(StockMove.reference, StockMove.variant_id)
        .subquery("per_reference")
    )
    return (
        select(Reservation.reference, Reservation.variant_id)
        .outerjoin(
            per_reference,
            (per_reference.c.reference == Reservation.reference)
            & (per_reference.c.variant_id == Reservation.variant_id),
        )
        .where(Reservation.open != func.coalesce(per_reference.c.open, 0))
    )


def _uncovered() -> Select:
    return select(Stock.variant_id).where(or_(Stock.reserved < 0, Stock.on_hand < Stock.reserved))


def _quotas() -> Select:
    drawn = (
        select(QuotaDraw.product_id, func.sum(QuotaDraw.quantity).label("quantity"))
        .group_by(QuotaDraw.product_id)
        .subquery("drawn")
    )
    return (
        select(Quota.product_id)
        .outerjoin(drawn, drawn.c.product_id == Quota.product_id)
        .where(or_(Quota.taken != func.coalesce(drawn.c.quantity, 0), Quota.taken > Quota.total))
    )


def _pictures() -> Select:
    return (
        select(Picture.product_id)
        .group_by(Picture.product_id)
        .having(
            or_(
                func.count(Picture.position.distinct()) != func.count(),
                func.max(Picture.position) != func.count(),
            )
        )
    )
