"""The audit log says what was done in the words of the desk: names of people, no columns, amounts as amounts."""

import ast
import re
from pathlib import Path

import pytest

import mall
from mall.base.db import reading, transaction
from mall.domain import audit, checkout, membership
from mall.web.office.acts import ACTS, subject_words
from mall.web.office.changes import NAMES
from tests.stage import NOON
from tests.web.store.till import words

# What writes an entry for others, with the act as its first argument or as `act`.
WRITERS = re.compile(r"write|write_down|_write_down|_note|_set|_move|_decide|record")
ACT = re.compile(r"[a-z]+(\.[a-z_]+)+")


def acts_written():
    """Every act spelt out in the domain where an entry is written."""
    found = set()
    for path in (Path(mall.__file__).parent / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            passed = [getattr(each, "attr", getattr(each, "id", "")) for each in node.args]
            if WRITERS.fullmatch(called) or "write" in passed:
                given = [*node.args, *(each.value for each in node.keywords if each.arg == "act")]
                texts = [part.value for each in given for part in ast.walk(each) if isinstance(part, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str) and ACT.fullmatch(text)}
    return found


def names_kept():
    """Every name under which the domain spells out what an act changed."""
    found = set()
    for path in (Path(mall.__file__).parent / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for each in getattr(node, "keywords", []):
                if each.arg in ("before", "after") and isinstance(each.value, ast.Dict):
                    found |= {key.value for key in each.value.keys if isinstance(key, ast.Constant)}
    return found


@pytest.fixture
def wrote():
    """Write an entry: `wrote("order.ship", after={"pieces": 2})`."""

    def write(act="order.ship", *, by="staff:1", subject="order:1", **values):
        with transaction():
            audit.write(act, by=by, subject=subject, at=NOON, **values)

    return write


def log_of(desk, **asked):
    return words(desk.get("/office/audit", query_string=asked).text.partition("</thead>")[2])


def test_every_act_has_words():
    assert len(acts_written()) > 40
    assert acts_written() - ACTS.keys() == set()


def test_everything_kept_with_an_act_has_a_name():
    assert len(names_kept()) > 20
    assert names_kept() - NAMES.keys() == set()


def test_people_are_called_by_name_wherever_they_stand(desk, stage, mei, wrote):
    wrote("points.adjustment", subject=f"member:{mei}", by=f"member:{mei}", after={"approved_by": "staff:1"})

    said = log_of(desk)

    assert "Mei Points adjusted Mei Approved by: Ola" in said
    assert "staff:" not in said and "member:" not in said


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({"amount_cents": 1_590}, "Amount: $15.90"),
        ({"stackable": False}, "Together with others: no"),
        ({"min_rank": 3}, "From level: Senior"),
        ({"min_rank": 0}, "From level: Everybody"),
        ({"title": {"en": "Mug", "zh": "杯"}}, "Name: Mug"),
        ({"roles": ["operator", "admin"]}, "Roles: Operator, Admin"),
        ({"listed_from": "2026-03-02T12:00:00+00:00"}, "Listed from: 2 Mar 2026"),
        ({"listed_from": "2026-03-T"}, "Listed from: 2026-03-T"),
        ({"levels": [{"rank": 1}, {"rank": 2}]}, "Levels: 2"),
        ({"pieces": 1_200}, "Pieces: 1,200"),
        ({"reason": "goodwill"}, "Reason: Goodwill"),
        ({"never_heard_of": "x"}, "never heard of: x"),
    ],
)
def test_values_are_written_as_they_are_read(desk, stage, wrote, kept, said):
    wrote(after=kept)

    assert said in log_of(desk)


def test_a_kind_is_called_by_what_it_is_a_kind_of(desk, stage, wrote):
    wrote("product.created", subject="product:1", after={"kind": "gift"})
    wrote("coupon.made", subject="coupon:1", after={"kind": "gift"})

    said = log_of(desk)

    assert "Kind: Gift, for points only" in said and "Kind: A gift: one piece of one item" in said


def test_what_is_nothing_is_not_said_and_what_was_is(desk, stage, wrote):
    wrote("coupon.made", subject="coupon:1", after={"percent": None, "scope_ids": [], "valid_days": 30})
    wrote("product.changed", subject="product:1", before={"slug": "mug"}, after={"slug": None})

    said = log_of(desk)

    assert "Per cent" not in said and "Of them" not in said and "Days it is good for: 30" in said
    assert "Address in the shop: mug" in said


def test_the_number_of_an_order_finds_its_acts(desk, stage, mei, mug, wrote):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug)
    order = stage.place(mei)
    wrote(subject=checkout.reference_of(order.id), after={"tracking": "T-77"})
    wrote(subject="order:999", after={"tracking": "other"})

    said = log_of(desk, subject=checkout.number_of(order.id))

    assert "T-77" in said and "other" not in said


def test_as_many_members_as_there_are_cost_one_statement(desk, stage, mei, wrote, count_statements):
    wrote(subject=f"member:{mei}")
    desk.get("/office/audit")
    count_statements.clear()
    desk.get("/office/audit")
    one = len(count_statements)
    for name in ("tom", "ann", "eva"):
        wrote(subject=f"member:{stage.member(name)}")
    count_statements.clear()

    desk.get("/office/audit")

    assert len(count_statements) == one


def test_every_kind_of_subject_has_its_word(app, stage):
    text = "".join(path.read_text() for path in (Path(mall.__file__).parent / "domain").rglob("*.py"))
    kinds = set(re.findall(r"subject=f?\"([a-z_]+):", text))
    assert {"facet", "canned_reply", "product"} <= kinds

    with app.test_request_context(), reading():
        assert [kind for kind in sorted(kinds) if subject_words(f"{kind}:1") == f"{kind}:1"] == []


def test_what_the_mall_itself_gives_as_a_reason_is_said_in_the_language_of_the_desk(stage, desk):
    with transaction():
        audit.write(
            "level.grant_withdrawn", by="system", subject="member:1", at=NOON, reason=str(membership.GIVEN_BACK)
        )
    desk.post("/language", data={"language": "zh"})

    page = desk.get("/office/audit").text
    assert "The membership was given back" not in page and "会员资格已退订。" in page
