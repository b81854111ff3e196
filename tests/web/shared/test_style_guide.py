"""The style page shows every macro, and what it shows needs no inline style, no inline script and no missing file."""

import json
import re

import pytest

from mall.config import ROOT
from mall.web.shared import style_guide

STATIC = ROOT / "static"
SHEETS = ("tokens", "parts", "store", "office", "finance", "style_guide")


@pytest.fixture
def guide(app):
    with app.test_request_context("/style?q=tea&category=cups&page=4"):
        return style_guide.page()


def test_nothing_is_inline(guide):
    assert not re.search(r"<[^>]+\s(style|on\w+|hx-on\S*)=", guide)
    assert not re.search(r"<script(?![^>]*\bsrc=)", guide)
    assert "<style" not in guide


def test_every_icon_and_picture_exists(guide):
    sprite = (STATIC / "img" / "icons.svg").read_text()
    symbols = set(re.findall(r'<symbol id="([^"]+)"', sprite))

    assert set(re.findall(r"icons\.svg#([\w-]+)", guide)) <= symbols
    for file in re.findall(r'(?:src|href)="/static/([^"#?]+)"', guide):
        assert (STATIC / file).is_file(), file


def test_every_icon_that_a_template_names_is_drawn():
    named = set()
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r"\bicon\('([a-z]+)'", template.read_text()))

    assert named <= set(style_guide.ICONS)


def test_every_class_on_the_page_has_a_rule_or_is_known_not_to_need_one(guide):
    ruled = {
        name
        for sheet in SHEETS
        for name in re.findall(r"\.([a-zA-Z][\w-]*)", (STATIC / "css" / f"{sheet}.css").read_text())
    }
    used = {name for names in re.findall(r'\sclass="([^"]*)"', guide) for name in names.split()}

    assert used - ruled <= {"rows-none"}


def test_the_layer_order_is_said_once_and_nothing_shouts():
    sheets = {
        sheet: re.sub(r"/\*.*?\*/", "", (STATIC / "css" / f"{sheet}.css").read_text(), flags=re.S) for sheet in SHEETS
    }

    assert [sheet for sheet, text in sheets.items() if re.search(r"@layer [\w, ]+;", text)] == ["tokens"]
    assert not any("!important" in text or "@import" in text or "url(" in text for text in sheets.values())


def test_the_list_of_pictures_names_every_drawing():
    pictures = json.loads((STATIC / "art" / "index.json").read_text())

    assert {picture["file"] for picture in pictures} == {file.name for file in (STATIC / "art").glob("*-*.svg")}
    assert all(picture["alt_en"] and picture["alt_zh"] and picture["motif"] for picture in pictures)


def test_every_macro_is_shown():
    page = (ROOT / "templates" / "shared" / "style_guide.html").read_text()
    unseen = {"brand", "count", "flashes", "glyph", "shade", "tile", "unit", "date", "htmx"}  # Parts of others.

    for file, apart in (("macros.html", unseen), ("forms.html", {"error_items", "errors_of", "hint_of", "described"})):
        macros = set(re.findall(r"{% macro (\w+)\(", (ROOT / "templates" / "shared" / file).read_text()))
        shown = {name for name in macros if re.search(rf"\b{name}\(", page)}
        assert macros - shown <= apart, macros - shown - apart
