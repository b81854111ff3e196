"""The radar sees who farms points, tells what speaks for it, and is quiet about honest people; a person decides."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists
from sqlalchemy import select, update

from mall.base.db import execute, reading, transaction
from mall.domain import audit, coupons, earning, partners, people, radar
from mall.domain.earning.invitations import note_invitation
from mall.domain.radar.check_in_signs import minutes
from tests import cast
from tests.conftest import noted_statements
from tests.domain.aftersales.kept import keep, write
from tests.stage import NOON, open_shop

LIMITS = radar.Limits()
DAY = timedelta(days=1)
HOME = people.AddressLines("Mei", "12 Kiln Street", "Portland", "97209", "US")


@pytest.fixture
def stage(either):
    return open_shop()


@pytest.fixture
def crowd(stage):
    """Members, as many as are asked for."""
    return lambda count: [stage.member(f"member{number}") for number in range(count)]


def look(at=NOON, limits=LIMITS, share=2):
    """Look around as the worker does, in small shares. Returns how many wait for a person that did not before."""
    before = waiting()
    with reading():
        signs = radar.all_signs(limits, at=at)
    after = 0
    while after is not None:
        with transaction():
            after = radar.note_signs(signs, after=after, at=at, share=share)
    return len(waiting() - before)


def waiting():
    with reading():
        return set(execute(select(radar.Suspect.id).where(radar.Suspect.state == radar.OPEN)).scalars())


def seen(state=radar.OPEN):
    """What the radar shows: {member: {kind, ...}}."""
    with reading():
        rows, _total = radar.suspects(state=state, per_page=1_000)
    found = {}
    for row in rows:
        found.setdefault(row.member_id, set()).add(row.kind)
    return found


def only():
    with reading():
        (row,), _total = radar.suspects()
    return row


def till(**rates):
    return cast.partner(rates=partners.Rates(1, 10, **rates), at=NOON)[0]


def ride(stage, member_id, number, *, back=False, cents=1_000, at=NOON, partner_id=1):
    with reading():
        who = people.member_of(member_id).number
    told = partners.Reporting(f"R-{member_id}-{number}", cents, stage.terms.currency, at)
    with transaction():
        partners.report(partner_id, told, member_number=who, key=told.reference, of_body="", terms=stage.terms, at=at)
    if back:
        returned = partners.Reporting(f"B-{member_id}-{number}", cents, stage.terms.currency, at)
        with transaction():
            partners.refund(
                partner_id, returned, purchase=told.reference, key=returned.reference, of_body="",
                terms=stage.terms, at=at,
            )  # fmt: skip


def live_at(member_id, lines=HOME):
    with transaction():
        people.add_address(member_id, lines, at=NOON)


def check_in(stage, member_id, at, network="home"):
    with transaction():
        earning.check_in(member_id, network=network, terms=stage.terms, at=at)


# Earning and giving back.


def test_who_gives_back_most_of_what_earned_points_is_seen(stage):
    till()
    mei, tom = stage.member("mei"), stage.member("tom")
    for number in range(4):
        ride(stage, mei, number, back=number > 0)
        ride(stage, tom, number, back=number == 3)
    look()

    assert seen() == {mei: {"refunds"}}
    row = only()
    (evidence,) = row.evidence
    assert (evidence["percent"], evidence["taken"], evidence["earned"], evidence["times"]) == (75, 300, 400, 3)
    assert evidence["about"] == ["purchase:3", "purchase:5", "purchase:7"]
    assert row.strength == 2


def test_two_things_that_go_back_are_no_sign(stage):
    till()
    mei = stage.member("mei")
    for number in range(2):
        ride(stage, mei, number, back=True)
    look()
    assert seen() == {}


def test_what_was_given_back_long_ago_is_over(stage):
    till()
    mei = stage.member("mei")
    for number in range(3):
        ride(stage, mei, number, back=True)
    look()
    look(at=NOON + 91 * DAY)
    assert (seen(), seen(radar.OVER)) == ({}, {mei: {"refunds"}})


# Many accounts at one address.


def test_many_accounts_at_one_address_are_seen_however_it_is_written(stage, crowd):
    members = crowd(5)
    for member_id in members:
        live_at(member_id, people.AddressLines("X", f"12 KILN{' ' * (member_id % 2)}street", "P", "97209", "US"))
    look()
    assert seen() == {member_id: {"address"} for member_id in members}
    assert only_about(members[0]) == [f"member:{other}" for other in members[1:]]


def only_about(member_id):
    with reading():
        (row,) = radar.suspects_of(member_id)
    return row.evidence[0]["about"]


def test_a_family_of_four_at_one_address_is_left_alone(stage, crowd):
    for member_id in crowd(4):
        live_at(member_id)
        live_at(member_id)
        check_in(stage, member_id, NOON)
    look()
    assert seen() == {}


# Checking in.


def test_many_who_check_in_from_one_network_within_a_minute_are_seen(stage, crowd):
    members = crowd(6)
    for number, member_id in enumerate(members[:5]):
        check_in(stage, member_id, NOON + timedelta(seconds=12 * number))
    check_in(stage, members[5], NOON, network="elsewhere")
    look()
    assert seen() == {member_id: {"burst"} for member_id in members[:5]}


def test_those_who_check_in_over_lunch_are_left_alone(stage, crowd):
    for number, member_id in enumerate(crowd(6)):
        check_in(stage, member_id, NOON + timedelta(seconds=20 * number))
    look()
    assert seen() == {}


def test_who_checks_in_at_the_same_second_for_ten_days_is_seen(stage):
    mei, tom = stage.member("mei"), stage.member("tom")
    for day in range(10):
        check_in(stage, mei, NOON + day * DAY + timedelta(seconds=day % 3))
        check_in(stage, tom, NOON + day * DAY + timedelta(minutes=day), network="work")
    look(at=NOON + 10 * DAY)
    assert seen() == {mei: {"clockwork"}}


def test_who_was_dismissed_for_a_time_of_day_stays_so_while_the_days_looked_at_move_on(stage):
    """The earliest second leaves the window with its day; that is nothing new."""
    mei = stage.member("mei")
    for day in range(14):
        check_in(stage, mei, NOON + day * DAY + timedelta(seconds=0 if day < 2 else 2))
    look(at=NOON + 14 * DAY)
    assert only().keys == ["clockwork:43200"]
    dismiss(reason="An alarm clock")

    limits = radar.Limits(days=13)
    assert look(at=NOON + 15 * DAY, limits=limits) == 0
    assert (seen(), seen(radar.DISMISSED)) == ({}, {mei: {"clockwork"}})


def test_another_time_of_day_is_something_new(stage):
    mei = stage.member("mei")
    for day in range(10):
        check_in(stage, mei, NOON + day * DAY)
    look(at=NOON + 10 * DAY)
    dismiss()
    for day in range(100, 110):
        check_in(stage, mei, NOON + day * DAY + timedelta(hours=3))

    assert look(at=NOON + 111 * DAY) == 1
    assert only().keys == ["clockwork:54000"]


def test_from_where_somebody_checked_in_is_forgotten(stage):
    mei = stage.member("mei")
    check_in(stage, mei, NOON)
    with transaction():
        assert earning.forget_networks(before=NOON) == 0
        assert earning.forget_networks(before=NOON + DAY) == 1
    with reading():
        assert execute(select(earning.CheckIn.member_id)).scalar_one() == mei


# Who works here.


def hired(stage, member_id):
    """One of the staff, who is this member as well."""
    staff_id = cast.hire("ola", at=NOON)
    with transaction():
        key = select(people.Member.email_key).where(people.Member.id == member_id).scalar_subquery()
        execute(update(people.Staff).where(people.Staff.id == staff_id).values(email_key=key))
    return f"staff:{staff_id}"


def give(member_id, *, by, act="coupon.given"):
    with transaction():
        audit.write(act, by=by, subject=f"member:{member_id}", at=NOON)


def test_what_staff_give_themselves_or_who_lives_with_them_is_seen(stage, crowd):
    own, home, friend = crowd(3)
    for member_id in (own, home):
        live_at(member_id)
    ola = hired(stage, own)
    for member_id in (own, home, friend):
        give(member_id, by=ola)
    give(home, by="staff:9")
    look()
    with reading():
        strong = {row.member_id: (row.kind, row.strength, len(row.evidence)) for row in radar.suspects()[0]}
    assert strong == {own: ("staff", 3, 1), home: ("staff", 2, 1)}


def test_what_staff_earn_at_a_partner_they_run_is_seen(stage):
    till()
    mei = stage.member("mei")
    ride(stage, mei, 1)
    assert hired(stage, mei) == "staff:1"
    look()
    assert seen() == {mei: {"staff"}}
    assert only().evidence[0]["about"] == ["partner:1", "staff:1"]


def test_what_staff_give_by_a_list_to_who_lives_with_them_is_seen(stage, crowd):
    own, home, friend = crowd(3)
    for member_id in (own, home):
        live_at(member_id)
    ola = hired(stage, own)
    kind = stage.coupon_kind()
    with reading():
        rows = [coupons.ListLine(row, people.member_of(each).number) for row, each in enumerate((home, friend), 2)]
        plan = coupons.plan_list(kind, rows, by=ola, at=NOON)
    coupons.give_list(
        plan, key="file", shown=plan.fingerprint, terms=stage.terms, by=ola, at=NOON, reason="A late parcel"
    )
    look()

    assert seen() == {home: {"staff"}}
    [evidence] = only().evidence
    assert (evidence["act"], evidence["by"], evidence["keys"]) == ("coupon.list_given", ola, ["list:1"])
    dismiss(by="staff:9")
    look(at=NOON + DAY)
    assert seen() == {}


def test_purchases_reported_by_a_key_for_who_is_near_its_maker_are_seen(stage, crowd):
    own, home, browser, friend = crowd(4)
    for member_id in (own, home):
        live_at(member_id)
    till()
    cast.hire("bea", at=NOON)  # Who opened the partner.
    ola = hired(stage, own)
    with transaction():
        note_invitation(browser, earning.Invited(earning.make_code(own, at=NOON), same_browser=True), at=NOON)
    assert ola == "staff:2"
    with transaction():
        audit.write("partner.key_made", by=ola, subject="partner:1", at=NOON)
    for member_id in (home, browser, friend):
        ride(stage, member_id, 1)
    look()

    found = seen()
    assert {member_id for member_id, kinds in found.items() if "staff" in kinds} == {home, browser}


# Invitations, reviews, partners.


def test_who_looks_as_if_they_had_invited_themselves_is_seen(stage):
    mei = stage.member("mei")
    hashed = people.password_hash(cast.PASSWORD)
    with transaction():
        code = earning.make_code(mei, at=NOON)
        tom = earning.sign_up(
            earning.Newcomer(
                people.read_email("tom@tessera.example"),
                hashed,
                "Tom",
                "en",
                False,
                "http://localhost/verify-email/",
                earning.Invited(code, same_browser=True),
            ),
            terms=stage.terms,
            at=NOON,
        )
    look()
    assert seen() == {mei: {"invitation"}}
    assert only().evidence[0]["about"] == [f"member:{tom}"]


def test_who_sends_the_same_review_again_is_seen(stage):
    mei = stage.member("mei")
    for title in ("Mug", "Teapot"):
        write(stage, keep(stage, mei, stage.item(title)))
    look(at=NOON + 30 * DAY)
    assert seen()[mei] == {"review"}


def test_who_uses_a_partners_daily_limit_day_after_day_is_seen(stage):
    till(member_day_points=100)
    mei, tom = stage.member("mei"), stage.member("tom")
    for day in range(5):
        ride(stage, mei, day, cents=950, at=NOON + day * DAY)
        ride(stage, tom, day, cents=800, at=NOON + day * DAY)
    look(at=NOON + 5 * DAY)
    assert seen() == {mei: {"partner"}}


# What a person makes of it.


def dismiss(*, by="staff:7", seen=None, reason="A school class"):
    row = only()
    with transaction():
        radar.dismiss(row.id, seen=seen or row.revision, reason=reason, by=by, at=NOON)


@pytest.fixture
def returned(stage):
    """Mei, who gave everything back."""
    till()
    mei = stage.member("mei")
    for number in range(3):
        ride(stage, mei, number, back=True)
    look()
    return mei


def test_who_was_dismissed_comes_back_only_with_something_new(stage, returned):
    dismiss()
    assert look() == 0
    assert (seen(), seen(radar.DISMISSED)) == ({}, {returned: {"refunds"}})

    ride(stage, returned, 9, back=True)

    assert look(at=NOON + DAY) == 1
    assert seen() == {returned: {"refunds"}}
    with reading():
        (entry,) = audit.entries(act="suspect.dismissed")
    assert (entry.subject, entry.reason) == (f"member:{returned}", "A school class")


def test_looked_for_again_nothing_changes(returned):
    before = only()
    assert look() == 0
    assert only() == before


def test_what_was_not_read_is_not_dismissed(stage, returned):
    read = only().revision
    ride(stage, returned, 9, back=True)
    look()
    with pytest.raises(radar.SuspectChanged):
        dismiss(seen=read)


def test_dismissed_twice_it_is_once_and_not_by_another(returned):
    row = only()
    for _twice in range(2):
        with transaction():
            radar.dismiss(row.id, seen=row.revision, reason="Nothing", by="staff:7", at=NOON)
    with pytest.raises(radar.SuspectGone), transaction():
        radar.dismiss(row.id, seen=row.revision, reason="Nothing", by="staff:8", at=NOON)
    with reading():
        assert len(audit.entries(act="suspect.dismissed")) == 1


def test_nobody_dismisses_themselves(stage, returned):
    with pytest.raises(people.OwnMatter):
        dismiss(by=hired(stage, returned))


def test_who_gave_something_to_those_they_live_with_does_not_say_that_it_is_nothing(stage, crowd):
    own, home = crowd(2)
    for member_id in (own, home):
        live_at(member_id)
    ola = hired(stage, own)
    give(home, by=ola)
    look()
    with pytest.raises(radar.OwnDeed):
        dismiss(by=ola)

    dismiss(by="staff:9")

    assert seen(radar.DISMISSED) == {home: {"staff"}}


def test_what_is_kept_of_a_crowd_at_one_address_does_not_grow_with_it(stage, crowd):
    """Who comes to a crowd that was looked at waits; those who were dismissed do not come back for them."""
    members = crowd(60)
    for member_id in members:
        live_at(member_id)
    look()
    with reading():
        rows = {row.member_id: row for row in radar.suspects(per_page=100)[0]}
    assert rows.keys() == set(members)
    assert {row.evidence[0]["members"] for row in rows.values()} == {60}
    assert {len(row.keys) for row in rows.values()} == {50}
    assert rows[members[0]].evidence[0]["about"] == sorted(f"member:{each}" for each in members[1:51])[:20]
    for row in rows.values():
        with transaction():
            radar.dismiss(row.id, seen=row.revision, reason="A parcel shop", by="staff:7", at=NOON)

    newcomer = stage.member("newcomer")
    live_at(newcomer)

    assert look(at=NOON + DAY) == 1
    assert seen() == {newcomer: {"address"}}


def test_who_is_in_two_minutes_is_seen_with_those_of_the_fuller(stage, crowd):
    seconds = (0, 15, 30, 45, 60, 65, 70, 200)
    members = crowd(len(seconds))
    for second, member_id in zip(seconds, members, strict=True):
        check_in(stage, member_id, NOON + timedelta(seconds=second))
    look()
    with reading():
        found = {row.member_id: row.evidence[0]["members"] for row in radar.suspects()[0]}
    assert found == dict(zip(members[:7], [5, 6, 6, 6, 6, 6, 6], strict=True))


@given(lists(integers(0, 300), min_size=1, max_size=40).map(sorted))
def test_the_fullest_minute_is_what_trying_every_minute_finds(seconds):
    instants = [NOON + timedelta(seconds=each) for each in seconds]
    tried = [
        (first, max(last for last in range(len(seconds)) if seconds[last] - seconds[first] <= 60))
        for first in range(len(seconds))
    ]
    for place, (first, last) in enumerate(minutes(instants)):
        assert (first, last) in tried
        assert first <= place <= last
        assert last - first == max(end - begin for begin, end in tried if begin <= place <= end)


def test_what_reads_the_same_is_told_apart_from_what_one_other_wrote(stage, crowd):
    """Two members with the same words are no sign; a third makes it one, for all of them."""
    writers = crowd(3)
    mug = stage.item("Mug")
    for member_id in writers[:2]:
        write(stage, keep(stage, member_id, mug))
    look(at=NOON + 30 * DAY)
    assert seen() == {}

    write(stage, keep(stage, writers[2], mug))
    look(at=NOON + 30 * DAY)
    assert seen() == {member_id: {"review"} for member_id in writers}


def test_the_night_takes_as_many_statements_for_many_as_for_few(stage, crowd):
    members = crowd(12)
    for member_id in members[:5]:
        live_at(member_id)
    with noted_statements() as few:
        look(share=2_000)
    for member_id in members[5:]:
        live_at(member_id)
    for number, member_id in enumerate(members):
        check_in(stage, member_id, NOON + timedelta(seconds=number))
    with noted_statements() as many:
        look(limits=radar.Limits(address_members=12), share=2_000)
    assert len(many) <= len(few) + 1
    assert len(few) <= 18
