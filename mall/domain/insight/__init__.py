"""Insight: what reads across rooms - the strip above every page, figures for dashboards. It writes nothing."""

from .desk import (
    OLDEST_FIRST,
    QUEUES,
    REFUSED_REFUNDS,
    AskedAdjustment,
    Dashboard,
    Found,
    Portrait,
    Queue,
    asked_adjustments,
    dashboard,
    members,
    orders_in,
    portrait,
    queues,
    to_do,
)
from .strip import Strip, strip

__all__ = [
    "OLDEST_FIRST",
    "QUEUES",
    "REFUSED_REFUNDS",
    "AskedAdjustment",
    "Dashboard",
    "Found",
    "Portrait",
    "Queue",
    "Strip",
    "asked_adjustments",
    "dashboard",
    "members",
    "orders_in",
    "portrait",
    "queues",
    "strip",
    "to_do",
]
