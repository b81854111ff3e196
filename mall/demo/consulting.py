"""What the demo's members ask before they buy: answered and shown, followed up, overdue, and one that comes first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mall.base.db import transaction
from mall.domain import consultation, earning, programme

ASKED_LAST = timedelta(hours=2)
REPLIES: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    ({"en": "Dishwasher", "zh": "洗碗机"}, {"en": "It may go into the dishwasher, up to 60 °C.",
                                           "zh": "可放入洗碗机，最高 60 °C。"}),
    ({"en": "Days to return it", "zh": "退货期限"}, {"en": "You may send it back unused, as its page says.",
                                                  "zh": "未使用可以退货，期限见商品页。"}),
)  # fmt: skip


def consult(
    people_by_name: Mapping[str, int], products: list[int], *, terms: programme.Programme, by: str, at: datetime
) -> None:
    """Let five members' questions stand in every state, and two replies be at hand."""
    with transaction():
        for name, words in REPLIES:
            consultation.make_reply(name, words, by=by, at=at)
    mei, wei = people_by_name["mei"], people_by_name["wei"]
    others = [member_id for name, member_id in people_by_name.items() if name not in ("mei", "wei")][:3]

    warm = _ask(mei, products[0], "Does it survive a dishwasher?", terms=terms, at=at - timedelta(hours=50))
    _answer(warm, REPLIES[0][1]["en"], by=by, at=at - timedelta(hours=44))
    _show(warm, "Can it go into the dishwasher?", REPLIES[0][1]["en"], by=by, at=at - timedelta(hours=44))
    gift = _ask(others[0], products[0], "Is it wrapped as a present?", terms=terms, at=at - timedelta(hours=40))
    _answer(gift, "In plain paper; a ribbon lies in the box.", by=by, at=at - timedelta(hours=30))
    _show(gift, "Does it come wrapped as a present?", "In plain paper; a ribbon lies in the box.", by=by,
          at=at - timedelta(hours=30))  # fmt: skip
    _ask(others[1], products[1], "How heavy is the parcel?", terms=terms, at=at - timedelta(hours=29))
    _ask(others[2], products[2], "Will there be a blue one?", terms=terms, at=at - timedelta(hours=5))
    _ask(wei, products[1], "两件可以一起寄吗？", terms=terms, at=at - ASKED_LAST)
    with transaction():
        consultation.follow_up(warm.id, member_id=mei, words="How hot may it be?", key="demo", terms=terms, at=at)
        earning.question_followed_up(mei, question_id=warm.id, terms=terms, at=at)


def _ask(member_id: int, product_id: int, words: str, *, terms: programme.Programme, at: datetime) -> Any:
    with transaction():
        key = f"demo-{product_id}-{at:%H%M}"
        return consultation.ask(member_id, product_id, words=words, key=key, terms=terms, at=at).row


def _answer(row: Any, words: str, *, by: str, at: datetime) -> None:
    with transaction():
        consultation.answer(row.id, words=words, revision=row.revision, key="demo-answer", by=by, at=at)


def _show(row: Any, question: str, answer: str, *, by: str, at: datetime) -> None:
    with transaction():
        consultation.publish_question(row.id, question=question, answer=answer, by=by, at=at)
