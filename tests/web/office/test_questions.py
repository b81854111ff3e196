"""Questions at the desk: which come first, which are overdue, who asks; answer, close, publish - each once."""

import re
from datetime import timedelta

import pytest

from mall.base.db import reading, transaction
from mall.domain import audit, consultation, people
from tests.domain.consultation.asked import ANSWER, WORDS, answer, ask, grant, now, said
from tests.stage import NOON
from tests.web.office.forms import form_of, send
from tests.web.store.till import words


@pytest.fixture
def row(stage, mei, mug):
    """Mei's question, which waits."""
    return ask(stage, mei, mug)


def page_of(row):
    return f"/office/questions/{row.id}"


def listed(desk, queue="waiting"):
    """Return the numbers of the questions of a queue, in its order."""
    page = desk.get(f"/office/questions?queue={queue}").text
    return [int(part.split('"')[0]) for part in page.split('class="btn" href="/office/questions/')[2:]]


def test_the_inbox_shows_what_waits_and_the_menu_counts_it(desk, row):
    said_ = words(desk.get("/office/questions").text)
    assert WORDS in said_ and "Mei" in said_ and "just now" in said_
    page = desk.get("/office/").text
    assert "1 waiting" in words(page) and "Questions to answer" in words(page)
    assert "Nothing waits here" in desk.get("/office/questions?queue=closed").text
    assert desk.get("/office/questions?queue=nonsense").status_code == 200


def test_questions_of_levels_that_have_it_come_before_those_that_wait_longer(desk, stage, mug):
    """The level counts that the member has now, granted or reached."""
    early = ask(stage, stage.member("ann"), mug, at=NOON - timedelta(hours=3))
    later = ask(stage, stage.member("tom"), mug, at=NOON - timedelta(hours=2))
    vip = ask(stage, stage.member("vic"), mug, at=NOON - timedelta(hours=1))
    assert listed(desk) == [early.id, later.id, vip.id]
    assert "1 hour" in words(desk.get("/office/questions").text) and "just now" not in desk.get(page_of(early)).text
    grant(stage, vip.member_id, 4)
    assert listed(desk) == [vip.id, early.id, later.id]
    assert words(desk.get("/office/questions").text).count("Comes first") == 1
    assert "Comes first" in desk.get(page_of(vip)).text and "Comes first" not in desk.get(page_of(early)).text


def test_what_waits_longer_than_the_programme_says_is_overdue(desk, stage, mei, mug, row):
    promised = timedelta(hours=stage.terms.answer_within_hours)
    ask(stage, mei, mug, at=NOON - promised + timedelta(seconds=1))
    assert listed(desk, "overdue") == []
    late = ask(stage, mei, mug, at=NOON - promised)
    assert listed(desk, "overdue") == [late.id]
    assert "overdue" in words(desk.get(page_of(late)).text)


def test_who_asks_stands_beside_the_text(desk, stage, mei, mug, row):
    stage.give(mei, 1_234)
    stage.put_in(mei, stage.item("Teapot"), "points", quantity=2)
    page = words(desk.get(page_of(row)).text)
    assert "1,234 pts" in page and "Registered" in page and "Teapot" in page and "× 2" in page


def test_it_is_answered_once_and_its_member_told(desk, row):
    fields = form_of(desk.get(page_of(row)).text, f"{page_of(row)}/answers")
    for _press in range(2):
        assert desk.post(f"{page_of(row)}/answers", data=fields | {"words": ANSWER}).status_code == 303
    assert said(row) == [("member", WORDS), ("shop", ANSWER)]
    assert listed(desk) == [] and listed(desk, "answered") == [row.id]
    assert "Question answered" in words(desk.get("/office/audit").text)


def test_of_two_who_answer_at_once_the_second_is_told_and_keeps_the_text(desk, enter, otto, row):
    fields = form_of(desk.get(page_of(row)).text, f"{page_of(row)}/answers")
    assert send(enter(otto), page_of(row), f"{page_of(row)}/answers", words="Otto's words").status_code == 303
    refused = desk.post(f"{page_of(row)}/answers", data=fields | {"words": "Ola's words"})
    assert refused.status_code == 422 and "Somebody has written to this question meanwhile" in refused.text
    assert "Ola&#39;s words" in refused.text and "Otto&#39;s words" in refused.text

    anew = form_of(refused.text, f"{page_of(row)}/answers")
    assert desk.post(f"{page_of(row)}/answers", data=anew).status_code == 303
    assert [text for _side, text in said(row)] == [WORDS, "Otto's words", "Ola's words"]


