"""What members say of an item, for everybody: all its published reviews, page by page, and their pictures."""

from typing import Any

from flask import Blueprint, Response, render_template, request

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound
from mall.base.text import N_
from mall.domain import aftersales, catalogue, people
from mall.web.shared import layout
from mall.web.shared.kept import kept
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.reviews import picture_of

bp = Blueprint("item_reviews", __name__, url_prefix="/items/<slug>/reviews")

ON_THE_ITEM, PER_PAGE = 3, 10


@bp.get("")
def index(slug: str) -> str:
    """Show an item's reviews, the latest first."""
    terms, at, page = layout.terms(), now(), page_number()
    with reading():
        item = catalogue.item(slug, layout.viewer(), terms=terms, at=at)
        product = item.product
        pages = pages_of(product.review_count, PER_PAGE)
        page = min(page, pages)
        rows = aftersales.published_reviews(product.id, limit=PER_PAGE, offset=(page - 1) * PER_PAGE, at=now())
    return render_template(
        "store/item_reviews/index.html",
        product=product,
        reviews=reviews_shown(rows),
        page=page,
        pages=pages,
        per_page=PER_PAGE,
    )


@bp.get("/<int:review_id>/pictures/<int:position>")
def picture(slug: str, review_id: int, position: int) -> Response:
    """Send a picture of a published review, small or as large as it is kept."""
    size = max if "large" in request.args else min
    with reading():
        review = aftersales.product_review(review_id)
        item = catalogue.item(slug, layout.viewer(), terms=layout.terms(), at=now())
    if review.state != aftersales.PUBLISHED or review.product_id != item.product.id:
        raise NotFound(N_("There is no such picture."))
    return picture_of(review, position, size=size(catalogue.SIZES), public=True)


def latest_reviews(product: Any) -> list[dict[str, Any]]:
    """Return the latest reviews for an item's page. They are kept a while: one statement when they have changed."""
    if not product.review_count:
        return []

    def read() -> list[Any]:
        with reading():
            return aftersales.published_reviews(product.id, limit=ON_THE_ITEM, at=now())

    return reviews_shown(kept(("reviews", product.id, product.review_changes), read, at=now()))


def reviews_shown(rows: list[Any]) -> list[dict[str, Any]]:
    """Return reviews as everybody sees them: of their author the first name and the level only."""
    terms = layout.terms()
    return [
        {
            "row": row,
            "author": people.first_name_of(row.display_name),
            "level": terms.level(row.rank),
        }
        for row in rows
    ]
