"""The story a year tells: whose shop it is, what stands on its shelves, who has joined, what is yet to happen."""

import random
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from mall.base.cashier import Cashier
from mall.domain import people, programme

from .queue import Queue


class Shopper(Struct):
    """A member of the demo and how they shop.

    `thrift` is the share of redemptions among their orders; of so many items as `appetite` they take the dearest.
    """

    member_id: int
    name: str
    address: dict[str, str]
    thrift: float
    appetite: int = 1
    rank: int = 1


class Story(Struct):
    """What every act of the year goes by. `placed` counts the orders."""

    terms: programme.Programme
    cashier: Cashier
    site: str
    shelves: list[Any]
    chance: random.Random
    begin: datetime
    end: datetime
    password: people.PasswordHash
    queue: Queue
    members: list[Shopper] = field(default_factory=list)
    placed: int = 0
