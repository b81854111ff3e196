"""What the attacks need: a shop at noon, the mails that were sent, and a look at what was stored."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import notices
from tests.stage import NOON, Stage, open_shop


@pytest.fixture
def noon() -> Iterator[None]:
    """It is noon of 2 March 2026."""
    with moved_to(NOON):
        yield


@pytest.fixture
def stage(app: Flask, noon: None) -> Stage:
    """A shop, at noon."""
    return open_shop()


@pytest.fixture
def mails(app: Flask) -> Callable[..., list[Any]]:
    """Return the mails written of a kind, oldest first: `mails("reset_password")`."""

    def of_kind(kind: str) -> list[Any]:
        with reading():
            return list(
                execute(select(notices.Notice).where(notices.Notice.kind == kind).order_by(notices.Notice.id)).all()
            )

    return of_kind


@pytest.fixture
def link_in(mails: Callable[..., list[Any]]) -> Callable[[str], str]:
    """Return the path of the link in the last mail of a kind."""

    def last(kind: str) -> str:
        link: str = mails(kind)[-1].details["link"]
        return link.removeprefix("http://localhost")

    return last
