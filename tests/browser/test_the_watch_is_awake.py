"""The browser tests can fail: an error in the console, another host, an inaccessible or too wide page are all seen."""

import pytest


@pytest.fixture
def show(site, phone_page):
    """Show a page with this body, under the mall's own headers, or without its content policy."""
    bodies: list[tuple[str, bool]] = []

    @site.app.get("/shown")
    def shown():
        body, protected = bodies[-1]
        headers = {} if protected else {"Content-Security-Policy": "img-src *; script-src 'unsafe-inline'"}
        head = "<!doctype html><html lang=en><title>Shown</title><link rel=icon href=data:,>"
        return f"{head}<main><h1>Shown</h1>{body}</main>", headers

    def visit(body: str, *, protected: bool = True):
        bodies.append((body, protected))
        phone_page.goto("/shown", wait_until="networkidle")
        return phone_page

    return visit


def test_a_quiet_page_is_left_alone(show, watch, assert_accessible, assert_fits):
    page = show("<p>Nothing to see</p>")

    assert watch.verdict() == []
    assert_accessible(page)
    assert_fits(page)


@pytest.mark.parametrize(
    "body",
    [
        "<script>console.error('oh')</script>",
        "<script>console.warn('oh')</script>",
        "<script>undefined_thing.go()</script>",
        "<img alt='' src='/no-such-picture.png'>",
        "<img alt='' src='http://127.0.0.1:9/elsewhere.png'>",
    ],
)
def test_noise_is_heard(show, watch, body):
    show(body, protected=False)

    assert watch.verdict()
    watch.forget()


@pytest.mark.parametrize("body", ["<script>alert(1)</script>", "<p style='color: red'>Red</p>"])
def test_the_policy_stops_what_is_written_into_a_page(show, watch, body):
    show(body)

    assert any("Content Security Policy" in complaint for complaint in watch.verdict())
    watch.forget()


def test_a_page_that_answers_404_is_no_noise(phone_page, watch):
    phone_page.goto("/no-such-page")

    assert watch.verdict() == []


def test_an_inaccessible_page_is_seen(show, assert_accessible):
    page = show("<button></button>")

    with pytest.raises(AssertionError, match="button-name"):
        assert_accessible(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_faint_word_on_a_page_that_was_looked_at_before_is_seen(show, watch, assert_accessible, theme):
    style = f"<style>@media (prefers-color-scheme: {theme}) {{ b {{ color: #777; background: #888 }} }}</style>"
    assert_accessible(show(f"{style}<p>As it was</p>", protected=False))
    page = show(f"{style}<p>As it was</p><p><b>faint</b></p>", protected=False)

    with pytest.raises(AssertionError, match=rf"\({theme}\) color-contrast"):
        assert_accessible(page)
    watch.forget()


def test_a_page_too_wide_is_seen(show, watch, assert_fits):
    page = show("<div style='width: 900px'>wide</div>", protected=False)

    with pytest.raises(AssertionError, match="wider than the screen"):
        assert_fits(page)
    watch.forget()
