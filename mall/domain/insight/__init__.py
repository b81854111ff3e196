"""Insight: what reads across rooms - the strip above every page, figures for dashboards. It writes nothing."""

from .strip import Strip, strip

__all__ = ["Strip", "strip"]
