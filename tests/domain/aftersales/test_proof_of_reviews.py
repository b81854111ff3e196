"""The proof finds reviews of what was not kept, stars that are not those of reviews, and facts of none."""

import pytest
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.domain import aftersales
from mall.domain.aftersales.proof_of_reviews import reviews_checks
from tests.domain.aftersales.kept import KEPT, keep, picture, publish, take_down, write

KEPT_IT = "a review is of what its member bought, and was written after the return window"
REFUNDED = "no review was published first when all of it had been refunded"
STARS = "the stars of an item are those of its published reviews"
STANDING = "a review counts for tasks once while it is shown, and no more when it was taken down"
RECORDED = "a review counts as published, for tasks, as soon as it was, and for its member"


def found():
    with reading():
        return [check.name for check in reviews_checks() if execute(check.breaks).first()]


SHOWN = "a review that is shown is of something that is kept"


@pytest.fixture
def order(stage, mei, mug):
    """Mei's order, its review published; and Tom's, whose review waits."""
    order = keep(stage, mei, mug, quantity=2)
    publish(stage, write(stage, order, pictures=[picture()]).row)
    write(stage, keep(stage, stage.member("tom"), mug), words="Another one of it")
    return order


def test_reviews_as_they_are_written_break_nothing(order):
    assert found() == []


def test_a_review_that_went_down_and_up_again_breaks_nothing(stage, order):
    row = publish(stage, product_review())
    for _time in range(2):
        take_down(stage, row)
        assert found() == []
        publish(stage, row)
        assert found() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ("UPDATE product_review SET state = 'published', reason = '' WHERE id = 1", [STARS, STANDING]),
        ("DELETE FROM fact WHERE kind = 'review_unpublished'", [STANDING]),
    ],
)
def test_a_review_that_was_taken_down_and_counts_all_the_same_is_named(stage, order, changed, broken):
    take_down(stage, product_review())
    with transaction():
        for (guard,) in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            execute(text(f'DROP TRIGGER "{guard}"'))
        execute(text(changed))

    assert found() == broken


def product_review():
    with reading():
        return aftersales.product_review(1)


def test_a_refund_after_it_was_published_breaks_nothing(stage, order):
    stage.refund(order, at=KEPT)
    assert found() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ("UPDATE orders SET window_closed_at = NULL", KEPT_IT),
        ("UPDATE product_review SET written_at = '2026-03-02 12:00:00.000000' WHERE state = 'waiting'", KEPT_IT),
        ("UPDATE order_line SET product_id = {other}", KEPT_IT),
        ("UPDATE product_review SET member_id = {ann} WHERE state = 'waiting'", KEPT_IT),
        ("UPDATE product_review SET member_id = {ann} WHERE state = 'published'", [KEPT_IT, RECORDED, STANDING]),
        ("UPDATE product SET review_count = 2, review_stars = 6", STARS),
        ("UPDATE product_review SET state = 'taken_down', reason = 'x' WHERE state = 'published'", [STARS, STANDING]),
        ("UPDATE product_review SET rating = 4 WHERE state = 'published'", STARS),
        ("UPDATE product_review SET published_at = written_at WHERE state = 'waiting'", RECORDED),
        ("UPDATE product_review SET state = 'waiting', published_at = NULL, reason = ''", [STARS, RECORDED]),
        (
            "UPDATE fact SET key = 'review:77:published' WHERE kind = 'review_published' AND reference = 'review:1'",
            RECORDED,
        ),
        ("UPDATE fact SET member_id = {ann} WHERE kind = 'review_published'", [RECORDED, STANDING]),
        ("UPDATE fact SET reference = 'review:77' WHERE kind = 'review_published'", [RECORDED, STANDING]),
        ("UPDATE order_line SET refunded = 2 WHERE order_id = 1", SHOWN),
        ("UPDATE credit_note SET at = '2026-03-02 12:00:00.000000'", REFUNDED),
    ],
)
def test_what_is_changed_alone_is_named(stage, order, mug, changed, broken):
    stage.refund(order, pieces={1: 1}, at=KEPT)
    bos = keep(stage, stage.member("bo"), mug)
    publish(stage, write(stage, bos, words="A third of it").row)
    stage.refund(bos, at=KEPT)
    ann, other = stage.member("ann"), stage.item("Teapot").product_id
    with transaction():
        for (guard,) in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            execute(text(f'DROP TRIGGER "{guard}"'))
        execute(text(changed.format(ann=ann, other=other)))

    assert found() == (broken if isinstance(broken, list) else [broken])
