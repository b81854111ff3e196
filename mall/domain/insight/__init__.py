"""Insight: what reads across rooms - the strip above every page, figures for dashboards. It writes nothing."""

from .asked import AskedAdjustment, ToDo, asked_adjustments, to_do
from .cashier_desk import LISTS, PaymentPage, event_alarms, payment_page, payments_in, waiting_at_cashier
from .dashboard import Dashboard, dashboard
from .found import Found, Queue
from .members import Portrait, members, portrait
from .pyramid import Course, Pyramid, pyramid
from .questions import (
    OVERDUE_QUESTIONS,
    PUBLISHED_QUESTIONS,
    QUESTION_QUEUES,
    WAITING_QUESTIONS,
    Asker,
    asker,
    comes_first,
    question_queues,
    questions_in,
)
from .queues import OLDEST_FIRST, QUEUES, REFUSED_REFUNDS, orders_in, queues
from .replay_standings import Mover
from .returns import RETURN_QUEUES, return_queues, returns_in
from .reviews import REVIEW_QUEUES, SUSPICIOUS, review_queues, reviews_in
from .strip import Strip, arrival, strip
from .what_if import SPANS, Side, WhatIf, names_of, what_if

__all__ = [
    "LISTS",
    "OLDEST_FIRST",
    "OVERDUE_QUESTIONS",
    "PUBLISHED_QUESTIONS",
    "QUESTION_QUEUES",
    "QUEUES",
    "REFUSED_REFUNDS",
    "RETURN_QUEUES",
    "REVIEW_QUEUES",
    "SPANS",
    "SUSPICIOUS",
    "WAITING_QUESTIONS",
    "AskedAdjustment",
    "Asker",
    "Course",
    "Dashboard",
    "Found",
    "Mover",
    "PaymentPage",
    "Portrait",
    "Pyramid",
    "Queue",
    "Side",
    "Strip",
    "ToDo",
    "WhatIf",
    "arrival",
    "asked_adjustments",
    "asker",
    "comes_first",
    "dashboard",
    "event_alarms",
    "members",
    "names_of",
    "orders_in",
    "payment_page",
    "payments_in",
    "portrait",
    "pyramid",
    "question_queues",
    "questions_in",
    "queues",
    "return_queues",
    "returns_in",
    "review_queues",
    "reviews_in",
    "strip",
    "to_do",
    "waiting_at_cashier",
    "what_if",
]
