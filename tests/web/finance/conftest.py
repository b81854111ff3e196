"""Finance's desk: a shop with a quarter of history, and Finn signed in on the tenth of April."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mall.base.clock import moved_to
from tests import cast
from tests.domain.finance.conftest import APRIL, NEW_YEAR, Books, open_books, quarter


@pytest.fixture
def books(app: Flask) -> Books:
    """A quarter at a cent a point."""
    return quarter(open_books())


@pytest.fixture
def new_shop(app: Flask) -> Books:
    """A shop where nothing has moved."""
    return open_books()


@pytest.fixture
def april(app: Flask) -> Iterator[None]:
    """It is the tenth of April."""
    with moved_to(APRIL):
        yield


def signed_in(client: FlaskClient) -> FlaskClient:
    """Let Finn of finance in."""
    staff_id = cast.hire("finn", at=NEW_YEAR)
    assert cast.sign_in_staff(client, staff_id).status_code == 302
    return client


@pytest.fixture
def desk(client: FlaskClient, books: Books, april: None) -> FlaskClient:
    """Finance's browser, with history behind it."""
    return signed_in(client)


@pytest.fixture
def empty_desk(client: FlaskClient, new_shop: Books, april: None) -> FlaskClient:
    """Finance's browser in a shop where nothing has moved."""
    return signed_in(client)
