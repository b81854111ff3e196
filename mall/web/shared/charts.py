"""Charts drawn on the server: data in, SVG out, no script, no style attribute.

Every figure of a chart also stands in a table beside it; the chart's name and figures are read out by `aria-label`.
Labels come in finished (translated, local); `write` turns a figure into the reader's words, such as `texts.number`.
Everything passes through `tag`, which escapes, so that no label can become markup.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

Write = Callable[[int], str]
Figure = int | float


class Bar(NamedTuple):
    """A bar of a waterfall: a balance (`total`) or what was added to it or taken from it. Label: lines by "\\n"."""

    label: str
    value: int
    total: bool = False


class Share(NamedTuple):
    """A part of a whole, or one of some to compare. Colour: pine, points, ok, warn, bad, info, mute, ink, lv1 to 5."""

    label: str
    value: int
    colour: str = "pine"
    note: str = ""


class Course(NamedTuple):
    """A course of the level pyramid: rank 1 to 5 is its glaze."""

    rank: int
    label: str
    members: int
    note: str = ""


class Line(NamedTuple):
    """A line over days. Colour: pine, points or mute; dashed tells lines apart without colour."""

    name: str
    values: Sequence[int]
    colour: str = "pine"
    dashed: bool = False


def grouped(figure: int) -> str:
    """Write a figure with separators: 18,420,600."""
    return f"{figure:,}"


def signed(figure: int, write: Write = grouped) -> str:
    """Write a change with its sign: +4,800, −613, ±0."""
    sign = "+" if figure > 0 else "−" if figure < 0 else "±"
    return sign + write(abs(figure))


def scale(low: Figure, high: Figure, *, steps: int = 4) -> list[Figure]:
    """Return round numbers for an axis that holds zero, `low` and `high`: 1, 2 or 5 times a power of ten apart."""
    low, high = min(low, 0), max(high, 0)
    if low == high:
        high = 1
    rough = (high - low) / steps
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    if step < 1:
        step = 1  # Points, cents and members are whole.
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * place) for place in range(first, last + 1)]


def waterfall(title: str, bars: Sequence[Bar], *, write: Write = grouped) -> Markup:
    """Draw how a balance became another: pine balances, persimmon adds, grey reduces."""
    spans = spans_of(bars)
    axis = scale(min(0, *(low for low, _ in spans)), max(0, *(high for _, high in spans)))
    width, height, top, bottom = 760, 320, 22, 46
    left = 14 + 7 * max(len(write(int(mark))) for mark in axis)
    y = ruler(axis, top=top, bottom=height - bottom)
    pitch = (width - left) / len(bars)
    broad = pitch * 0.62
    drawn = list(grid(axis, y, left=left, right=width, write=write))
    level = 0
    for place, (bar, (low, high)) in enumerate(zip(bars, spans, strict=True)):
        x = left + pitch * place + (pitch - broad) / 2
        level = bar.value if bar.total else level + bar.value
        colour = "pine" if bar.total else "points" if bar.value > 0 else "ink"
        tall = max(2.5, y(low) - y(high))
        drawn.append(tag("rect", class_=f"f-{colour}", x=x, y=y(high), width=broad, height=tall, rx=2))
        words = write(bar.value) if bar.total else signed(bar.value, write)
        drawn.append(tag("text", words, class_="t-mid t-strong", x=x + broad / 2, y=y(high) - 7))
        for row, part in enumerate(bar.label.split("\n")):
            drawn.append(tag("text", part, class_="t-mid", x=x + broad / 2, y=height - bottom + 19 + row * 15))
        if place < len(bars) - 1:
            drawn.append(tag("path", class_="link", d=f"M{short(x + broad)} {short(y(level))}h{short(pitch - broad)}"))
    figures = [(bar.label.replace("\n", " "), write(bar.value)) for bar in bars]
    return picture(title, figures, drawn, width=width, height=height, class_="chart chart-wide")


def spans_of(bars: Iterable[Bar]) -> list[tuple[int, int]]:
    """Return the lower and upper end of each bar of a waterfall."""
    spans, level = [], 0
    for bar in bars:
        start = 0 if bar.total else level
        level = bar.value if bar.total else level + bar.value
        spans.append((min(start, level), max(start, level)))
    return spans


def spark(title: str, values: Sequence[int], *, colour: str = "pine") -> Markup:
    """Draw a small line without axes, beside a figure that says the last value."""
    values = list(values) or [0]
    if len(values) == 1:
        values = values * 2
    low, spread = min(values), (max(values) - min(values)) or 1
    points = [(place * 88 / (len(values) - 1), 25 - (value - low) / spread * 22) for place, value in enumerate(values)]
    path = path_through(points)
    last_x, last_y = points[-1]
    drawn = (
        tag("path", class_="a-pine", d=f"{path}L88 28L0 28Z"),
        tag("path", class_=f"s-{colour}", d=path),
        tag("circle", class_=f"f-{colour}", cx=last_x, cy=last_y, r=2.6),
    )
    return picture(title, (), drawn, width=88, height=28, class_="spark")


def hbars(shares: Sequence[Share], *, write: Write = grouped) -> Markup:
    """List figures with a bar each, longest is full. A list, not a picture: its words are the text equivalent."""
    most = max((share.value for share in shares), default=0) or 1
    rows = [
        tag(
            "li",
            tag("span", share.label, class_="strong"),
            flat_bar([("sunken", 0, 100), (share.colour, 0, part_of(share.value, most))], class_="hb-bar"),
            tag(
                "span",
                tag("span", write(share.value), class_="strong"),
                *((tag("br"), tag("span", share.note, class_="small muted")) if share.note else ()),
                class_="num",
            ),
        )
        for share in shares
    ]
    return tag("ul", *rows, class_="hb")


def pyramid(
    title: str, courses: Sequence[Course], *, before: Sequence[int] | None = None, write: Write = grouped
) -> Markup:
    """Draw members by level, the top first, area by number. `before`: the numbers now, under a trial's."""
    if not courses:
        return picture(title, (), (), width=330, height=1, class_="chart")
    width, high, gap = (370, 40, 14) if before else (330, 46, 5)
    most = max([course.members for course in courses] + list(before or [])) or 1
    middle, widest = width * 0.28, width * 0.52
    drawn = []
    for place, course in enumerate(courses):
        y = place * (high + gap)
        broad = broadness(course.members, most, widest)
        drawn.append(
            tag("rect", class_=f"f-lv{course.rank}", x=middle - broad / 2, y=y, width=broad, height=high, rx=3)
        )
        drawn.append(tag("text", course.label, class_="t-strong", x=width * 0.6, y=y + 20))
        drawn.append(tag("text", course.note, x=width * 0.6, y=y + 36))
        drawn.append(tag("text", write(course.members), class_="t-end t-strong", x=width, y=y + 20))
        if before:
            broad = broadness(before[place], most, widest)
            drawn.append(
                tag("rect", class_="f-edge", x=middle - broad / 2, y=y + high + 2, width=broad, height=5, rx=2)
            )
            drawn.append(tag("text", signed(course.members - before[place], write), class_="t-end", x=width, y=y + 36))
    figures = [(course.label, f"{write(course.members)} {course.note}".strip()) for course in courses]
    return picture(title, figures, drawn, width=width, height=(high + gap) * len(courses), class_="chart")


