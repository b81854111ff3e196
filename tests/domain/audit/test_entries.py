"""Every act leaves an entry: who, what, when, why, before and after; and nobody can change it afterwards."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import audit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def write(**values):
    with transaction():
        return audit.write(**{"act": "product.delisted", "by": "staff:1", "subject": "product:7", "at": NOON} | values)


def read(**wanted):
    with reading():
        return audit.entries(**wanted)


def test_an_entry_says_who_did_what_when_and_why(app):
    write(reason="Sold out for good")

    (entry,) = read()
    assert (entry.act, entry.by, entry.subject, entry.at) == ("product.delisted", "staff:1", "product:7", NOON)
    assert entry.reason == "Sold out for good"
    assert entry.by_one_person is False


def test_of_before_and_after_only_what_differs_is_kept(app):
    write(before={"title": "Mug", "rank": 1, "gone": 3}, after={"title": "Cup", "rank": 1, "new": 4})

    (entry,) = read()
    assert entry.before == {"title": "Mug", "gone": 3}
    assert entry.after == {"title": "Cup", "new": 4}


def test_days_instants_sets_and_sentences_are_kept_as_json(app):
    write(after={"on": date(2026, 3, 31), "at": NOON, "roles": {"finance", "admin"}, "why": say("{n} left", n=2)})

    (entry,) = read()
    assert entry.before is None
    assert entry.after == {
        "on": "2026-03-31",
        "at": "2026-03-02T12:00:00+00:00",
        "roles": ["admin", "finance"],
        "why": {"text": "{n} left", "values": {"n": 2}},
    }


def test_entries_come_newest_first_and_page_on(app):
    ids = [write(subject=f"product:{number}") for number in range(5)]

    assert [entry.id for entry in read(limit=2)] == [ids[4], ids[3]]
    assert [entry.id for entry in read(limit=2, before_id=ids[3])] == [ids[2], ids[1]]


def test_entries_are_found_by_subject_person_act_and_by_one_person(app):
    write(subject="order:1")
    write(by="staff:2")
    write(act="programme.approved", by_one_person=True)

    assert len(read()) == 3
    assert [entry.subject for entry in read(subject="order:1")] == ["order:1"]
    assert [entry.by for entry in read(by="staff:2")] == ["staff:2"]
    assert [entry.act for entry in read(act="programme.approved")] == ["programme.approved"]
    assert [entry.act for entry in read(by_one_person=True)] == ["programme.approved"]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda: update(audit.Entry).values(by="staff:2"),
        lambda: delete(audit.Entry),
        lambda: (
            insert(audit.Entry)
            .prefix_with("OR REPLACE")
            .values(id=1, act="x", by="x", subject="x", at=NOON, reason="", by_one_person=False)
        ),
    ],
    ids=["change", "delete", "replace"],
)
def test_an_entry_cannot_be_changed_removed_or_replaced(app, tamper):
    write()

    with pytest.raises(DBAPIError, match="append-only"), transaction():
        execute(tamper())

    assert read()[0].by == "staff:1"
