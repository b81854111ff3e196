"""Facts: every behaviour that a rule may ever pay for, paid or not. Only added to; undoing is a negative fact."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Row, Select, String, bindparam, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, aliased, mapped_column

# Every kind of fact, and the verb that records it.
FACTS = {
    "signed_up": "earning.welcome",
    "order_paid": "earning.order_paid",
    "order_reduced": "earning.order_reduced",
    "order_kept": "earning.order_kept",
    "checked_in": "earning.check_in",
    "email_verified": "earning.told",
    "birthday_added": "earning.told",
    "address_added": "earning.told",
    "news_wanted": "earning.told",
    "profile_completed": "earning.told",
    "had_birthday": "earning.celebrate_birthday",
    "member_for_years": "earning.celebrate_anniversary",
    "level_reached": "earning.review_level",
    "visited": "earning.visited",
    "account_bound": "earning.told",
    "purchase_reported": "earning.purchase_reported",
    "purchase_kept": "earning.purchase_kept",
    "purchase_refunded": "earning.purchase_refunded",
    "review_published": "earning.review_published",
    "friend_joined": "earning.reward_invitation",
    "friend_bought": "earning.reward_invitation",
    "share_visited": "earning.note_share_visit",
    "sizes_told": "earning.told",
    "style_told": "earning.told",
    "question_followed_up": "earning.question_followed_up",
    "order_unkept": "earning.order_unkept",
    "order_fell_short": "earning.order_unkept",
    "friend_unbought": "earning.reward_invitation",
    "level_unreached": "earning.order_unkept",
    "paid_level_undone": "earning.end_paid_levels",
    "review_unpublished": "earning.review_taken_down",
}

# What undoes a fact that is no longer so, and which. Its attributes say `undoes`: the id of that fact.
UNDOES = {
    "order_unkept": "order_kept",
    "friend_unbought": "friend_bought",
    "level_unreached": "level_reached",
    "review_unpublished": "review_published",
}

# Facts besides an order's by which points are taken back, and what is then owed above the debt cap is forgiven.
WENT_BACK = ("purchase_refunded", "friend_unbought", "level_unreached", "review_unpublished")

# What comes about without the member, or shows no more than a page that was looked at: no activity.
BY_ITSELF = (
    "order_reduced", "order_kept", "purchase_kept", "purchase_refunded",
    "had_birthday", "member_for_years", "level_reached", "visited",
    "friend_joined", "friend_bought", "share_visited", "paid_level_undone", "order_fell_short", *UNDOES,
)  # fmt: skip


class FactRow(db.Model):
    """A fact as it is kept. `cents` is the cash it is about, negative where cash went back."""

    __tablename__ = "fact"
    __table_args__ = (
        CheckConstraint("kind <> ''", name="kind_named"),
        Index(None, "member_id", "kind", "at"),
        Index(None, "reference"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    reference: Mapped[str] = mapped_column(String(60))
    cents: Mapped[int]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    at: Mapped[datetime] = mapped_column(Instant)


append_only(FactRow)


class Fact(Struct, frozen=True):
    """Something a member did. `reference` says about what ("order:7"), `key` makes it once."""

    kind: str
    member_id: int
    key: str
    at: datetime
    reference: str = ""
    cents: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)


def record(fact: Fact) -> int | None:
    """Keep a fact, once per key. Returns its id, None when it was kept before."""
    assert fact.kind in FACTS, f"no fact is called {fact.kind}"
    columns = {
        "kind": fact.kind,
        "member_id": fact.member_id,
        "reference": fact.reference,
        "cents": fact.cents,
        "attributes": dict(fact.attributes),
        "key": fact.key,
        "at": fact.at,
    }
    return execute(_RECORD, columns).scalar_one_or_none()


def undoing(fact: Row[Any], kind: str, *, at: datetime) -> Fact:
    """Return the fact that undoes one that was recorded, whose row it takes. Its key makes it once."""
    assert UNDOES[kind] == fact.kind, f"{kind} does not undo {fact.kind}"
    return Fact(kind, fact.member_id, f"{fact.key}:undone", at, fact.reference, attributes={"undoes": fact.id})


def undone_of(member_id: Any) -> Select[Any]:
    """Select the ids of a member's facts that were undone. `member_id` is a column or a bound value."""
    return _ALL_UNDONE.where(_UNDO.member_id == member_id)


def all_undone() -> Select[Any]:
    """Select the ids of all facts that were undone."""
    return _ALL_UNDONE


_UNDO = aliased(FactRow)
_ALL_UNDONE = select(_UNDO.attributes["undoes"].as_integer()).where(_UNDO.kind.in_(UNDOES)).correlate_except(_UNDO)
_COLUMNS = [column for column in FactRow.__table__.columns if column.name != "id"]
# Not ON CONFLICT DO NOTHING: the guard of an append-only table would refuse it.
_RECORD = (
    insert(FactRow)
    .from_select(
        [column.name for column in _COLUMNS],
        select(*(bindparam(column.name, type_=column.type) for column in _COLUMNS)).where(
            ~select(FactRow.id).where(FactRow.key == bindparam("key", type_=FactRow.__table__.c.key.type)).exists()
        ),
    )
    .returning(FactRow.id)
)