def broadness(count: int, most: int, widest: float) -> float:
    """Return the width of a course: area grows with the number, the narrowest can still be seen."""
    return 40 + (widest - 40) * math.sqrt(max(count, 0) / most)


def lines(title: str, series: Sequence[Line], labels: Sequence[str], *, write: Write = grouped) -> Markup:
    """Draw figures over days, from zero. `labels` has one entry a day; empty ones are left out."""
    every = [value for line in series for value in line.values]
    axis = scale(min(every, default=0), max(every, default=0))
    width, height, top, bottom = 640, 220, 12, 26
    # As broad as the figures are on a telephone, where they are written larger.
    left = 14 + 9 * max(len(write(int(mark))) for mark in axis)
    y = ruler(axis, top=top, bottom=height - bottom)
    days = max([len(labels)] + [len(line.values) for line in series])

    def x(day: int) -> float:
        return left + (width - left - 8) * (day / (days - 1) if days > 1 else 0.5)

    drawn = list(grid(axis, y, left=left, right=width, write=write))
    for place, line in enumerate(series):
        points = [(x(day), y(value)) for day, value in enumerate(line.values)]
        if not points:
            continue
        path = path_through(points)
        if place == 0 and len(points) > 1:
            floor = short(y(0))
            drawn.append(
                tag("path", class_="a-pine", d=f"{path}L{short(points[-1][0])} {floor}L{short(x(0))} {floor}Z")
            )
        dash = {"stroke_dasharray": "6 3"} if line.dashed else {}
        drawn.append(tag("path", class_=f"s-{line.colour}", d=path, **dash))
        if len(points) == 1:
            drawn.append(tag("circle", class_=f"f-{line.colour}", cx=points[0][0], cy=points[0][1], r=3))
    for day, label in enumerate(labels):
        if label:
            last = day == days - 1 and days > 1
            drawn.append(
                tag("text", label, class_="t-end" if last else "t-mid", x=x(day) + (8 if last else 0), y=height - 6)
            )
    figures = [(line.name, ", ".join(write(value) for value in line.values)) for line in series]
    return picture(title, figures, drawn, width=width, height=height, class_="chart chart-mid")


