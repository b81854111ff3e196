"""A colleague who is a member as well, and a friend who joined in her browser: what the abuse radar shows of staff.

She has made the key of the ride app that her friend rides with, and gave her friend a coupon from a file: no refusal
sees that; a person looks at it.
"""

from datetime import datetime, timedelta

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import coupons, earning, people, programme

from . import rides
from .joining import token_mailed_to
from .story import Shopper, Story

COLLEAGUE, FRIEND = ("ada", "Ada Voss"), ("mira", "Mira Voss")
JOINED = timedelta(days=45)


def plan(story: Story) -> None:
    """Plan that the colleague joins, and her friend by her invitation."""
    story.queue.at(story.end - JOINED, lambda: _join_both(story))


def give_from_file(kind: int, *, terms: programme.Programme, by: str, at: datetime) -> None:
    """Let a colleague give a coupon from a file to her friend and two others."""
    names = (FRIEND[0], "grace", "tom")
    lines = coupons.read_list("\n".join(["member", *(f"{name}@tessera.example" for name in names)]).encode())
    with reading():
        found = coupons.plan_list(kind, lines, by=by, at=at)
    coupons.give_list(
        found, key="demo:list", shown=found.fingerprint, terms=terms, by=by, at=at, reason="Guests of the tasting"
    )


def _join_both(story: Story) -> None:
    at = now()
    member_id = _join(story, *COLLEAGUE, invited=None)
    with transaction():
        code = earning.make_code(member_id, at=at)
    friend_id = _join(story, *FRIEND, invited=earning.Invited(code, same_browser=True))
    rides.plan(story, Shopper(friend_id, FRIEND[0], {}, thrift=0))


def _join(story: Story, slug: str, name: str, *, invited: earning.Invited | None) -> int:
    at = now()
    with transaction():
        new = earning.Newcomer(
            email=people.read_email(f"{slug}@tessera.example"),
            password=story.password,
            display_name=name,
            language="en",
            wants_news=False,
            verify_page="",
            invited=invited,
        )
        member_id = earning.sign_up(new, terms=story.terms, at=at)
        assert member_id is not None
        people.verify(token_mailed_to(member_id), at=at)
        earning.told(member_id, earning.EMAIL_VERIFIED, terms=story.terms, at=at)
    return member_id
