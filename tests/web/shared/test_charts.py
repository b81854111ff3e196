"""Charts say their figures in words, take any data without breaking, and never let a label become markup."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from mall.web.shared import charts
from mall.web.shared.charts import Bar, Course, Line, Share

EVIL = "<script>\"&'"
MONTH = [Bar("Opening\n1 Feb", 18_420_600, total=True), Bar("Issued", 4_812_300), Bar("Redeemed", -3_906_450)]


def drawings(label="Senior", values=(3, 1, 2)):
    """One of each chart, with the same label and values."""
    return {
        "waterfall": charts.waterfall(
            label, [Bar(label, value, total=not place) for place, value in enumerate(values)]
        ),
        "spark": charts.spark(label, values),
        "hbars": charts.hbars([Share(label, value, note=label) for value in values]),
        "pyramid": charts.pyramid(label, [Course(3, label, value, label) for value in values]),
        "trial": charts.pyramid(label, [Course(3, label, value) for value in values], before=[1] * len(values)),
        "lines": charts.lines(label, [Line(label, values), Line(label, values, "points", dashed=True)], [label] * 3),
        "mix_bar": charts.mix_bar(values[0], values[-1], label=label),
        "stack_bar": charts.stack_bar(label, [Share(label, value) for value in values]),
    }


def numbers_in(svg):
    """Every coordinate and length of a drawing."""
    return [float(found) for found in re.findall(r' (?:x|y|cx|cy|width|height)="([^"]+)"', svg)]


@pytest.mark.parametrize("values", [(3, 1, 2), (0, 0, 0), (5,), (7, -9, 4), (10**12, 1, 0)])
@pytest.mark.parametrize("name", drawings())
def test_any_data_gives_well_formed_markup_without_style_or_negative_lengths(name, values):
    svg = drawings(values=values)[name]

    root = ElementTree.fromstring(svg)

    assert not any("style" in element.attrib for element in root.iter())
    lengths = [float(found) for found in re.findall(r'(?:width|height)="([^"]+)"', svg)]
    assert all(length >= 0 for length in lengths)
    assert "nan" not in svg and "inf" not in svg


@pytest.mark.parametrize("name", drawings())
def test_a_label_is_never_markup(name):
    svg = drawings(label=EVIL)[name]

    root = ElementTree.fromstring(svg)

    assert "<script" not in svg
    assert not any(element.tag == "script" for element in root.iter())
    assert EVIL in [*root.itertext(), *root.attrib.values()] or EVIL in root.attrib["aria-label"]


def test_the_waterfall_reads_its_figures_out():
    svg = charts.waterfall("Roll-forward, February 2026", MONTH)

    name = ElementTree.fromstring(svg).attrib["aria-label"]

    assert name == "Roll-forward, February 2026: Opening 1 Feb 18,420,600; Issued 4,812,300; Redeemed -3,906,450"
    assert "<title>Roll-forward, February 2026</title>" in svg
    assert ">−3,906,450<" in svg and ">+4,812,300<" in svg


def test_a_change_starts_where_the_one_before_ended():
    assert charts.spans_of(MONTH) == [(0, 18_420_600), (18_420_600, 23_232_900), (19_326_450, 23_232_900)]


def test_a_balance_below_zero_hangs_from_the_axis():
    bars = [Bar("Opening", 100, total=True), Bar("Taken back", -250), Bar("Closing", -150, total=True)]

    assert charts.spans_of(bars) == [(0, 100), (-150, 100), (-150, 0)]
    assert "−250" in charts.waterfall("Debt", bars)


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 23_232_900, [0, 10_000_000, 20_000_000, 30_000_000]),
        (0, 4, [0, 1, 2, 3, 4]),
        (0, 0, [0, 1]),
        (0, 1, [0, 1]),
        (12, 97, [0, 50, 100]),
        (-150, 100, [-200, -100, 0, 100]),
        (-7, -3, [-8, -6, -4, -2, 0]),
    ],
)
def test_the_axis_holds_zero_and_every_figure_in_round_steps(low, high, marks):
    assert charts.scale(low, high) == marks


@pytest.mark.parametrize("high", [1, 3, 9, 10, 99, 101, 1_590, 24_999, 10**9 + 7])
def test_every_axis_has_even_steps_and_few_of_them(high):
    marks = charts.scale(0, high)

    steps = {after - before for before, after in pairwise(marks)}
    assert len(steps) == 1 and marks[0] == 0 and marks[-1] >= high
    assert 2 <= len(marks) <= 6


def test_figures_are_written_the_readers_way():
    svg = charts.hbars([Share("0–3 months", 9_214_300)], write=lambda figure: f"{figure:,}".replace(",", "."))

    assert "9.214.300" in svg


def test_the_longest_bar_is_full_and_nothing_has_no_bar():
    svg = charts.hbars([Share("a", 50), Share("b", 100), Share("c", 0), Share("d", 1_000_000 // 10**6)])

    widths = [float(width) for width in re.findall(r'f-pine" x="0" width="([^"]+)"', svg)]
    assert widths == [50, 100, 0, 1]


def test_one_day_is_a_dot():
    svg = charts.lines("Points", [Line("Earned", [40])], ["14 Mar"])

    assert "<circle" in svg and "14 Mar" in svg


def test_no_rows_is_an_empty_picture():
    assert "<rect" not in charts.pyramid("Levels", [])
    assert "<rect" not in charts.stack_bar("Ageing", [])
    assert charts.hbars([]) == '<ul class="hb"></ul>'


def test_drawings_stay_inside_their_frame():
    for svg in (charts.waterfall("w", MONTH), charts.lines("l", [Line("a", [1, 5, 3])], ["", "", "x"])):
        width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
        assert all(0 <= number <= max(width, height) for number in numbers_in(svg))
