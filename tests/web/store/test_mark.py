"""A browser that asks for the shop's mark at the address every browser knows gets it, and keeps it."""


def test_the_mark_is_where_every_browser_looks_for_it(client, shop, count_statements):
    answer = client.get("/favicon.ico")

    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert answer.data.startswith(b"<svg")
    assert answer.cache_control.public
    assert answer.cache_control.max_age >= 24 * 3600
    assert count_statements == []


def test_a_signed_in_member_may_keep_it_as_well(app, mei, sign_in):
    browser = app.test_client()
    sign_in(browser, mei)

    answer = browser.get("/favicon.ico")

    assert answer.cache_control.public
    assert "Set-Cookie" not in answer.headers
