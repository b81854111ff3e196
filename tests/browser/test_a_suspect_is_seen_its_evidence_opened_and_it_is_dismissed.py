"""Ola sees on the radar that five accounts are at one address, opens the evidence, and dismisses it with a reason."""

import pytest

from mall.base.db import transaction
from mall.domain import people
from tests import cast
from tests.browser.visitor import DESK
from tests.domain.radar.test_radar import look
from tests.stage import NOON


@pytest.fixture(autouse=True)
def house(site, stage):
    """Five accounts at one address."""
    cast.hire("ola", at=NOON)
    lines = people.AddressLines("X", "12 Kiln Street", "Portland", "97209", "US")
    members = [stage.member(name) for name in ("mei", "tom", "omar", "grace", "wei")]
    with transaction():
        for member_id in members:
            people.add_address(member_id, lines, at=NOON)
    look()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_suspect_is_seen_opened_and_dismissed(visit, script):
    ola = visit(DESK, script=script)
    ola.sign_in_staff("ola")
    ola.open("/office/radar")
    ola.sees("Many accounts at one address", "5 accounts have parcels sent to one address")
    ola.follow("Look at it Mei")
    ola.sees("What speaks for it", "Tom", "Omar", "Grace", "Wei")
    ola.press("Dismiss it")
    ola.sees("Say why; it is kept in the audit log.")
    ola.fill_in({"Why, for the record": "A shared flat; all five are students"})
    ola.press("Dismiss it")
    ola.sees("Dismissed. It comes back only with something new.")
    ola.open("/office/radar?state=dismissed")
    ola.sees("A shared flat; all five are students")
