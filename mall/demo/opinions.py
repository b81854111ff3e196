"""Opinions: what the demo's members say of what they kept, and what the shop answers."""

import random
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import aftersales, people

from .cast import OPERATOR
from .story import Story

# In the last weeks somebody writes every so often; a day later it is looked at, all but the last.
FIRST_BACK, EVERY, LAST_BACK = timedelta(days=60), timedelta(days=3), timedelta(hours=3)
TRIES = 4
# Stars, what is said, and what the shop answers to it, in English and in Chinese.
SAID: tuple[tuple[int, tuple[str, str], tuple[str, str] | None], ...] = (
    (5, ("Exactly as in the picture, and it feels good in the hand.", "和图片一模一样，拿在手里很舒服。"), None),
    (5, ("A present for my sister. She asked where it is from.", "送给妹妹的礼物，她一直问在哪里买的。"), None),
    (4, ("Good, if a little smaller than I had thought.", "不错，就是比想象的小一点。"),
     ("Thank you. The measures now stand in the description.", "谢谢，尺寸已写进商品介绍。")),
    (5, ("In use every day for two weeks, and still like new.", "天天用，两周了还像新的一样。"), None),
    (4, ("Well packed, and it came two days early.", "包装很好，还早到了两天。"), None),
    (3, ("Nice to look at. The colour is darker than on my screen.", "挺好看的，颜色比屏幕上深一些。"),
     ("Screens differ, alas. Samples lie at our counter.", "屏幕会有色差，门店有样品可看。")),
    (5, ("Got it for points, and would have paid for it.", "用积分换的，花钱买也值。"), None),
    (2, ("It works, but the box was dented.", "能用，但盒子压坏了。"),
     ("We are sorry. We pack it in a stronger box now.", "很抱歉，我们已换用更结实的包装。")),
    (5, ("The second one already; the first went to my parents.", "已经买第二个了，第一个被爸妈拿走了。"), None),
    (4, ("Does what it says, without any fuss.", "简单好用，和介绍的一样。"), None),
)  # fmt: skip


def plan(story: Story) -> None:
    """Plan that members write reviews, from the first that can be written on."""
    chance = random.Random(63)  # Of its own, so that the rest of the year stays as it was.
    number, at = 0, story.end - FIRST_BACK
    while at < story.end:
        story.queue.at(at, partial(write, story, chance, number))
        number, at = number + 1, at + EVERY
    story.queue.at(story.end - LAST_BACK, partial(write, story, chance, number))


def write(story: Story, chance: random.Random, number: int) -> None:
    """Let somebody who kept something write what they think of it, and plan that the shop looks at it."""
    for _try in range(TRIES):
        shopper = chance.choice(story.members)
        with reading():
            kept = aftersales.reviewable(shopper.member_id)
            language = people.member_of(shopper.member_id).language
        if kept:
            break
    else:
        return
    # What stands first on the shelves is spoken of most.
    line = min(kept, key=lambda each: each.product_id)
    stars, said, answer = SAID[number % len(SAID)]
    place = ("en", "zh").index(language)
    with transaction():
        written = aftersales.write_review(
            line.order_id, line.line, member_id=shopper.member_id, rating=stars, words=said[place],
            key=f"demo-{number}", terms=story.terms, at=now(),
        )  # fmt: skip
    reply = answer[place] if answer else ""
    story.queue.at(now() + timedelta(hours=26), partial(look_at, story, written.row, reply))


def look_at(story: Story, row: Any, reply: str) -> None:
    """Publish a review, and answer it where there is something to say."""
    at: datetime = now()
    with transaction():
        aftersales.publish_review(
            row.id, revision=row.revision, own_member_id=None, terms=story.terms, by=OPERATOR, at=at
        )
        if reply:
            aftersales.reply_to_review(row.id, words=reply, by=OPERATOR, at=at)
