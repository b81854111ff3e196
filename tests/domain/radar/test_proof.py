"""The proof finds a suspicion that was dismissed otherwise than the audit says, and evidence of what there is not."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from mall.base.db import execute, reading, transaction
from mall.domain import audit, radar
from tests.domain.ledger.test_proof import lower_the_guards
from tests.domain.radar.test_radar import check_in, crowd, dismiss, give, hired, live_at, look, ride, stage, till
from tests.stage import NOON

__all__ = ["crowd", "stage"]

SAID = "a suspicion that was dismissed says who did it, when and why, as the audit does"
OWN = "nobody dismissed a suspicion of what they did themselves"
THERE = "what speaks for a suspicion is there"
KEYS = "what speaks for a suspicion is told apart by its keys"
Suspect = radar.Suspect


def broken():
    with reading():
        return [check.name for check in radar.checks() if execute(check.breaks).first()]


@pytest.fixture
def returned(stage):
    """Mei, who gave three purchases back; it was looked for and dismissed."""
    till()
    mei = stage.member("mei")
    for number in range(3):
        ride(stage, mei, number, back=True)
    look()
    dismiss()
    return mei


def test_whatever_is_found_and_decided_is_sound(stage, crowd):
    """Purchases, addresses, days, second by second, and what staff gave: each with its evidence."""
    cast_of = crowd(6)
    till(member_day_points=100)
    for member_id in cast_of[:5]:
        live_at(member_id)
        for day in range(11):
            check_in(stage, member_id, NOON + day * timedelta(days=1))
    for number in range(3):
        ride(stage, cast_of[0], number, back=True, at=NOON + number * timedelta(days=1))
    for day in range(6):
        ride(stage, cast_of[5], day, cents=990, at=NOON + day * timedelta(days=1))
    give(cast_of[1], by=hired(stage, cast_of[1]))
    look(at=NOON + timedelta(days=11))
    with reading():
        kinds = set(execute(select(Suspect.kind)).scalars())
    assert kinds >= {"refunds", "address", "burst", "clockwork", "staff", "partner"}

    assert broken() == []


def test_what_came_back_after_it_was_dismissed_is_sound(stage, returned):
    ride(stage, returned, 9, back=True)
    look()

    assert broken() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    "values",
    [
        {"reason": ""},
        {"reason": "Something else"},
        {"decided_by": "staff:8"},
        {"decided_by": "member:1"},
        {"decided_by": None},
        {"decided_at": NOON + timedelta(seconds=1)},
        {"kind": "partner"},
    ],
)
def test_a_dismissal_that_the_audit_does_not_know(returned, values):
    with transaction():
        execute(update(Suspect).values(**values))

    assert SAID in broken()


@pytest.mark.breaks_the_books
def test_a_suspicion_that_was_dismissed_by_nobody(stage, returned):
    ride(stage, returned, 9, back=True)
    look()
    with transaction():
        execute(update(Suspect).values(state=radar.DISMISSED))
        lower_the_guards()
        execute(text("UPDATE audit_entry SET act = 'suspect.looked_at' WHERE act = 'suspect.dismissed'"))

    assert broken() == [SAID]


@pytest.mark.breaks_the_books
def test_somebody_who_dismissed_what_they_gave_themselves(stage, crowd):
    own, home = crowd(2)
    for member_id in (own, home):
        live_at(member_id)
    ola = hired(stage, own)
    give(home, by=ola)
    look()
    with transaction():
        execute(
            update(Suspect).values(
                state=radar.DISMISSED, decided_by=ola, decided_at=NOON, reason="Nothing", revision=Suspect.revision + 1
            )
        )
        audit.write(
            "suspect.dismissed", by=ola, subject=f"member:{home}", at=NOON, after={"kind": "staff"}, reason="Nothing"
        )

    assert broken() == [OWN]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("about", "found"),
    [
        (["purchase:1", "purchase:2", "purchase:3"], []),
        (["purchase:1", "purchase:99"], [THERE]),
        (["member:99"], [THERE]),
        (["staff:99"], [THERE]),
        (["order:1"], [THERE]),
        (["review:1"], [THERE]),
        (["partner:99"], [THERE]),
        (["parcel:1"], [THERE]),
        (["3"], [THERE]),
    ],
)
def test_evidence_of_what_there_is_not(returned, about, found):
    with reading():
        row = execute(select(Suspect)).one()
    evidence = [dict(row.evidence[0]) | {"about": about}]
    with transaction():
        execute(update(Suspect).values(evidence=evidence))

    assert broken() == found


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    "change", [lambda keys: keys[1:], lambda keys: [*keys, "refunds:purchase:99"], lambda _keys: []]
)
def test_keys_by_which_a_word_would_hold_for_what_nobody_has_seen(returned, change):
    with reading():
        row = execute(select(Suspect)).one()
    with transaction():
        execute(update(Suspect).values(keys=change(row.keys)))

    assert broken() == [KEYS]
