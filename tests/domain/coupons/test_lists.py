"""A coupon or a pack for many members from a file: first line by line what would happen, then each has it once."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import coupons, notices, people
from mall.domain.coupons import lists
from tests import cast
from tests.stage import NOON

DAY = timedelta(days=1)
CHINESE = "member,sentence\nmei@example.com,感谢您的耐心"


@pytest.fixture
def tom(stage):
    return stage.member("tom")


def planned(kind, content, *, by="staff:1", at=NOON):
    data = content if isinstance(content, bytes) else content.encode()
    with reading():
        return coupons.plan_list(kind, coupons.read_list(data), by=by, at=at)


def give(stage, plan, *, key="file", at=NOON):
    return coupons.give_list(
        plan, key=key, shown=plan.fingerprint, terms=stage.terms, by="staff:1", at=at, reason="A late parcel"
    )


def does(plan):
    return [(each.line.row, each.does, type(each.why).__name__ if each.why else "") for each in plan.lines]


def had(member_id):
    with reading():
        return len(coupons.coupons_of(member_id))


def told(kind="coupon_received"):
    with reading():
        notice = notices.Notice
        return [row.details["words"] for row in execute(select(notice.details).where(notice.kind == kind))]


def number_of(member_id):
    with reading():
        return people.member_of(member_id).number


def test_each_line_says_what_it_does_and_then_does_it(stage, mei, tom):
    kind = stage.coupon_kind()
    had_it, frozen = stage.member("una"), stage.member("vic")
    stage.coupon(had_it, of=kind)
    with transaction():
        people.freeze_member(frozen, own_member_id=None, by="staff:1", reason="Asked for it", at=NOON)
    number = number_of(tom)
    content = (
        "Member,Sentence\n"
        f"mei@example.com,Thank you\n{number[:5]} {number[5:]},\nMEI@Example.com,\nnobody@example.com,\n"
        "una@example.com,\nvic@example.com,\n=1+1,\n1234567890,\n,only words\ntom@example.com,\n"
    )

    plan = planned(kind, content)

    assert does(plan) == [
        (2, "gives", ""),
        (3, "gives", ""),
        (4, "wrong", "TwiceInFile"),
        (5, "wrong", "NoSuchMember"),
        (6, "has", ""),
        (7, "wrong", "IsFrozen"),
        (8, "wrong", "LikeAFormula"),
        (9, "wrong", "NoSuchMember"),
        (10, "wrong", "NoSuchMember"),
        (11, "wrong", "TwiceInFile"),
    ]
    assert plan.counts == {"gives": 2, "has": 1, "wrong": 7}
    assert "row 2" in str(plan.lines[2].why)
    assert (had(mei), had(tom)) == (0, 0)
    assert give(stage, plan) == 2
    assert (had(mei), had(tom), had(had_it), had(frozen)) == (1, 1, 1, 0)
    assert sorted(told()) == ["", "", "Thank you"]


def test_done_again_it_gives_nobody_a_second_one(stage, mei, tom):
    kind = stage.coupon_kind()
    plan = planned(kind, "member\nmei@example.com\ntom@example.com")
    assert give(stage, plan) == give(stage, plan) == 2

    again = planned(kind, "member\nmei@example.com\ntom@example.com")
    assert does(again) == [(2, "has", ""), (3, "has", "")]
    assert give(stage, plan, key="stale page") == 0
    assert (had(mei), had(tom), len(told())) == (1, 1, 2)


def test_what_was_broken_off_goes_on_where_it_stopped(stage, mei, tom, monkeypatch):
    monkeypatch.setattr(lists, "AT_ONCE", 1)
    kind = stage.coupon_kind()
    plan = planned(kind, "member\nmei@example.com\ntom@example.com")
    give_all, calls = lists.give_all, []

    def breaks(*givings, **how):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the lights went out")
        return give_all(*givings, **how)

    monkeypatch.setattr(lists, "give_all", breaks)
    with pytest.raises(RuntimeError):
        give(stage, plan)
    assert (had(mei), had(tom)) == (1, 0)

    assert give(stage, plan) == 2
    assert (had(mei), had(tom), len(told())) == (1, 1, 2)


def test_a_pack_is_given_whole_as_long_as_there_are_some(stage, mei, tom):
    kind = stage.coupon_kind()
    with transaction():
        pack = coupons.make_pack(
            key="p", title={"en": "Welcome"}, parts={kind: 2}, total_limit=1, by="staff:1", at=NOON
        )
    plan = planned(pack, "member\nmei@example.com\ntom@example.com")

    assert does(plan) == [(2, "gives", ""), (3, "wrong", "GivenUp")]
    assert give(stage, plan) == 1
    assert (had(mei), had(tom)) == (2, 0)
    with reading():
        assert coupons.pack_of(pack).used == 1


def test_whoever_was_faster_has_the_last_pack_and_the_file_leaves_its_member_out(stage, mei, tom):
    kind = stage.coupon_kind()
    with transaction():
        pack = coupons.make_pack(
            key="p", title={"en": "Welcome"}, parts={kind: 2}, total_limit=1, by="staff:1", at=NOON
        )
    plan = planned(pack, "member\nmei@example.com")
    with transaction():
        coupons.give_pack(pack, tom, reference="level:3", terms=stage.terms, at=NOON)

    assert give(stage, plan) == 0
    assert had(mei) == 0


def test_what_is_used_up_or_given_out_no_more_is_said_at_each_line(stage, mei):
    over = stage.coupon_kind()
    with transaction():
        coupons.withdraw_template(over, by="staff:1", at=NOON)
    ten, once = stage.coupon_kind(), stage.coupon_kind(title={"en": "Once"}, member_limit=1)
    stage.coupon(mei, of=once)
    with transaction():
        pack = coupons.make_pack(key="p", title={"en": "Welcome"}, parts={once: 1, ten: 1}, by="staff:1", at=NOON)
    assert does(planned(pack, "member\nmei@example.com")) == [(2, "wrong", "PartHadOften")]
    assert does(planned(over, "member\nmei@example.com")) == [(2, "wrong", "Withdrawn")]


def test_a_list_gives_another_in_the_place_of_one_that_ended(stage, mei):
    kind = stage.coupon_kind(member_limit=1, valid_days=3)
    stage.coupon(mei, of=kind)

    assert does(planned(kind, "member\nmei@example.com")) == [(2, "has", "")]
    assert does(planned(kind, "member\nmei@example.com", at=NOON + timedelta(days=10))) == [(2, "gives", "")]


def test_nobody_gives_themselves_anything_by_a_file(stage, mei):
    ola = cast.hire("ola", at=NOON)
    hashed = people.password_hash("seven green lanterns")
    with transaction():
        people.register(
            email=people.read_email("ola@tessera.example"), password=hashed, display_name="Ola", language="en",
            wants_news=False, verify_page="http://localhost/verify/", at=NOON,
        )  # fmt: skip

    plan = planned(stage.coupon_kind(), "member\nola@tessera.example\nmei@example.com", by=f"staff:{ola}")

    assert does(plan) == [(2, "wrong", "IsOneself"), (3, "gives", "")]


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode(),
        CHINESE.encode("utf-8-sig"),
        CHINESE.replace(",", ";").encode(),
        CHINESE.replace(",", "\t").encode(),
        CHINESE.replace("\n", "\r\n").encode(),
        CHINESE.replace("member", "会员").replace("sentence", "寄语").encode(),
    ],
)
def test_it_is_read_as_spreadsheets_write_it(content):
    assert coupons.read_list(content) == [coupons.ListLine(2, "mei@example.com", "感谢您的耐心")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Choose a file with something in it."),
        (b"\n\n", "The first row must name the columns: member. None is called member."),
        (b"member,sentence\n", "There is no row under the names of the columns."),
        (b"mei@example.com\n", "The first row must name the columns: member. None is called member."),
        (CHINESE.encode("utf-16"), "This is no CSV file."),
        (CHINESE.encode("gb18030"), "This is no CSV file."),
        (b"member\nmei\0@example.com", "This is no CSV file."),
        (b'member\n"mei', "This is no CSV file."),
        (b"member\n" + b"1\n" * 5_001, "at most 5,000 rows"),
        (b"member\n" + b"x" * 400_000, "at most 5,000 rows"),
    ],
)
def test_what_is_no_such_file_gets_a_sentence(content, sentence):
    with pytest.raises(Refusal) as refused:
        coupons.read_list(content)
    assert sentence.replace("5,000", "5000") in str(refused.value).replace("5,000", "5000")


def test_sec_78_a_sentence_like_a_formula_is_no_text_of_ours(stage, mei):
    for cell in ("=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)"):
        assert does(planned(stage.coupon_kind(), f'member,sentence\nmei@example.com,"{cell}"')) == [
            (2, "wrong", "LikeAFormula")
        ]
    long = planned(stage.coupon_kind(), f"member,sentence\nmei@example.com,{'x' * 201}")
    assert does(long) == [(2, "wrong", "LineTooLong")]


def test_sec_83_many_lines_take_few_statements_and_the_same_file_twice_gives_once(stage, mei, tom, count_statements):
    kind = stage.coupon_kind()
    strangers = "".join(f"{1_000_000_000 + number}\n" for number in range(4_990))
    content = f"member\nmei@example.com\ntom@example.com\n{strangers}"
    count_statements.clear()
    plan = planned(kind, content)
    looking = len(count_statements)
    assert plan.counts == {"gives": 2, "has": 0, "wrong": 4_990}
    count_statements.clear()
    assert give(stage, plan) == 2
    giving = len(count_statements)
    assert looking <= 15 and giving <= 30
    assert give(stage, planned(kind, content), key="again") == 0
    with reading():
        assert execute(select(func.count()).select_from(coupons.Coupon)).scalar_one() == 2
