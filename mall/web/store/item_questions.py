"""What members asked about an item and what the shop answered, for everybody: those that it published."""

from typing import Any

from flask import Blueprint, render_template

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import catalogue, consultation, people
from mall.web.shared import layout
from mall.web.shared.kept import kept
from mall.web.shared.paging import page_number, pages_of

bp = Blueprint("item_questions", __name__, url_prefix="/items/<slug>/questions")

ON_THE_ITEM, PER_PAGE = 3, 10


@bp.get("")
def index(slug: str) -> str:
    """Show an item's questions and answers, the latest first."""
    page = page_number()
    with reading():
        product = catalogue.item(slug, layout.viewer(), terms=layout.terms(), at=now()).product
        pages = pages_of(product.question_count, PER_PAGE)
        page = min(page, pages)
        rows = consultation.published_questions(product.id, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
    return render_template(
        "store/item_questions/index.html",
        product=product,
        questions=questions_shown(rows),
        page=page,
        pages=pages,
        per_page=PER_PAGE,
    )


def latest_questions(product: Any) -> list[dict[str, Any]]:
    """Return the latest questions for an item's page. They are kept a while: one statement when they have changed."""
    if not product.question_count:
        return []

    def read() -> list[Any]:
        with reading():
            return consultation.published_questions(product.id, limit=ON_THE_ITEM)

    return questions_shown(kept(("questions", product.id, product.question_changes), read, at=now()))


def questions_shown(rows: list[Any]) -> list[dict[str, Any]]:
    """Return questions as everybody sees them: of who asked the first name only."""
    return [{"row": row, "author": people.first_name_of(row.display_name)} for row in rows]
