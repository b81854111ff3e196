"""Insight: what reads across rooms - the strip above every page, figures for dashboards. It writes nothing."""

from .asked import AskedAdjustment, asked_adjustments, to_do
from .dashboard import Dashboard, dashboard
from .found import Found
from .members import Portrait, members, portrait
from .queues import OLDEST_FIRST, QUEUES, REFUSED_REFUNDS, Queue, orders_in, queues
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
