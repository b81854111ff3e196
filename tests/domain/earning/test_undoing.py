"""What was given for an order goes back with it: what tasks gave when nothing of it is kept, and what levels gave."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from mall.base.cashier import DisputeState
from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import aftersales, cash, catalogue, checkout, coupons, earning, ledger, membership, notices, programme
from mall.domain.earning import lost_levels, proof_of_undoing, reductions, tasks, undoing
from tests.domain.earning.test_invitations import invite, reward
from tests.stage import NOON, SITE, Stage, moved_to, open_shop

DAY = timedelta(days=1)
KEPT = NOON + 15 * DAY
LATER = NOON + 40 * DAY
TASKS = [
    {"key": "first_order", "points": 100, "growth": 10, "in_all": 1},
    {"key": "every_order", "points": 7, "growth": 0, "least_cents": 1_000},
    {"key": "friend_bought", "points": 300, "growth": 50, "least_cents": 1_000},
    {"key": "level_reached", "points": 20, "growth": 5, "from_rank": 3},
]
COUPON = 1


def levels():
    packs = {"senior": {"upgrade_points": 200, "upgrade_coupon": COUPON}}
    return [each | packs.get(each["key"], {}) for each in programme.default_settings(shop_name="-")["levels"]]


@pytest.fixture
def stage(app) -> Stage:
    stage = open_shop(tasks=TASKS, levels=levels())
    assert stage.coupon_kind() == COUPON
    return stage


@pytest.fixture
def mei(stage):
    return stage.member("mei")


def keep(stage, member_id, cents=1_590, *, quantity=1, at=KEPT):
    """Let a member buy pieces of an item for cash, and keep them."""
    stage.put_in(member_id, stage.item(prices=(catalogue.cash_price(cents),)), "cash", quantity=quantity)
    order = stage.pay(stage.place(member_id))
    stage.ship(order)
    stage.deliver(order)
    assert stage.close(order, at=at)
    return order


def refund(stage, order, pieces=None, *, at=KEPT):
    """Refund pieces; what was shown of it beforehand is what its member is told afterwards."""
    with reading():
        row = checkout.order_of(order.id)
        shown = aftersales.plan_refund(row, reason="damaged", at=at, zone=stage.terms.zone, pieces=pieces).unkept
    before = told_undone(order.member_id)
    refund_unseen(stage, order, pieces, at=at)
    after = told_undone(order.member_id)
    tasks, levels = (after[kind][len(before[kind]) :] for kind in UNDONE)
    assert tasks == ([(shown.points, shown.growth)] if shown.points or shown.growth else [])
    assert levels == [(each.name["en"], each.points, each.coupons, each.used) for each in shown.levels]


def refund_unseen(stage, order, pieces=None, *, at=KEPT):
    with transaction():
        aftersales.refund(
            order.id, reason="damaged", restock=True, by="staff:1", terms=stage.terms, at=at, pieces=pieces
        )


def dispute(stage, order, status):
    """Let the bank say how the dispute of an order's payment stands."""
    (payment,) = payments_of(order)
    said = DisputeState("du_1", status, payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    with transaction():
        aftersales.told_of_dispute(payment.id, said, terms=stage.terms, at=KEPT)


def payments_of(order):
    with reading():
        return cash.payments_of(checkout.reference_of(order.id))


def rewards(member_id):
    """What tasks gave a member and was not undone: {task: (points, growth)}."""
    row = earning.TaskReward
    with reading():
        undone = [
            fact.attributes["undoes"]
            for fact in execute(select(earning.FactRow).where(earning.FactRow.member_id == member_id))
            if "undoes" in fact.attributes
        ]
        mine = select(row).where(row.member_id == member_id, row.fact_id.not_in(undone), ~earning.fell_short(row))
        rows = execute(mine.order_by(row.id))
        return [(each.task, each.points, each.growth) for each in rows]


def told(member_id, *kinds):
    with reading():
        row = notices.Notice
        return list(
            execute(
                select(row.details).where(row.member_id == member_id, row.kind.in_(kinds)).order_by(row.id)
            ).scalars()
        )


UNDONE = ("points_reward_undone", "level_pack_undone")
SHORT = "points_reward_short"


def told_undone(member_id):
    """Return what a member was told that went back: of tasks, then of levels."""
    tasks, levels = told(member_id, UNDONE[0], SHORT), told(member_id, UNDONE[1])
    return {
        UNDONE[0]: [(each["points"], each["growth"]) for each in tasks],
        UNDONE[1]: [(each["level"]["en"], each["points"], each["coupons"], each["used"]) for each in levels],
    }


def growth(stage, member_id, at=LATER):
    with reading():
        return membership.standing(member_id, terms=stage.terms, at=at).growth


def states(member_id):
    with reading():
        return [row.state for row in reversed(coupons.coupons_of(member_id))]


def broken():
    with reading():
        return [check.name for check in proof_of_undoing.undoing_checks() if execute(check.breaks).all()]


def test_what_tasks_gave_for_an_order_goes_back_when_nothing_of_it_is_kept(stage, mei):
    order = keep(stage, mei)
    assert rewards(mei) == [("first_order", 100, 10), ("every_order", 7, 0)]

    refund(stage, order)

    assert rewards(mei) == []
    balances = stage.balances(mei)
    assert (balances.ready, balances.owed, growth(stage, mei)) == (0, 0, 0)
    assert told(mei, "points_reward_undone") == [{"number": checkout.number_of(order.id), "points": 107, "growth": 10}]


def test_an_order_of_which_a_piece_is_kept_keeps_all_that_tasks_gave(stage, mei):
    order = keep(stage, mei, quantity=2)
    refund(stage, order, {1: 1})
    assert rewards(mei) == [("first_order", 100, 10), ("every_order", 7, 0)]
    refund(stage, order, {1: 1})
    assert rewards(mei) == []
    assert stage.balances(mei).ready == 0


def test_what_a_task_gave_for_an_order_of_its_least_amount_goes_back_when_less_is_kept(stage, mei):
    order = keep(stage, mei, 790, quantity=3)
    refund(stage, order, {1: 1})
    assert rewards(mei) == [("first_order", 100, 10), ("every_order", 7, 0)]

    refund(stage, order, {1: 1})

    # 7.90 is kept: one task asks for nothing, the other for 10.00.
    assert rewards(mei) == [("first_order", 100, 10)]
    assert told(mei, SHORT) == [
        {"number": checkout.number_of(order.id), "points": 7, "growth": 0, "least_cents": 1_000}
    ]
    refund(stage, order, {1: 1})
    assert rewards(mei) == []
    assert (stage.balances(mei).ready, stage.balances(mei).owed, growth(stage, mei)) == (0, 0, 0)


def test_what_fell_short_leaves_room_under_a_cap_for_the_next_order(app):
    task = {"key": "every_order", "points": 7, "growth": 3, "least_cents": 1_000, "per_day": 1}
    stage = open_shop(tasks=[task])
    mei = stage.member("mei")
    order = keep(stage, mei, 790, quantity=2)
    refund_unseen(stage, order, {1: 1})
    assert rewards(mei) == []

    keep(stage, mei)

    assert rewards(mei) == [("every_order", 7, 3)]


def test_what_a_friends_order_gave_goes_back_when_less_is_kept_of_it_than_was_asked_for(stage, mei):
    lin = invite(stage, mei, "lin")
    order = keep(stage, lin, 590, quantity=3)
    reward(stage, KEPT)
    refund(stage, order, {1: 1})
    assert reward(stage, LATER) == []
    assert rewards(mei) == [("friend_bought", 300, 50)]

    refund(stage, order, {1: 1})
    assert reward(stage, LATER) == []

    assert rewards(mei) == []
    assert told(mei, "points_invitation_undone") == [{"friend": "Lin", "points": 300, "growth": 50}]
    keep(stage, lin, at=LATER)
    assert reward(stage, LATER) == [("friend_bought", 300)]


def test_what_was_spent_of_a_reward_is_owed(stage, mei):
    order = keep(stage, mei)
    ready = stage.balances(mei).ready
    stage.put_in(mei, stage.item(prices=(catalogue.points_price(ready),)))
    stage.place(mei, at=KEPT)
    assert stage.balances(mei).ready == 0

    refund(stage, order)

    assert stage.balances(mei).owed == ready


def test_what_expired_of_a_reward_is_gone_and_is_not_taken_again(stage, mei):
    order = keep(stage, mei)
    long_after = NOON + 800 * DAY
    refund(stage, order, at=long_after)
    balances = stage.balances(mei, at=long_after)
    assert (balances.ready, balances.owed) == (0, 0)


def test_the_next_order_may_be_the_first(stage, mei):
    first = keep(stage, mei)
    second = keep(stage, mei)
    assert [task for task, *_ in rewards(mei)] == ["first_order", "every_order", "every_order"]
    refund(stage, first)
    assert [task for task, *_ in rewards(mei)] == ["every_order"]
    keep(stage, mei, at=LATER)
    assert [task for task, *_ in rewards(mei)] == ["every_order", "first_order", "every_order"]
    refund(stage, second)
    assert [task for task, *_ in rewards(mei)] == ["first_order", "every_order"]


def test_an_order_refunded_before_it_was_kept_has_nothing_to_undo(stage, mei):
    stage.put_in(mei, stage.item(prices=(catalogue.cash_price(1_590),)), "cash")
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    stage.deliver(order)
    refund(stage, order, at=NOON)
    assert rewards(mei) == []
    assert told(mei, "points_reward_undone") == []


def test_a_payment_that_the_bank_takes_back_takes_what_tasks_gave(stage, mei):
    order = keep(stage, mei)
    dispute(stage, order, "open")
    assert len(rewards(mei)) == 2
    dispute(stage, order, "lost")
    assert rewards(mei) == []
    assert stage.balances(mei).ready == 0
    # The bank's last word stays: nothing is given, or taken, again.
    dispute(stage, order, "won")
    assert rewards(mei) == []


def test_a_dispute_that_is_won_leaves_what_tasks_gave(stage, mei):
    order = keep(stage, mei)
    before = stage.balances(mei).ready
    dispute(stage, order, "open")
    dispute(stage, order, "won")
    assert len(rewards(mei)) == 2
    assert stage.balances(mei).ready == before


def test_what_a_friends_order_gave_goes_back_with_it_and_the_inviter_is_told(stage, mei):
    lin = invite(stage, mei, "lin")
    order = keep(stage, lin)
    reward(stage, KEPT)
    assert rewards(mei) == [("friend_bought", 300, 50)]
    refund(stage, order)
    assert reward(stage, LATER) == []
    assert rewards(mei) == []
    assert (stage.balances(mei).ready, growth(stage, mei)) == (0, 0)
    assert told(mei, "points_invitation_undone") == [{"friend": "Lin", "points": 300, "growth": 50}]
    with reading():
        assert [friend.bought for friend in earning.friends_of(mei)] == [None]
        assert earning.due_invitations(terms=stage.terms, at=LATER) == []


def test_the_next_order_of_the_friend_brings_it_again_once(stage, mei):
    lin = invite(stage, mei, "lin")
    first = keep(stage, lin)
    reward(stage, KEPT)
    refund(stage, first)
    second = keep(stage, lin, at=LATER)
    assert reward(stage, LATER) == [("friend_bought", 300)]
    assert reward(stage, LATER) == []
    assert rewards(mei) == [("friend_bought", 300, 50)]
    refund(stage, second, at=LATER)
    reward(stage, LATER)
    assert rewards(mei) == []


def test_what_an_invitation_gave_goes_back_whatever_became_of_the_inviter(stage, mei):
    lin = invite(stage, mei, "lin")
    order = keep(stage, lin)
    reward(stage, KEPT)
    refund(stage, order)
    with transaction():
        execute(text("UPDATE member SET deactivated_at = created_at WHERE id = :id"), {"id": mei})
    reward(stage, LATER)
    assert rewards(mei) == []


def test_what_a_level_gave_goes_back_with_what_had_reached_it_and_the_level_stays(stage, mei):
    order = keep(stage, mei, 250_000)
    with reading():
        assert membership.standing(mei, terms=stage.terms, at=KEPT).level.key == "senior"
    assert states(mei) == ["usable"]
    assert ("level_reached", 20, 5) in rewards(mei)

    refund(stage, order)

    assert rewards(mei) == []
    assert states(mei) == ["revoked"]
    balances = stage.balances(mei)
    assert (balances.ready, balances.owed, growth(stage, mei)) == (0, 0, 0)
    with reading():
        assert membership.standing(mei, terms=stage.terms, at=KEPT).level.key == "senior"
    assert [(each["points"], each["coupons"], each["used"]) for each in told(mei, "level_pack_undone")] == [
        (220, 1, 0)
    ]


def test_a_coupon_of_a_pack_that_was_used_stays_used_and_is_said(stage, mei):
    order = keep(stage, mei, 250_000)
    with reading():
        (coupon,) = coupons.coupons_of(mei)
    stage.put_in(mei, stage.item(prices=(catalogue.cash_price(5_000),)), "cash")
    using = stage.place(mei, use=(coupon.id,), at=KEPT)
    refund(stage, order)
    assert states(mei) == ["used"]
    assert told(mei, "level_pack_undone")[0]["used"] == 1

    # Its order comes to nothing: it does not come back.
    with moved_to(KEPT):
        checkout.give_up(using.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site=SITE)
    assert states(mei) == ["revoked"]


def test_who_has_reached_the_level_otherwise_since_keeps_what_it_gave(stage, mei):
    first = keep(stage, mei, 160_000)
    keep(stage, mei, 160_000)
    refund(stage, first)
    assert states(mei) == ["usable"]
    assert told(mei, "level_pack_undone") == []


def test_a_level_that_is_reached_again_gives_all_of_it_again_once(stage, mei):
    refund(stage, keep(stage, mei, 160_000))
    keep(stage, mei, 160_000, at=LATER)
    assert states(mei) == ["revoked", "usable"]
    keep(stage, mei, 160_000, at=LATER)
    assert states(mei) == ["revoked", "usable"]
    assert [task for task, *_ in rewards(mei)].count("level_reached") == 2


def test_a_level_that_is_reached_again_by_what_a_task_gives_gives_all_of_it_again(stage, mei):
    refund(stage, keep(stage, mei, 160_000))
    keep(stage, mei, 148_000, at=LATER)
    assert states(mei) == ["revoked"]

    with transaction():
        settings = programme.settings_of(stage.terms)
        settings["tasks"] = [*settings["tasks"], {"key": "check_in", "points": 0, "growth": 20}]
        number = programme.draft(settings, based_on=1, effective_from=LATER, by="staff:1", at=LATER, reason="More")
        programme.approve(number, by="staff:2", at=LATER, other_approvers=1)
    with transaction():
        earning.check_in(mei, terms=programme.current(LATER), at=LATER)
    assert states(mei) == ["revoked", "usable"]


def test_a_level_that_has_another_number_by_now_is_given_anew_as_itself(stage, mei):
    keep(stage, mei, 40_000)
    refund(stage, keep(stage, mei, 160_000))
    assert states(mei) == ["revoked"]
    with transaction():
        before = programme.settings_of(programme.current(KEPT))
        first, ordinary, senior, *rest = before["levels"]
        between = ordinary | {"key": "regular", "name": {"en": "Regular"}, "reach": 1_000, "keep": 1_000}
        levels = [first, ordinary, between | {"upgrade_points": 33}, senior, *rest]
        changed = before | {"levels": [level | {"rank": rank} for rank, level in enumerate(levels, 1)]}
        number = programme.draft(changed, based_on=1, effective_from=KEPT, by="staff:1", at=KEPT, reason="Six")
        programme.approve(number, by="staff:2", at=KEPT, other_approvers=1)
    with transaction():
        stage.terms = programme.current(KEPT)
        purse = ledger.lock(mei, zone=stage.terms.zone)
        membership.add_growth(
            mei, 1_600, source="order", reference="order:99", counts_on=KEPT.date(), version=stage.terms.version,
            why=say("-"), key="order:99:growth", terms=stage.terms, at=KEPT,
        )  # fmt: skip
        tasks.reach_again(purse=purse, terms=stage.terms, at=KEPT)

    fact = earning.FactRow
    with reading():
        mine = select(fact.attributes).where(fact.member_id == mei, fact.kind == "level_reached")
        reached = [(row["version"], row["rank"]) for row in execute(mine.order_by(fact.id)).scalars()]
    assert reached[-1] == (2, 4)  # Senior is the fourth now; the third is another level, and was never lost.
    assert (2, 3) not in reached
    assert states(mei) == ["revoked", "usable"]


def test_what_is_owed_above_the_cap_for_levels_and_friends_is_forgiven_and_the_books_bear_it(app):
    stage = open_shop(tasks=TASKS, levels=levels(), debt_cap_points=0)
    assert stage.coupon_kind() == COUPON
    mei = stage.member("mei")
    friends_order = keep(stage, invite(stage, mei, "lin"))
    assert reward(stage, KEPT) == [("friend_bought", 300)]
    own_order = keep(stage, mei, 150_000)
    stage.put_in(mei, stage.item(prices=(catalogue.points_price(stage.balances(mei).ready),)))
    stage.place(mei, at=KEPT)

    refund(stage, own_order)
    refund(stage, friends_order)
    reward(stage, LATER)

    assert rewards(mei) == []
    assert stage.balances(mei).owed == 0
    with reading():
        move = ledger.Posting.move
        forgiven = set(execute(select(move).where(move.endswith(":undone:forgiven"))).scalars())
        assert forgiven == {f"member:{mei}:level:{rank}:undone:forgiven" for rank in (2, 3)}
        assert [check.name for check in aftersales.checks() if execute(check.breaks).first()] == []


def test_growth_that_was_enough_on_any_day_since_bears_a_level_out():
    day = date(2026, 3, 2)

    def merited(*growth):
        return lost_levels.is_merited(100, day, NOON, [lost_levels.Grown(on, points, NOON) for on, points in growth])

    assert merited((day, 100))
    assert not merited((day, 100), (day, -1))
    assert merited((day, 50), (day + 90 * DAY, 50), (day + 500 * DAY, 1))
    assert not merited((day, 50), (day + 400 * DAY, 50))

    given_back = lost_levels.Grown(day, 30, NOON, given_back=True)
    growth = [lost_levels.Grown(day, 100, NOON), lost_levels.Grown(day, -30, NOON), given_back]
    assert lost_levels.is_merited(100, day, NOON, growth)
    assert not lost_levels.is_merited(100, day, NOON - DAY, growth)


GROWN = st.builds(
    lambda days, points, hours, given_back: lost_levels.Grown(
        date(2026, 3, 2) + days * DAY, points, NOON + timedelta(days=days, hours=hours), given_back=given_back
    ),
    st.integers(-400, 500),
    st.integers(-60, 60),
    st.integers(0, 30),
    st.booleans(),
)


@settings(deadline=None)
@given(growth=st.lists(GROWN, max_size=12), reach=st.integers(1, 120))
def test_a_level_is_borne_out_when_some_day_s_window_holds_its_growth(growth, reach):
    day = date(2026, 3, 2)

    def counts(each, when, moment):
        begins = membership.window_start(when)
        return begins <= each.counts_on <= when and (each.at <= moment or not each.given_back)

    moments = [(day, NOON), *((each.counts_on, each.at) for each in growth if each.counts_on > day)]
    totals = [sum(each.points for each in growth if counts(each, *moment)) for moment in moments]
    assert lost_levels.is_merited(reach, day, NOON, growth) == (max(totals) >= reach)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["keep", "part", "rest"]), st.integers(0, 3), st.sampled_from([1_590, 790, 60_000])),
        min_size=2,
        max_size=6,
    )
)
def test_whatever_is_kept_and_goes_back_tasks_gave_for_what_is_kept_alone(stage, steps):
    """Orders of two pieces are kept and go back in parts: each of which enough is kept has given, no other, and one is
    first.
    """
    member_id = stage.member(f"member{stage.made}")
    stage.made += 1
    orders: list = []
    left: dict[int, int] = {}
    each_cents: dict[int, int] = {}
    for act, which, cents in steps:
        standing = [order for order in orders if left[order.id]]
        if act == "keep":
            orders.append(keep(stage, member_id, cents, quantity=2))
            left[orders[-1].id], each_cents[orders[-1].id] = 2, cents
        elif standing:
            order = standing[which % len(standing)]
            pieces = 1 if act == "part" else left[order.id]
            refund(stage, order, {1: pieces})
            left[order.id] -= pieces

    given = [task for task, *_ in rewards(member_id)]
    assert given.count("every_order") == sum(
        1 for order_id, pieces in left.items() if pieces * each_cents[order_id] >= 1_000
    )
    assert given.count("first_order") <= 1
    balances = stage.balances(member_id)
    assert balances.owed == 0
    if not any(left.values()):
        assert (given, balances.ready, growth(stage, member_id, KEPT)) == ([], 0, 0)
    assert broken() == []


