"""The store's frame is kept for all to whom it looks the same; what differs shows at once, and no token is kept."""

import re

from tests import cast

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def test_each_visitor_has_a_token_of_their_own(make_app):
    app = make_app(WTF_CSRF_ENABLED=True)
    pages = [app.test_client().get("/shop").text for _ in range(2)]
    tokens = [set(TOKEN.findall(page)) for page in pages]
    assert all(tokens)
    assert not tokens[0] & tokens[1]


def test_signing_in_and_the_language_show_at_once(client, mei):
    assert 'href="/sign-in"' in client.get("/shop").text
    cast.sign_in(client, mei)
    page = client.get("/shop").text
    assert 'href="/sign-in"' not in page
    assert ">Mei</a>" in page
    answer = client.post("/language", data={"language": "zh", "next": "/shop"}, follow_redirects=True)
    assert "会员中心" in answer.text
    assert "Member centre" not in answer.text


def test_the_page_that_is_open_is_marked(client, shop):
    marked = re.compile(r'<a href="([^"]+)" aria-current="page">')
    assert set(marked.findall(client.get("/").text)) == {"/"}
    assert set(marked.findall(client.get("/shop").text)) == {"/shop"}
    assert set(marked.findall(client.get("/").text)) == {"/"}


def test_pages_of_the_member_centre_are_marked_under_it(client, mei):
    cast.sign_in(client, mei)
    for page in ("/levels", "/member/growth", "/reviews", "/wishes", "/account/partners", "/shares"):
        assert client.get(page).text.count('<a href="/member" aria-current="page">') == 2  # The menu, and the tabs.
    assert client.get("/wallet/cash").text.count('<a href="/wallet" aria-current="page">') == 1


def test_what_is_searched_for_stays_in_the_box(client, shop):
    assert 'id="site-search" name="q" type="search" maxlength="100" value="tea"' in client.get("/shop?q=tea").text
    assert 'id="site-search" name="q" type="search" maxlength="100" value="cup"' in client.get("/shop?q=cup").text
