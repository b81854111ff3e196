"""The operators' reviews of items: what waits to be looked at, what looks farmed, what is published or is not."""

from sqlalchemy import ColumnElement, and_, func, select, type_coerce

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import aftersales, checkout, people

from .found import Found, Queue

Review, Line = aftersales.ProductReview, checkout.OrderLine

# The tabs of the operators' reviews, and the state behind each; those that look farmed wait as well.
SUSPICIOUS = "suspicious"
REVIEW_QUEUES: dict[str, str] = {
    aftersales.WAITING: aftersales.WAITING,
    SUSPICIOUS: aftersales.WAITING,
    aftersales.PUBLISHED: aftersales.PUBLISHED,
    aftersales.REJECTED: aftersales.REJECTED,
    aftersales.TAKEN_DOWN: aftersales.TAKEN_DOWN,
}


def reviews_in(queue: str, *, page: int = 1, per_page: int = 25) -> Found:
    """Return a page of a queue of reviews, each with its item, its member, and whether it is `suspicious`.

    Those that wait: the longest waiting first; the others: the latest first.
    """
    member, wanted = people.Member, [Review.state == REVIEW_QUEUES[queue]]
    if queue == SUSPICIOUS:
        wanted.append(aftersales.is_suspicious())
    oldest_first = REVIEW_QUEUES[queue] == aftersales.WAITING
    rows = execute(
        select(
            *Review.__table__.columns,
            Line.title,
            Line.file,
            Line.art,
            member.display_name,
            aftersales.is_suspicious().label("suspicious"),
        )
        .join(Line, and_(Line.order_id == Review.order_id, Line.line == Review.line))
        .join(member, member.id == Review.member_id)
        .where(*wanted)
        .order_by(*((Review.written_at, Review.id) if oldest_first else (Review.decided_at.desc(), Review.id.desc())))
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return Found(rows, execute(select(func.count()).select_from(Review).where(*wanted)).scalar_one())


def review_queues() -> dict[str, Queue]:
    """Return every queue of reviews, {name: Queue}. Two statements."""
    since = type_coerce(func.min(Review.written_at), Instant).label("since")
    counted = select(func.count().label("n"), since)
    by_state = {
        row.state: Queue(row.n, row.since) for row in execute(counted.add_columns(Review.state).group_by(Review.state))
    }
    farmed: ColumnElement[bool] = and_(Review.state == aftersales.WAITING, aftersales.is_suspicious())
    suspicious = execute(counted.where(farmed)).one()
    queues = {name: by_state.get(state, Queue(0, None)) for name, state in REVIEW_QUEUES.items()}
    return queues | {SUSPICIOUS: Queue(suspicious.n, suspicious.since)}
