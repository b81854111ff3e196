"""Insight: what reads across rooms - the strip above every page, figures for dashboards. It writes nothing."""

from .desk import QUEUES, Dashboard, Found, Portrait, dashboard, members, orders_in, portrait, queue_counts
from .strip import Strip, strip

__all__ = [
    "QUEUES",
    "Dashboard",
    "Found",
    "Portrait",
    "Strip",
    "dashboard",
    "members",
    "orders_in",
    "portrait",
    "queue_counts",
    "strip",
]
