"""An invitation is worth something when the friend has confirmed the e-mail, and more when they keep an order."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from mall.base.db import execute, reading, transaction
from mall.domain import audit, catalogue, earning, people
from tests.stage import NOON, Stage, open_shop

DAY = timedelta(days=1)
KEPT = NOON + 15 * DAY


@pytest.fixture
def stage(app) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage):
    return stage.member("mei")


def code_of(member_id):
    with transaction():
        return earning.make_code(member_id, at=NOON)


def invite(stage, inviter, name, *, verified=True, at=NOON, email=None, **seen):
    """Let a friend join by a member's code; returns the friend."""
    code = code_of(inviter)
    with transaction():
        friend = earning.sign_up(
            earning.Newcomer(
                email=people.read_email(email or f"{name}@example.com"), password=people.PasswordHash("-"),
                display_name=f"{name.title()} Family", language="en", wants_news=False, verify_page="http://x/verify/",
                invited=earning.Invited(code, **seen),
            ),
            terms=stage.terms, at=at,
        )  # fmt: skip
    if verified:
        stage.verify(friend, at=at)
    return friend


def buy(stage, member_id, cents=1_590):
    stage.put_in(member_id, stage.item(prices=(catalogue.cash_price(cents),)), "cash")
    order = stage.pay(stage.place(member_id))
    stage.ship(order)
    stage.deliver(order)
    return order


def reward(stage, at=NOON):
    """Give what invitations are worth by now, as the round does: [(task, points)]."""
    with reading():
        due = earning.due_invitations(terms=stage.terms, at=at)
    given = []
    for friend in due:
        with transaction():
            given += earning.reward_invitation(friend, terms=stage.terms, at=at)
    return [(each.task, each.points) for each in given]


def state_of(friend):
    with reading():
        row = execute(select(earning.Invitation).where(earning.Invitation.friend_id == friend)).one()
    return row.state, [each["kind"] for each in row.evidence]


def move_in(member_id, line1, phone=""):
    lines = people.AddressLines("Somebody", line1, "Portland", "97201", "US", phone=phone)
    with transaction():
        people.add_address(member_id, lines, at=NOON)


def test_a_members_code_stays_the_same(stage, mei):
    assert code_of(mei) == code_of(mei)
    assert len(code_of(mei)) == 10
    code = code_of(mei)
    with reading():
        assert earning.inviter_of(code.upper()).first_name == "Mei"
        assert earning.inviter_of("nobody") is None


def test_a_code_nobody_has_is_no_invitation(stage, mei):
    with transaction():
        assert earning.sign_up(
            earning.Newcomer(
                email=people.read_email("lin@example.com"), password=people.PasswordHash("-"), display_name="Lin",
                language="en", wants_news=False, verify_page="", invited=earning.Invited("zzzzzzzzzz"),
            ),
            terms=stage.terms, at=NOON,
        )  # fmt: skip
    with reading():
        assert execute(select(earning.Invitation)).all() == []


def test_the_inviter_is_paid_once_the_friend_has_confirmed_the_e_mail(stage, mei):
    lin = invite(stage, mei, "lin", verified=False)
    assert reward(stage) == []
    stage.verify(lin)
    assert reward(stage) == [("friend_joined", 20)]
    assert reward(stage) == []
    assert stage.balances(mei).ready == 20
    assert stage.balances(lin).ready == 0


def test_sec_61_an_order_is_rewarded_after_its_window_and_not_before(stage, mei):
    lin = invite(stage, mei, "lin")
    order = buy(stage, lin)
    assert reward(stage) == [("friend_joined", 20)]
    assert reward(stage, NOON + 13 * DAY) == []

    assert stage.close(order, at=KEPT)
    assert reward(stage, KEPT) == [("friend_bought", 300)]
    second = buy(stage, lin)
    assert stage.close(second, at=KEPT)
    assert reward(stage, KEPT) == []


def test_sec_61_an_order_refunded_before_its_window_ends_brings_nothing(stage, mei):
    lin = invite(stage, mei, "lin")
    order = buy(stage, lin)
    stage.refund(order)
    stage.close(order, at=KEPT)
    assert reward(stage, KEPT) == [("friend_joined", 20)]


def test_an_order_too_small_brings_nothing_and_a_larger_one_later_does(stage, mei):
    lin = invite(stage, mei, "lin")
    small = buy(stage, lin, 500)
    stage.close(small, at=KEPT)
    assert reward(stage, KEPT) == [("friend_joined", 20)]
    large = buy(stage, lin)
    stage.close(large, at=KEPT)
    assert reward(stage, KEPT) == [("friend_bought", 300)]


def test_no_more_is_paid_than_the_caps_allow(app):
    stage = open_shop(tasks=[{"key": "friend_joined", "points": 20, "growth": 0, "per_month": 1}])
    mei = stage.member("mei")
    invite(stage, mei, "lin")
    invite(stage, mei, "bo")
    assert reward(stage) == [("friend_joined", 20)]
    assert reward(stage) == []


