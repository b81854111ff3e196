"""On a telephone a row of a table is a card: what names it on top, then each value under its column's heading."""

import re
from pathlib import Path

import pytest
from markupsafe import Markup

from mall.config import ROOT
from mall.web.shared.tables import as_cards

HEADS = (
    '<thead><tr><th class="tick-cell"><span class="vh">Choose</span></th><th scope="col">Order</th>'
    '<th scope="col" class="num"><a href="?sort=points">Points &amp; &quot;more&quot;</a></th>'
    '<th scope="col">State</th><th scope="col"><span class="vh">Action</span></th></tr></thead>'
)


def table(*rows, foot=""):
    rows = "".join(rows)
    return as_cards(Markup(f'<table class="table">{HEADS}<tbody>{rows}</tbody><tfoot>{foot}</tfoot></table>'))


def cells(html):
    return re.findall(r"<(t[dh])( [^>]*)?>(.*?)</t[dh]>", html.partition("</thead>")[2])


ROW = (
    '<tr><td class="tick-cell"><input class="tick"></td><td><a href="/7">10007</a></td><td class="num">600</td>'
    "<td>–</td><td><a href='/7'>Open</a></td></tr>"
)


def test_a_picture_that_says_something_is_not_left_out():
    stars = '<span class="stars" role="img" aria-label="2 of 5 stars"><svg></svg></span>'

    assert cells(table(ROW.replace("<td>–</td>", f"<td>{stars}</td>")))[3] == ("td", ' data-label="State"', stars)


def test_each_cell_says_its_column_and_what_names_the_row_stands_on_top():
    found = cells(table(ROW))

    assert table(ROW).startswith('<table class="table table-cards table-stack"><thead>')
    assert found[0] == ("td", ' class="tick-cell"', '<input class="tick">')
    assert found[1] == ("td", ' class="lead"', '<a href="/7">10007</a>')
    assert found[2] == ("td", ' class="num" data-label="Points &amp; &#34;more&#34;"', "600")
    assert found[4] == ("td", "", "<a href='/7'>Open</a>")


def test_what_says_nothing_is_marked_and_an_empty_box_says_something():
    assert cells(table(ROW))[3] == ("td", ' class="none" data-label="State"', "–")
    assert "none" not in table('<tr><td></td><td>A</td><td><input value=""></td></tr>').partition("<input")[0][-60:]


@pytest.mark.parametrize(
    ("row", "top"),
    [
        ('<tr><td></td><th scope="row">March</th><td>x</td></tr>', "March"),
        ('<tr><td></td><td>words</td><td class="num lead">600</td></tr>', "600"),
        ('<tr><td class="num">1</td><td class="num">2</td></tr>', "1"),
        ('<tr><td class="num">1</td><td class="small">Goods</td></tr>', "Goods"),
    ],
)
def test_a_row_is_named_by_its_lead_its_heading_its_first_words_or_its_first_figure(row, top):
    lead = [shows for _tag, given, shows in cells(table(row)) if "lead" in (given or "")]

    assert top in lead


def test_a_cell_over_several_columns_moves_the_labels_behind_it_on():
    found = cells(table(foot='<tr><th scope="row" colspan="2">In all</th><td class="num">5</td><td>paid</td></tr>'))

    assert found[1][1] == ' class="num" data-label="Points &amp; &#34;more&#34;"'
    assert found[2][1] == ' data-label="State"'


def test_words_are_never_taken_for_markup():
    kept = table("<tr><td></td><td>&lt;td onclick=1&gt;</td><td>5</td></tr>")

    assert "&lt;td onclick=1&gt;" in kept and "<td onclick" not in kept


@pytest.mark.parametrize("page", sorted((ROOT / "templates").rglob("*.html")), ids=str)
def test_what_stands_in_cards_is_one_table_with_headings(page: Path):
    for part in re.findall(r"call stacked\(.*?endcall", page.read_text(), re.DOTALL):
        assert part.count("<table") == part.count("<thead>") == 1
