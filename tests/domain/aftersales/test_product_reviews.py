"""A review is of what its member bought and kept: one for each item, the shop's to publish, the member's to change
until then; tasks pay for it when it is published.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall import worker
from mall.base.db import execute, reading
from mall.base.errors import NotFound
from mall.domain import aftersales, audit, catalogue, earning, ledger, membership, notices, programme
from mall.domain.aftersales import moderating, product_reviews, refunds
from tests.domain.aftersales.kept import (
    DELIVERED,
    KEPT,
    WORDS,
    buy,
    keep,
    picture,
    publish,
    reject,
    reply,
    shown,
    stars,
    take_down,
    write,
)
from tests.stage import open_shop

LATER = KEPT + timedelta(days=1)


@pytest.fixture
def kept(stage, mei, mug):
    return keep(stage, mei, mug)


def told(member_id):
    with reading():
        rows = execute(
            select(notices.Notice.kind)
            .where(notices.Notice.member_id == member_id, notices.Notice.kind.like("review_%"))
            .order_by(notices.Notice.id)
        )
        return list(rows.scalars())


def growth_of(stage, member_id):
    with reading():
        return membership.standing(member_id, terms=stage.terms, at=LATER).growth


def paid(member_id):
    with reading():
        rows = execute(
            select(earning.TaskReward.task, earning.TaskReward.points)
            .where(earning.TaskReward.member_id == member_id, earning.TaskReward.task.like("review%"))
            .order_by(earning.TaskReward.id)
        )
        return [(row.task, row.points) for row in rows]


def fact_of(member_id):
    fact = earning.FactRow
    with reading():
        kept = select(fact.attributes).where(fact.member_id == member_id, fact.kind == earning.REVIEW_PUBLISHED)
        return execute(kept).scalar_one()


# Who may review what.


def test_what_was_kept_can_be_reviewed_once_its_window_is_over(stage, mei, mug):
    order = buy(stage, mei, mug)
    with pytest.raises(aftersales.NotKept, match="as soon as the days for returning it are over"):
        write(stage, order, at=DELIVERED)
    assert stage.close(order, at=KEPT)

    with reading():
        (row,) = aftersales.reviewable(mei)
    assert (row.order_id, row.line, row.product_id) == (order.id, 1, mug.product_id)
    written = write(stage, order)

    assert (written.row.state, written.row.rating, written.row.words) == (aftersales.WAITING, 5, WORDS)
    with reading():
        assert aftersales.reviewable(mei) == []
    assert (shown(mug), stars(mug), paid(mei)) == ([], (0, 0), [])


def test_what_was_refunded_cannot_be_reviewed_but_what_was_kept_of_it_can(stage, mei, mug):
    order = keep(stage, mei, mug, quantity=2)
    stage.refund(order, pieces={1: 1}, at=KEPT)
    with reading():
        assert len(aftersales.reviewable(mei)) == 1
    stage.refund(order, pieces={1: 1}, at=KEPT)

    with reading():
        assert aftersales.reviewable(mei) == []
    with pytest.raises(aftersales.NotKept):
        write(stage, order)


def test_anothers_order_and_a_line_that_is_none_are_not_there(stage, kept):
    tom = stage.member("tom")
    with pytest.raises(NotFound):
        write(stage, kept, by=tom)
    with reading(), pytest.raises(NotFound):
        aftersales.line_to_review(kept.id, 2, member_id=kept.member_id)


def test_an_item_bought_twice_is_reviewed_once(stage, mei, mug, kept):
    again = keep(stage, mei, mug)
    first = write(stage, kept).row

    second = write(stage, again, rating=2).row
    assert (second.id, second.revision, second.rating, second.order_id) == (first.id, 2, 2, again.id)
    publish(stage, second)
    with pytest.raises(aftersales.AlreadyReviewed, match="stays as it is"):
        write(stage, kept, rating=1)


@pytest.mark.parametrize(
    ("said", "refusal", "sentence"),
    [
        ({"rating": 0}, aftersales.BadStars, "1 to 5 stars"),
        ({"rating": 6}, aftersales.BadStars, "1 to 5 stars"),
        ({"words": " ok \n"}, aftersales.TooFewWords, "at least 5 characters"),
        ({"words": "x" * 1_001}, aftersales.TooManyWords, "at most 1000 characters"),
        ({"pictures": [picture(number) for number in range(5)]}, aftersales.TooManyReviewPictures, "4 pictures"),
    ],
)
def test_what_makes_no_review_is_refused_with_its_sentence(stage, kept, said, refusal, sentence):
    with pytest.raises(refusal, match=sentence):
        write(stage, kept, **said)


# Writing it anew.


def test_the_same_form_sent_twice_writes_once(stage, kept):
    first = write(stage, kept, key="form-1", pictures=[picture(1)])
    again = write(stage, kept, key="form-1", pictures=[picture(2)])

    assert (first.new, again.new) == (True, False)
    assert again.row.revision == 1
    assert [each["file"] for each in again.row.pictures] == [picture(1).name]


def test_until_it_is_published_its_member_changes_words_stars_and_pictures(stage, kept):
    write(stage, kept, key="one", pictures=[picture(1), picture(2)])

    anew = write(stage, kept, key="two", rating=3, remove=[picture(1).name], pictures=[picture(3)], at=LATER)

    assert anew.gone == (picture(1).name,)
    assert [each["file"] for each in anew.row.pictures] == [picture(2).name, picture(3).name]
    assert (anew.row.rating, anew.row.revision, anew.row.state) == (3, 2, aftersales.WAITING)


def test_one_that_was_rejected_waits_again_when_it_is_changed(stage, mei, kept):
    row = reject(write(stage, kept).row)
    assert (row.state, row.reason) == (aftersales.REJECTED, "It is of another item.")

    anew = write(stage, kept, words="This time of the right one.", at=LATER).row
    assert (anew.state, anew.reason, anew.decided_by) == (aftersales.WAITING, "", None)
    assert told(mei) == ["review_rejected"]


# At the desk.

LIFE = moderating.NEXT
EVENTS = {"publish": publish, "reject": reject, "take_down": take_down}
WAYS = {
    "waiting": (),
    "published": ("publish",),
    "rejected": ("reject",),
    "taken_down": ("publish", "take_down"),
}


def do(stage, event, row):
    return reject(row) if event == "reject" else EVENTS[event](stage, row)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", LIFE)
def test_every_cell_of_a_reviews_life(stage, kept, mug, state, event):
    row = write(stage, kept).row
    for way in WAYS[state]:
        row = do(stage, way, row)
    assert row.state == state
    with reading():
        before = len(audit.entries())

    if event in LIFE[state]:
        row = do(stage, event, row)
        assert row.state == LIFE[state][event]
        assert do(stage, event, row).state == row.state
        with reading():
            assert len(audit.entries()) == before + 1
    elif state in {cell.get(event) for cell in LIFE.values()}:
        assert do(stage, event, row).state == state
    else:
        with pytest.raises(aftersales.ReviewMoved):
            do(stage, event, row)
    assert stars(mug) == ((1, 5) if row.state == aftersales.PUBLISHED else (0, 0))


def test_the_table_says_the_whole_life():
    assert set(LIFE) == set(product_reviews.STATES) == set(WAYS)


def test_a_published_review_is_shown_with_its_members_name_and_level_and_counted(stage, mei, mug, kept):
    publish(stage, write(stage, kept, rating=4).row)

    (row,) = shown(mug)
    assert (row.display_name, row.rank, row.rating, row.words) == ("Mei", 2, 4, WORDS)
    assert stars(mug) == (1, 4)
    assert told(mei) == ["review_published"]


def test_tasks_pay_when_it_is_published_and_more_with_a_picture(stage, mei, mug, kept):
    row = write(stage, kept).row
    ready = stage.balances(mei, at=KEPT).ready
    assert paid(mei) == []
    publish(stage, row)
    assert paid(mei) == [("review", 20)]
    assert fact_of(mei) == {"product_id": mug.product_id, "with_picture": 0}
    assert stage.balances(mei, at=KEPT).ready == ready + 20

    tom = stage.member("tom")
    publish(stage, write(stage, keep(stage, tom, mug), words="A second one.", pictures=[picture()]).row)
    assert paid(tom) == [("review", 20), ("review_picture", 30)]


def test_what_a_review_brought_goes_when_it_is_taken_down_and_comes_once_when_it_is_shown_again(stage, mei, mug, kept):
    row = write(stage, kept).row
    ready, growth = stage.balances(mei, at=KEPT).ready, growth_of(stage, mei)
    row = publish(stage, row)
    brought = growth_of(stage, mei) - growth
    assert brought > 0
    for time in range(2):
        at = KEPT + timedelta(hours=2 * time)
        take_down(stage, row, at=at)
        take_down(stage, row, at=at)
        assert (shown(mug), stars(mug)) == ([], (0, 0))
        assert (stage.balances(mei, at=at).ready, growth_of(stage, mei)) == (ready, growth)
        publish(stage, row, at=at + timedelta(hours=1))
        publish(stage, row, at=at + timedelta(hours=1))
        assert (stage.balances(mei, at=at).ready, growth_of(stage, mei)) == (ready + 20, growth + brought)

    assert (paid(mei), stars(mug)) == ([("review", 20)] * 3, (1, 5))
    assert told(mei) == ["review_published", *["review_taken_down", "review_published"] * 2]


def test_what_of_it_is_spent_is_owed(stage, mei, kept):
    row = publish(stage, write(stage, kept).row)
    stage.put_in(mei, stage.item(prices=(catalogue.points_price(stage.balances(mei, at=KEPT).ready),)), at=KEPT)
    stage.place(mei, at=KEPT)
    take_down(stage, row)

    assert stage.balances(mei, at=KEPT).owed == 20
    with reading():
        posting = ledger.Posting
        said = execute(select(posting.reason).where(posting.kind == "clawback")).scalars().one()
    assert str(said).startswith("Your review of ") and "no longer shown" in str(said)


def test_what_is_owed_above_the_cap_for_it_is_forgiven(app):
    stage = open_shop(debt_cap_points=5)
    mei = stage.member("mei")
    row = publish(stage, write(stage, keep(stage, mei, stage.item())).row)
    stage.put_in(mei, stage.item(prices=(catalogue.points_price(stage.balances(mei, at=KEPT).ready),)), at=KEPT)
    stage.place(mei, at=KEPT)
    take_down(stage, row)

    assert stage.balances(mei, at=KEPT).owed == 5


def test_a_review_that_no_task_paid_is_taken_down_with_nothing_to_take(stage, mei, kept):
    for number in range(3):
        order = keep(stage, mei, stage.item(f"Item {number}"))
        publish(stage, write(stage, order, words=f"Number {number} of them").row)
    row = publish(stage, write(stage, kept).row)
    assert len(paid(mei)) == 3
    ready = stage.balances(mei, at=KEPT).ready
    take_down(stage, row)
    publish(stage, row)

    assert stage.balances(mei, at=KEPT).ready == ready
    assert told(mei) == ["review_published"] * 4 + ["review_taken_down"]


def test_what_goes_back_leaves_room_for_another_review_in_its_month(stage, mei, kept):
    rows = []
    for number in range(3):
        order = keep(stage, mei, stage.item(f"Item {number}"))
        rows.append(publish(stage, write(stage, order, words=f"Number {number} of them").row))
    take_down(stage, rows[0])
    publish(stage, write(stage, kept).row)
    assert len(paid(mei)) == 4
    publish(stage, rows[0])

    assert len(paid(mei)) == 4  # Shown again, it finds the month's caps reached.


def test_a_month_of_reviews_is_paid_up_to_its_caps(stage, mei):
    for number in range(5):
        order = keep(stage, mei, stage.item(f"Item {number}"))
        publish(stage, write(stage, order, words=f"Number {number} of them").row)
    assert paid(mei) == [("review", 20)] * 3


def test_what_was_refunded_meanwhile_cannot_be_published(stage, mug, kept):
    row = write(stage, kept).row
    stage.refund(kept, at=KEPT)
    with pytest.raises(aftersales.NoLongerKept, match="Reject it"):
        publish(stage, row)
    assert reject(row).state == aftersales.REJECTED


def test_nobody_publishes_words_they_have_not_read(stage, kept):
    seen = write(stage, kept).row
    write(stage, kept, words="Quite other words now", at=LATER)
    with pytest.raises(aftersales.ReviewRewritten, match="written it anew"):
        publish(stage, seen)
    with pytest.raises(aftersales.ReviewRewritten):
        reject(seen)


def test_nobody_decides_on_their_own(stage, mei, kept):
    row = write(stage, kept).row
    with pytest.raises(aftersales.OwnReview, match="for a colleague"):
        publish(stage, row, own=mei)


@pytest.mark.parametrize("act", [reject, take_down])
def test_a_refusal_needs_its_reason(stage, kept, act):
    row = write(stage, kept).row
    if act is take_down:
        row = publish(stage, row)
    with pytest.raises(aftersales.NoReviewReason):
        act(*([stage, row] if act is take_down else [row]), reason="  ")


def test_the_shop_answers_what_is_published_and_may_take_its_answer_back(stage, mei, mug, kept):
    row = write(stage, kept).row
    with pytest.raises(aftersales.NotPublished, match="Publish it first"):
        reply(row, "Thank you")
    publish(stage, row)

    reply(row, "Thank you\nfor writing")
    assert shown(mug)[0].reply == "Thank you\nfor writing"
    reply(row, "Thank you")
    reply(row, "")
    assert (shown(mug)[0].reply, shown(mug)[0].replied_at) == ("", None)
    assert told(mei) == ["review_published", "review_answered"]
    with reading():
        assert len(audit.entries(act="review.replied")) == 3


# The same text again.


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("Very good!", "very  GOOD", True),
        ("Ｖery good", "Very good", True),
        ("很好，推荐！", "很好 推荐", True),
        ("👍👍👍👍👍", "👍👍👍👍👍", True),
        ("Very good", "Very good mug", False),
    ],
)
def test_texts_that_differ_in_case_spaces_and_signs_only_read_the_same(text, other, same):
    assert (product_reviews.mark_of(text) == product_reviews.mark_of(other)) is same


def suspicious(row):
    with reading():
        return aftersales.alike(row).is_suspicious


def test_the_same_text_by_one_member_or_by_three_is_marked(stage, mei, mug, kept):
    pot = stage.item("Teapot")
    first = write(stage, kept, words="Very good item").row
    tom, ann = stage.member("tom"), stage.member("ann")
    toms = write(stage, keep(stage, tom, mug), words="very good ITEM!").row
    assert not suspicious(first) and not suspicious(toms)

    anns = write(stage, keep(stage, ann, mug), words="Very good item...").row
    assert suspicious(anns) and suspicious(first)

    own = write(stage, keep(stage, mei, pot), words="Very nice").row
    again = write(stage, keep(stage, mei, stage.item("Bowl")), words="Very nice").row
    assert suspicious(own) and suspicious(again)
    with reading():
        marked = execute(select(aftersales.ProductReview.id).where(aftersales.is_suspicious())).scalars()
        assert set(marked) == {first.id, toms.id, anns.id, own.id, again.id}


# Only of what is kept.


def test_a_review_is_shown_no_longer_when_the_last_piece_it_is_of_goes_back(stage, mei, mug):
    order = keep(stage, mei, mug, quantity=2)
    row = publish(stage, write(stage, order, pictures=[picture()]).row)
    stage.refund(order, pieces={1: 1}, at=LATER)
    assert len(shown(mug)) == 1
    before, grown = stage.balances(mei, at=LATER).ready, growth_of(stage, mei)
    given = sum(points for _task, points in paid(mei))
    with reading():
        plan = aftersales.plan_refund(stage.order(order), reason="changed_mind", at=LATER, zone=stage.terms.zone)
    [going] = plan.reviews
    assert (going.points, going.other) == (given, None)

    stage.refund(order, pieces={1: 1}, at=LATER)

    with reading():
        down = aftersales.product_review(row.id)
    assert (down.state, down.reason) == (aftersales.TAKEN_DOWN, aftersales.WENT_BACK)
    assert (shown(mug), stars(mug)) == ([], (0, 0))
    assert given > 0
    assert stage.balances(mei, at=LATER).ready == before - given + plan.points
    assert growth_of(stage, mei) == grown - going.growth
    assert told(mei) == ["review_published", "review_taken_down"]
    # Nothing brings it back by itself, nor can the desk.
    with pytest.raises(aftersales.NoLongerKept):
        publish(stage, down, at=LATER)


def test_one_who_keeps_the_item_of_another_order_keeps_the_review(stage, mei, mug):
    first, second = keep(stage, mei, mug), keep(stage, mei, mug)
    publish(stage, write(stage, first).row)

    stage.refund(first, at=LATER)
    assert len(shown(mug)) == 1
    stage.refund(second, at=LATER)
    assert shown(mug) == []


def test_what_is_bought_and_kept_again_may_be_reviewed_anew_and_is_looked_at_anew(stage, mei, mug):
    first = keep(stage, mei, mug)
    row = publish(stage, write(stage, first).row)
    stage.refund(first, at=LATER)
    with pytest.raises(aftersales.NotKept):
        write(stage, first, at=LATER)
    again = keep(stage, mei, mug)
    with reading():
        assert [line.order_id for line in aftersales.reviewable(mei)] == [again.id]

    new = write(stage, again, at=LATER + timedelta(days=1), words="Still good, the second one too.").row

    assert (new.id, new.state, new.order_id, shown(mug)) == (row.id, aftersales.WAITING, again.id, [])
    publish(stage, new, at=LATER + timedelta(days=1))
    assert len(shown(mug)) == 1


def test_one_taken_down_by_the_desk_stays_the_desks_to_decide_on(stage, mei, mug, kept):
    take_down(stage, publish(stage, write(stage, kept).row))
    again = keep(stage, mei, mug)
    with pytest.raises(aftersales.AlreadyReviewed):
        write(stage, again, at=LATER)
    stage.refund(kept, at=LATER)
    with pytest.raises(aftersales.AlreadyReviewed):
        write(stage, again, at=LATER)


def test_a_level_reached_by_what_a_review_gave_is_said_to_go_with_it(app):
    tasks = [{"key": "review", "points": 10, "growth": 1_000}]
    stage = open_shop(tasks=tasks, levels=[
        level | ({"upgrade_points": 70} if level["key"] == "ordinary" else {})
        for level in programme.default_settings(shop_name="-")["levels"]
    ])  # fmt: skip
    mei, mug = stage.member("mei"), stage.mug()
    order = keep(stage, mei, mug)
    publish(stage, write(stage, order).row)
    with reading():
        plan = aftersales.plan_refund(stage.order(order), reason="changed_mind", at=LATER, zone=stage.terms.zone)
    assert [(each.points, each.name["en"]) for each in plan.unkept.levels] == [(70, "Ordinary")]

    stage.refund(order, at=LATER)

    with reading():
        rows = execute(select(notices.Notice.details).where(notices.Notice.kind == "level_pack_undone")).scalars()
        assert [row["points"] for row in rows] == [70]


@pytest.mark.breaks_the_books
def test_what_had_gone_back_before_is_taken_down_by_the_nightly_job(stage, mei, mug, kept, monkeypatch):
    row = publish(stage, write(stage, kept).row)
    with monkeypatch.context() as patch:
        patch.setattr(refunds, "take_reviews_back", lambda *_given, **_named: None)
        stage.refund(kept, at=LATER)
    assert len(shown(mug)) == 1
    with reading():
        assert "a review that is shown is of something that is kept" in [
            check.name for check in aftersales.checks() if execute(check.breaks).first()
        ]

    for _night in range(2):
        worker.of_orders.take_reviews_down(LATER)

    with reading():
        assert (aftersales.product_review(row.id).reason, aftersales.unkept_reviews()) == (aftersales.WENT_BACK, [])
        assert [check.name for check in aftersales.checks() if execute(check.breaks).first()] == []