def test_the_inviter_sees_first_names_and_how_each_stands(stage, mei):
    lin = invite(stage, mei, "lin")
    invite(stage, mei, "bo", verified=False)
    buy(stage, lin)
    reward(stage)
    with reading():
        bo, other = earning.friends_of(mei)
    assert (bo.first_name, bo.verified, bo.ordered, bo.joined, bo.bought) == ("Bo", False, False, None, None)
    assert (other.first_name, other.verified, other.ordered, other.joined, other.bought) == (
        "Lin", True, True, 20, None,
    )  # fmt: skip


@pytest.mark.parametrize("ends", ["kept", "refunded"])
def test_an_order_that_is_over_and_brought_nothing_is_waited_for_no_more(stage, mei, ends):
    lin = invite(stage, mei, "lin")
    order = buy(stage, lin, 500)
    if ends == "refunded":
        stage.refund(order)
    else:
        stage.close(order, at=KEPT)
    with reading():
        (friend,) = earning.friends_of(mei)
    assert (friend.ordered, friend.bought) == (False, None)


SELF = {
    "browser": {"same_browser": True},
    "mailbox": {"email": "mei.7@elsewhere.example"},
}


@pytest.mark.parametrize("kind", SELF)
def test_sec_61_who_looks_like_the_inviter_waits_for_a_person(stage, mei, kind):
    lin = invite(stage, mei, "lin", **SELF[kind])
    assert state_of(lin) == ("suspect", [kind])
    assert reward(stage) == []
    assert stage.balances(mei).ready == 0


@pytest.mark.parametrize(("line1", "phone", "kind"), [
    ("12, Mill lane", "", "address"), ("Elsewhere 1", "+1 503 555 0100", "phone"),
])  # fmt: skip
def test_sec_61_the_inviters_address_or_phone_makes_the_reward_wait(stage, mei, line1, phone, kind):
    move_in(mei, "12 Mill Lane", "1 (503) 555-0100")
    lin = invite(stage, mei, "lin")
    move_in(lin, line1, phone)
    assert reward(stage) == []
    assert state_of(lin) == ("suspect", [kind])


def test_sec_61_where_an_order_went_counts_though_no_book_of_addresses_says_so(stage, mei):
    stage.settle_down(mei)
    lin = invite(stage, mei, "lin")
    buy(stage, lin)  # To Mei's address, which Lin's own book does not have.
    assert reward(stage) == []
    assert state_of(lin) == ("suspect", ["address"])


def test_sec_61_a_ring_of_accounts_waits_for_a_person(stage, mei):
    move_in(mei, "12 Mill Lane")
    lin = invite(stage, mei, "lin")
    again = invite(stage, lin, "second")  # Mei once more, by the code of whom she invited.
    move_in(again, "12 Mill Lane")
    assert reward(stage) == [("friend_joined", 20)]
    assert state_of(again) == ("suspect", ["ring"])


def test_sec_61_nobody_is_invited_who_was_there_before(stage, mei):
    lin = invite(stage, mei, "lin")
    with pytest.raises(Exception, match="friend_came_later"), transaction():
        execute(
            insert(earning.Invitation).values(
                friend_id=mei, inviter_id=lin, invited_at=NOON, network="", same_browser=False, state="clear",
                evidence=[], suspected_at=None, decided_at=None, decided_by=None, reason="",
            )
        )  # fmt: skip


def test_sec_61_many_friends_at_once_or_from_one_network_wait_for_a_person(stage, mei):
    friends = [invite(stage, mei, f"friend{'abcdef'[number]}", network=f"n{number}") for number in range(6)]
    assert [state_of(friend) for friend in friends[:5]] == [("clear", [])] * 5
    assert state_of(friends[5]) == ("suspect", ["burst"])
    # The earlier ones are looked at again before anything is given, and are part of the same burst.
    assert reward(stage) == []

    tom = stage.member("tom")
    near = [invite(stage, tom, f"near{'abc'[number]}", network="same", at=NOON + number * 3 * DAY)
            for number in range(3)]  # fmt: skip
    assert state_of(near[2]) == ("suspect", ["network"])


def test_two_friends_at_one_address_wait_for_a_person(stage, mei):
    lin, bo = invite(stage, mei, "lin"), invite(stage, mei, "bo")
    move_in(lin, "Elsewhere 1")
    move_in(bo, "Elsewhere 1")
    assert reward(stage) == []
    assert state_of(lin) == ("suspect", ["twin"])


def decide(stage, friend, accept, at=NOON, by="staff:1"):
    with transaction():
        return earning.decide_invitation(friend, accept=accept, by=by, reason="Looked", terms=stage.terms, at=at)