def mix_bar(points_cents: int, cash_cents: int, *, label: str) -> Markup:
    """Draw how much of a price is paid with points."""
    share = part_of(points_cents, points_cents + cash_cents)
    return flat_bar([("mute", 0, 100), ("points", 0, share)], class_="mix-bar", label=label)


def stack_bar(title: str, shares: Sequence[Share], *, write: Write = grouped) -> Markup:
    """Draw the parts of a whole in one bar, in the order given."""
    whole = sum(max(share.value, 0) for share in shares)
    width, at, drawn = 720, 0.0, []
    for share in shares:
        broad = width * max(share.value, 0) / whole if whole else 0
        if broad:
            drawn.append(tag("rect", class_=f"f-{share.colour}", x=at, y=0, width=max(broad - 2, 1), height=34, rx=2))
        at += broad
    figures = [(share.label, write(share.value)) for share in shares]
    return picture(title, figures, drawn, width=width, height=34, class_="chart")


def flat_bar(parts: Iterable[tuple[str, float, float]], *, class_: str, label: str = "") -> Markup:
    """Draw (colour, from, width) parts of a bar 100 wide, stretched to its place. Without a label it is decoration."""
    rects = [tag("rect", class_=f"f-{colour}", x=at, width=broad, height=10) for colour, at, broad in parts]
    named = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return tag("svg", *rects, class_=class_, viewBox="0 0 100 10", preserveAspectRatio="none", **named)


def picture(
    title: str, figures: Iterable[tuple[str, str]], drawn: Iterable[Markup], *, width: int, height: int, class_: str
) -> Markup:
    """Wrap marks into an SVG that says its name and its figures to those who do not see it."""
    said = "; ".join(f"{label} {figure}".strip() for label, figure in figures)
    return tag(
        "svg",
        tag("title", title),
        *drawn,
        class_=class_,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=f"{title}: {said}" if said else title,
    )


def grid(
    axis: Sequence[Figure], y: Callable[[float], float], *, left: float, right: float, write: Write
) -> Iterable[Markup]:
    """Draw the lines of an axis with their figures; zero is the stronger one."""
    for mark in axis:
        yield tag("path", class_="grid-l" if mark else "axis", d=f"M{short(left)} {short(y(mark))}H{short(right)}")
        yield tag("text", write(int(mark)), class_="t-end", x=left - 8, y=y(mark) + 4)


def ruler(axis: Sequence[Figure], *, top: float, bottom: float) -> Callable[[float], float]:
    """Return what turns a figure into a height on the page."""
    low, high = axis[0], axis[-1]
    return lambda figure: bottom - (bottom - top) * (figure - low) / (high - low)


def part_of(value: int, whole: int) -> float:
    """Return a share in hundredths, 0 to 100; what is there at all can be seen."""
    if value <= 0 or whole <= 0:
        return 0
    return min(max(value / whole * 100, 0.8), 100)


def path_through(points: Iterable[tuple[float, float]]) -> str:
    """Return the path through points."""
    return "M" + "L".join(f"{short(x)} {short(y)}" for x, y in points)


def short(figure: float) -> str:
    """Return a coordinate with at most one decimal: 12.5, 12."""
    return f"{figure:.1f}".removesuffix(".0")


def tag(name: str, *content: str, **attributes: str | float) -> Markup:
    """Return an element, everything in it escaped. `class_` is class, `aria_label` is aria-label."""
    written = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{short(value) if isinstance(value, float) else escape(value)}"'
        for key, value in attributes.items()
    )
    inside = Markup("").join(content)
    void = name in ("rect", "path", "circle", "br")
    return Markup(f"<{name}{written}/>" if void else f"<{name}{written}>{inside}</{name}>")
