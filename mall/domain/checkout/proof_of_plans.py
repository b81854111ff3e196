"""What must always be true of memberships: each that was paid gave one level, for its days; what is back has ended."""

from sqlalchemy import Select, and_, case, func, not_, or_, select, union_all

from mall.base.proof import Check
from mall.base.sql import days_between, seconds_between
from mall.base.text import N_
from mall.domain import membership

from .order_lines import PLAN_REFERENCE, OrderLine
from .orders import Order

_GRANT, _END = membership.LevelGrant, membership.LevelGrantEnd
# A day is 24 hours, but for the hour that the clock may be set back within it.
_DAY_SECONDS, _SLACK_SECONDS = 86_400, 3_700


def plans_checks() -> list[Check]:
    """Return the checks of memberships against the levels they gave."""
    return [
        Check(N_("a paid membership gave one level, its member's, for its days, and none was given before"), _gave()),
        Check(N_("a level that was paid for has its membership"), _from_nowhere()),
        Check(N_("a level ends when its membership is given back, and goes on where it is not"), _ends()),
        Check(N_("no more of a membership is given back than its unused days"), _unused()),
        Check(N_("an order says what of its cash is for memberships"), _cents()),
    ]


def _gave() -> Select:
    """Find memberships that gave no level, several, another's, or one for other days than they are sold for."""
    line = OrderLine
    live = (
        select(_GRANT.reference, func.count().label("grants"))
        .outerjoin(_END, _END.grant_id == _GRANT.id)
        .where(_GRANT.kind == membership.PAID, or_(_END.how.is_(None), _END.how != "replaced"))
        .group_by(_GRANT.reference)
        .subquery("live")
    )
    first = membership.PAID_KEY.concat(PLAN_REFERENCE)
    length = case(
        (line.plan_unit == "days", line.plan_days == line.plan_length),
        else_=line.plan_days.between(28 * line.plan_length, 31 * line.plan_length),
    )
    right = and_(
        func.coalesce(live.c.grants, 0) == 1,
        _GRANT.member_id == Order.member_id,
        or_(_GRANT.version != Order.version, _GRANT.rank == line.plan_rank),
        days_between(_GRANT.last_day, _GRANT.begins_on) + 1 == line.plan_days,
        length,
    )
    paid = Order.paid_at.is_not(None)
    return (
        select(line.order_id, line.line)
        .join(Order, Order.id == line.order_id)
        .outerjoin(_GRANT, _GRANT.key == first)
        .outerjoin(live, live.c.reference == PLAN_REFERENCE)
        .where(
            line.plan_rank.is_not(None),
            or_(
                and_(paid, not_(func.coalesce(right, False))),
                and_(~paid, or_(line.plan_days.is_not(None), _GRANT.id.is_not(None))),
            ),
        )
    )


def _from_nowhere() -> Select:
    return (
        select(_GRANT.id, _GRANT.member_id, _GRANT.reference)
        .outerjoin(OrderLine, and_(_GRANT.reference == PLAN_REFERENCE, OrderLine.plan_rank.is_not(None)))
        .where(_GRANT.kind == membership.PAID, OrderLine.order_id.is_(None))
    )


def _ends() -> Select:
    return (
        select(OrderLine.order_id, OrderLine.line, _GRANT.id)
        .join(_GRANT, _GRANT.reference == PLAN_REFERENCE)
        .outerjoin(_END, _END.grant_id == _GRANT.id)
        .where(
            OrderLine.plan_rank.is_not(None),
            or_(
                and_(OrderLine.refunded == 1, _END.how.is_(None)),
                and_(OrderLine.refunded == 0, _END.how == "withdrawn"),
            ),
        )
    )


def _unused() -> Select:
    back_seconds = (OrderLine.plan_days - OrderLine.used_days) * _DAY_SECONDS
    return (
        select(OrderLine.order_id, OrderLine.line, OrderLine.used_days)
        .join(_GRANT, _GRANT.reference == PLAN_REFERENCE)
        .join(_END, _END.grant_id == _GRANT.id)
        .where(
            OrderLine.used_days.is_not(None),
            _END.how != "replaced",
            seconds_between(_GRANT.ends_at, _END.ended_at) + _SLACK_SECONDS < back_seconds,
        )
    )


def _cents() -> Select:
    plans = (
        select(OrderLine.order_id, func.sum(OrderLine.cash_cents).label("cents"))
        .where(OrderLine.plan_rank.is_not(None))
        .group_by(OrderLine.order_id)
        .subquery("plans")
    )
    of_orders = (
        select(Order.id)
        .outerjoin(plans, plans.c.order_id == Order.id)
        .where(func.coalesce(Order.plan_cents, -1) != func.coalesce(plans.c.cents, -1))
    )
    in_campaigns = select(OrderLine.order_id).where(
        OrderLine.plan_rank.is_not(None), OrderLine.campaign_id.is_not(None)
    )
    return select(union_all(of_orders, in_campaigns).subquery("otherwise"))
