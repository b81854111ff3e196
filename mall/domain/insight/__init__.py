"""Insight: what reads across rooms - the strip above every page, figures for dashboards. It writes nothing."""

from .asked import AskedAdjustment, asked_adjustments, to_do
from .dashboard import Dashboard, dashboard
from .found import Found
from .members import Portrait, members, portrait
from .queues import OLDEST_FIRST, QUEUES, REFUSED_REFUNDS, Queue, orders_in, queues
from .returns import RETURN_QUEUES, return_queues, returns_in
from .strip import Strip, strip

__all__ = [
    "OLDEST_FIRST",
    "QUEUES",
    "REFUSED_REFUNDS",
    "RETURN_QUEUES",
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
    "return_queues",
    "returns_in",
    "strip",
    "to_do",
]