@pytest.mark.breaks_the_books
def test_the_proof_sees_an_order_that_is_gone_and_was_not_undone(stage, mei, monkeypatch):
    order = keep(stage, mei)
    monkeypatch.setattr(earning, "order_unkept", lambda *_given, **_named: [])
    refund_unseen(stage, order)
    assert broken() == ["an order of which nothing is kept any more is undone, and no other"]


@pytest.mark.breaks_the_books
def test_the_proof_sees_what_a_task_gave_for_more_than_is_kept(stage, mei, monkeypatch):
    order = keep(stage, mei, 790, quantity=2)
    monkeypatch.setattr(earning, "order_unkept", lambda *_given, **_named: [])
    refund_unseen(stage, order, {1: 1})
    assert broken() == ["a task keeps what it gave for an order while so much is kept as it asks for, no longer"]


@pytest.mark.breaks_the_books
def test_the_proof_sees_what_was_taken_for_an_order_that_is_large_enough(stage, mei):
    keep(stage, mei)
    with transaction():
        given = execute(select(earning.TaskReward).where(earning.TaskReward.task == "every_order")).one()
        earning.record(earning.Fact("order_fell_short", mei, f"task:{given.id}:short", KEPT))
    assert "a task keeps what it gave for an order while so much is kept as it asks for, no longer" in broken()


