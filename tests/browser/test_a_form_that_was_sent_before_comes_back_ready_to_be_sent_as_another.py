"""Who sends a form with another name, since the answer to the first never came, is told what it did, and then makes
another with the form as it was given back.
"""

import pytest

from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_second_coupon_is_made_with_the_first_ones_form(stage, visit, script):
    cast.hire("ola", at=NOON)
    ola = visit(DESK, script=script)
    ola.sign_in_staff("ola")
    ola.open("/office/coupons/new")
    ola.fill_in({"Name in English": "Ten off", "Amount (optional)": "10.00"})
    ola.fill_in({"For so many days after it was given (optional)": "30"})
    sent = {name: ola.page.locator(f"input[name={name}]").last.input_value() for name in ("key", "csrf_token")}
    ten = {"title_en": "Ten off", "kind": "amount", "amount_cents": "10.00", "valid_days": "30"}
    answer = ola.page.context.request.post(
        "/office/coupons/new", form=ten | {"scope": "all", "min_rank": "0"} | sent, max_redirects=0
    )
    assert answer.status == 302

    ola.fill_in({"Name in English": "Twelve off", "Amount (optional)": "12.00"})
    ola.press("Make the coupon")
    ola.sees("it has made the coupon “Ten off”", "Nothing more was done.", "send this form again for another")
    ola.press("Make the coupon")
    ola.sees("The coupon is made.", "Twelve off")

    ola.open("/office/coupons")
    ola.sees("Ten off", "Twelve off")
