"""Templates are compiled once for each language and say the same as if every sentence were looked up anew."""

import pytest
from flask import g, render_template
from jinja2 import DictLoader

SAID = {
    "plain.html": "{{ _('Sign in') }}|{{ gettext('Sign in') }}",
    "values.html": "{{ _('Earn %(points)s pts', points=points) }}",
    "markup.html": "{% macro strong(text) %}<b>{{ text }}</b>{% endmacro %}"
    "{{ strong(_('Sign in')) }}{{ _('Sign in') | upper }}",
    "percent.html": "{{ _('100%% of it') }}|{{ _('100%% of %(what)s', what='it') }}",
    "dynamic.html": "{{ _(sentence) }}|{{ ngettext('%(num)s item', '%(num)s items', 2) }}",
    "letter.txt": "{{ _('Earn %(points)s pts', points=points) }}",
    "calls.html": "{% macro outer() %}[{{ caller(2) }}]{% endmacro %}"
    "{% for n in (1,) %}{% call(m) outer() %}{{ n }}{{ m }}{% endcall %}{% endfor %}",
}


@pytest.fixture
def said(app):
    """Render one of SAID in a language."""
    app.jinja_env.loader = DictLoader(SAID)

    def said(name, code, **values):
        with app.test_request_context("/"):
            g.language = code
            return render_template(name, **values)

    return said


def test_a_sentence_is_said_in_the_readers_language(said):
    assert said("plain.html", "en") == "Sign in|Sign in"
    assert said("plain.html", "zh") == "登录|登录"
    assert said("plain.html", "en") == "Sign in|Sign in"


def test_values_are_put_in_and_escaped_on_html_pages_only(said):
    assert said("values.html", "en", points="<5>") == "Earn &lt;5&gt; pts"
    assert said("values.html", "en", points=7) == "Earn 7 pts"
    assert said("letter.txt", "en", points="<5>") == "Earn <5> pts"


def test_a_sentence_may_be_handed_to_parts_and_filters(said):
    assert said("markup.html", "en") == "<b>Sign in</b>SIGN IN"


def test_a_percent_sign_is_written_twice(said):
    assert said("percent.html", "en") == "100% of it|100% of it"


def test_a_sentence_that_comes_with_the_page_is_looked_up_as_the_page_is_made(said):
    assert said("dynamic.html", "zh", sentence="Sign in") == "登录|2 件商品"
    assert said("dynamic.html", "en", sentence="Sign in") == "Sign in|2 items"


def test_parts_that_call_back_see_what_is_around_them(said):
    assert said("calls.html", "en") == "[12]"


def test_mails_look_their_sentences_up_in_the_language_of_who_is_written_to(app):
    letter = app.jinja_env.from_string("{{ _('Sign in') }}")
    for code, words in (("zh", "登录"), ("en", "Sign in")):
        with app.app_context():
            g.language = code
            assert letter.render() == words