def test_an_accepted_invitation_brings_at_once_what_waited(stage, mei):
    lin = invite(stage, mei, "lin", same_browser=True)
    order = buy(stage, lin)
    stage.close(order, at=KEPT)
    assert [each.points for each in decide(stage, lin, True, KEPT)] == [20, 300]
    assert decide(stage, lin, True, KEPT) == ()
    assert stage.balances(mei, at=KEPT).ready == 320
    with reading():
        entry = audit.entries(act="invitation.accepted", limit=5)[0]
    assert (entry.by, entry.subject, entry.before["evidence"]) == ("staff:1", f"member:{mei}", ["browser"])


def test_a_rejected_invitation_brings_nothing_ever(stage, mei):
    lin = invite(stage, mei, "lin", same_browser=True)
    assert decide(stage, lin, False) == ()
    order = buy(stage, lin)
    stage.close(order, at=KEPT)
    assert reward(stage, KEPT) == []
    with pytest.raises(earning.DecidedBefore):
        decide(stage, lin, True)


def test_sec_61_an_order_that_went_back_while_a_person_looked_brings_nothing(stage, mei):
    lin = invite(stage, mei, "lin", same_browser=True)
    order = buy(stage, lin)
    stage.close(order, at=KEPT)
    stage.refund(order, at=KEPT)
    assert [each.task for each in decide(stage, lin, True, KEPT)] == ["friend_joined"]
    assert reward(stage, KEPT) == []


@pytest.mark.parametrize("who", ["inviter", "friend"])
def test_sec_61_accepted_while_one_of_the_two_is_frozen_it_brings_nothing(stage, mei, who):
    lin = invite(stage, mei, "lin", same_browser=True)
    with transaction():
        frozen = {"inviter": mei, "friend": lin}[who]
        people.freeze_member(frozen, own_member_id=None, by="staff:1", reason="A ring", at=NOON)
    assert decide(stage, lin, True) == ()
    assert reward(stage) == []


def test_one_that_is_clear_is_not_decided_on(stage, mei):
    lin = invite(stage, mei, "lin")
    with pytest.raises(earning.DecidedBefore):
        decide(stage, lin, True)
    with pytest.raises(earning.NoSuchInvitation):
        decide(stage, mei, True)


NEVER_PAID = "a stage of an invitation was paid what its task says, unless a cap was reached"


def broken():
    """Return the checks that ring, but for the one of stages that were not paid: none that is made up here was."""
    with reading():
        return [c.name for c in earning.checks() if c.name != NEVER_PAID and execute(c.breaks).first()]


def made_up(kind, member_id, friend, stage_of, **attributes):
    with transaction():
        execute(
            insert(earning.FactRow).values(
                kind=kind, member_id=member_id, reference=f"invitation:{friend}", cents=0,
                key=f"invitation:{friend}:{stage_of}", attributes={"friend": friend} | attributes, at=NOON + DAY,
            )
        )  # fmt: skip


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_reward_for_somebody_elses_friend(stage, mei):
    lin, tom = invite(stage, mei, "lin"), stage.member("tom")
    made_up("friend_joined", tom, lin, "joined")
    assert broken() == ["an invitation is rewarded once a stage, and to who invited"]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_reward_of_a_suspect_and_of_a_rejected(stage, mei):
    lin = invite(stage, mei, "lin", same_browser=True)
    made_up("friend_joined", mei, lin, "joined")
    wanted = ["no invitation is rewarded while it waits for a person, or after it was rejected"]
    assert broken() == wanted
    decide(stage, lin, False)
    assert broken() == wanted


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_reward_for_a_friend_who_never_confirmed(stage, mei):
    lin = invite(stage, mei, "lin", verified=False)
    made_up("friend_joined", mei, lin, "joined")
    assert broken() == ["an invitation is rewarded for a friend who confirmed the e-mail"]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_reward_for_an_order_that_is_not_kept(stage, mei):
    lin = invite(stage, mei, "lin")
    order = buy(stage, lin)
    made_up("friend_bought", mei, lin, "bought", order=f"order:{order.id}", kept_cents=1_590)
    assert broken() == ["an invitation is rewarded for an order its friend keeps"]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_ring(stage, mei):
    lin = invite(stage, mei, "lin")
    with transaction():
        execute(update(people.Member).where(people.Member.id == mei).values(created_at=NOON + DAY))
    assert "invitations close no ring" in broken()
    assert lin > mei


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_stage_that_was_reached_twice(stage, mei):
    lin = invite(stage, mei, "lin")
    made_up("friend_joined", mei, lin, "joined")
    made_up("friend_joined", mei, lin, "joined:again:1")
    assert broken() == ["no stage of an invitation is reached twice while it stands"]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("accept", [True, False])
def test_the_proof_finds_an_invitation_that_nobody_decided_on(stage, mei, accept):
    lin = invite(stage, mei, "lin", same_browser=True)
    decide(stage, lin, accept)
    assert broken() == []
    with transaction():
        execute(update(earning.Invitation).values(decided_by="staff:9"))
    assert broken() == ["an invitation was accepted or rejected by a person, as the audit says"]