@pytest.mark.breaks_the_books
def test_the_proof_sees_a_reward_that_stays_after_it_was_undone(stage, mei, monkeypatch):
    order = keep(stage, mei)
    monkeypatch.setattr(undoing, "take_lots_back", lambda *_given, **_named: 0)
    refund_unseen(stage, order)
    assert broken() == ["what was given for a fact that is undone was taken back, and for no other"]


@pytest.mark.breaks_the_books
def test_the_proof_sees_a_level_that_went_back_and_its_pack_that_stays(stage, mei, monkeypatch):
    order = keep(stage, mei, 250_000)
    with monkeypatch.context() as patch:
        patch.setattr(reductions, "lose_levels", lambda **_named: None)
        refund_unseen(stage, order)
    assert "a level reached by what went back since is undone, and no other" in broken()
    monkeypatch.setattr(coupons, "void_given_for", lambda *_given, **_named: (0, 0))
    with transaction():
        lost_levels.lose_levels(purse=ledger.lock(mei, zone=stage.terms.zone), terms=stage.terms, at=KEPT)
    assert broken() == ["points and coupons of an undone level's pack were taken back"]


@pytest.mark.breaks_the_books
def test_the_proof_sees_an_invitation_undone_for_an_order_that_stands(stage, mei):
    lin = invite(stage, mei, "lin")
    keep(stage, lin)
    reward(stage, KEPT)
    with transaction():
        bought = execute(select(earning.FactRow).where(earning.FactRow.kind == "friend_bought")).one()
        earning.record(
            earning.Fact(
                "friend_unbought",
                mei,
                f"{bought.key}:undone",
                KEPT,
                bought.reference,
                attributes={"undoes": bought.id},
            )
        )
        earning.record(
            earning.Fact("order_unkept", lin, "order:0:kept:undone", KEPT, attributes={"undoes": bought.id})
        )
    assert broken() == [
        "what undoes a fact is of the same member, and of one that can be undone",
        "an invitation is undone for an order of which too little is kept",
        "what was given for a fact that is undone was taken back, and for no other",
    ]