def test_an_answer_says_something(desk, row):
    answer = send(desk, page_of(row), f"{page_of(row)}/answers", words=" ")
    assert answer.status_code == 422 and "Write something first." in answer.text
    assert send(desk, page_of(row), f"{page_of(row)}/answers", words="x" * 1_001).status_code == 422
    assert len(said(row)) == 1


def test_a_canned_reply_is_put_below_what_is_typed_in_the_member_s_language(desk, stage, mei, row):
    names, texts = {"name_en": "Sizes", "name_zh": "尺寸"}, {"words_en": "See the table.", "words_zh": "请看表格。"}
    assert desk.post("/office/questions/replies/new", data=names | texts | {"active": "y"}).status_code == 303
    with transaction():
        people.choose_language(mei, "zh")
    fields = form_of(desk.get(page_of(row)).text, f"{page_of(row)}/answers") | {"words": "你好！", "reply": "1"}
    drafted = desk.post(f"{page_of(row)}/draft", data=fields)
    assert drafted.status_code == 200
    filled = form_of(drafted.text, f"{page_of(row)}/answers")
    assert "你好！" in filled["words"] and "请看表格。" in filled["words"]
    assert desk.post(f"{page_of(row)}/answers", data=filled).status_code == 303
    assert said(row)[1][1].endswith("请看表格。")


def test_replies_are_changed_and_switched_off(desk, row):
    assert desk.post("/office/questions/replies/new", data={"name_en": "Sizes"}).status_code == 422
    assert desk.post("/office/questions/replies/new", data={"name_en": "Sizes", "words_en": "A"}).status_code == 303
    assert "Sizes" in desk.get(page_of(row)).text
    assert send(desk, "/office/questions/replies/1", "", name_en="Size table").status_code == 303
    assert "Size table" in desk.get("/office/questions/replies").text
    fields = {"name_en": "Size table", "words_en": "A"}  # Not ticked.
    assert desk.post("/office/questions/replies/1", data=fields).status_code == 303
    assert "Size table" not in desk.get(page_of(row)).text
    assert desk.get("/office/questions/replies/77").status_code == 404
    assert "Canned reply changed" in words(desk.get("/office/audit").text)


def test_it_is_closed_with_a_reason_only(desk, row):
    refused = send(desk, page_of(row), f"{page_of(row)}/closure")
    assert refused.status_code == 422 and "Say why: the member is told." in refused.text
    assert send(desk, page_of(row), f"{page_of(row)}/closure", reason="No longer made.").status_code == 303
    assert now(row).state == consultation.CLOSED and listed(desk, "closed") == [row.id]


def test_question_and_answer_are_published_reworded_and_withdrawn(desk, app, row):
    assert f"{page_of(row)}/publication" not in desk.get(page_of(row)).text
    assert desk.post(f"{page_of(row)}/publication", data={"question": "a?", "answer": "b"}).status_code == 422
    answer(row)
    fields = form_of(desk.get(page_of(row)).text, f"{page_of(row)}/publication")
    assert (fields["question"], fields["answer"]) == (WORDS, ANSWER)
    ids = re.findall(r' id="([^"]+)"', desk.get(page_of(row)).text)
    assert sorted(ids) == sorted(set(ids))  # Or a label belongs to another than its box.
    assert desk.post(f"{page_of(row)}/publication", data=fields | {"question": ""}).status_code == 422
    for _press in range(2):
        done = desk.post(f"{page_of(row)}/publication", data=fields | {"question": "Does it keep warm?"})
        assert done.status_code == 303
    assert listed(desk, "published") == [row.id]
    assert "Does it keep warm?" in app.test_client().get("/items/stoneware-mugs").text
    for _press in range(2):
        assert desk.post(f"{page_of(row)}/withdrawal", data=fields).status_code == 303
    assert "Does it keep warm?" not in app.test_client().get("/items/stoneware-mugs").text
    with reading():
        acts = [len(audit.entries(act=f"question.{act}")) for act in ("published", "withdrawn")]
    assert acts == [1, 1]


def test_one_that_is_not_there_is_a_404(desk):
    assert desk.get("/office/questions/77").status_code == 404
    for act in ("answers", "draft", "closure", "publication", "withdrawal"):
        data = {"words": "x", "reason": "x", "question": "x", "answer": "y"}
        assert desk.post(f"/office/questions/77/{act}", data=data).status_code == 404
