"""A partner's program: it sends JSON with its key and a key for each request."""

import json
from itertools import count

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading
from mall.domain import people
from tests import cast
from tests.conftest import NOON

WHEN = "2026-03-02T11:30:00Z"


class Program:
    """What sends requests, at noon."""

    def __init__(self, client, key: str, number: str) -> None:
        self.client, self.key, self.number, self.keys = client, key, number, count(1)

    def post(self, path, body, *, key=None, at=NOON, headers=(), raw=None, content_type="application/json"):
        once = {"Idempotency-Key": key or f"key-{next(self.keys)}"}
        with moved_to(at):
            return self.client.post(
                f"/api/v1/{path}",
                data=json.dumps(body) if raw is None else raw,
                content_type=content_type,
                headers={"Authorization": f"Bearer {self.key}", **once, **dict(headers)},
            )

    def buy(self, reference="R-1", **changes):
        return {
            "reference": reference,
            "cents": 1_590,
            "currency": "USD",
            "occurred_at": WHEN,
            "member_number": self.number,
        } | changes


@pytest.fixture
def rides(shop):
    """The partner's id and key."""
    return cast.partner(at=NOON)


@pytest.fixture
def program(client, mei, rides, shop):
    with reading():
        number = people.member_of(mei).number
    return Program(client, rides[1], number)
