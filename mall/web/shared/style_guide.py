"""The living style page: every part of the look on one page, rendered by the macros that the faces use.

Served in demo mode only; the samples below are the only data it has.
"""

import re

from flask import render_template
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    EmailField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput

from mall.config import ROOT

from . import charts, texts

LEVELS = [
    {"rank": rank, "name": name}
    for rank, name in enumerate(("Registered", "Ordinary", "Senior", "VIP", "SVIP"), start=1)
]
COLOURS = [
    ("pine", "Pine", "Actions, links"),
    ("points", "Persimmon", "Points, streaks"),
    ("ok", "Fern", "Passed, in stock"),
    ("warn", "Amber", "Expiring, low"),
    ("bad", "Brick", "Errors, failed"),
    ("info", "Cobalt", "On its way"),
    ("ink", "Ink", "Text"),
    ("mute", "Line", "Dividers"),
    *((f"lv{level['rank']}", level["name"], "Level") for level in LEVELS),
]
ICONS = re.findall(r'id="i-(\w+)"', (ROOT / "static" / "img" / "icons.svg").read_text())


class SampleForm(FlaskForm):
    """One field of every kind, two of them with something to mend."""

    name = StringField("Recipient name")
    points = IntegerField("Points to add", description="Up to 1,000 without a second person")
    postcode = StringField("Postcode", description="5 digits, such as 97201")
    email = EmailField("E-mail")
    level = SelectField("Lowest level", choices=[SelectChoice("", "Everyone"), SelectChoice("3", "Senior")])
    note = TextAreaField("Note")
    picture = FileField("Photo of the damage", description="JPEG, PNG or WebP, up to 10 MB")
    hide = BooleanField("Hide sold out", default=True)
    pay = SelectMultipleField(
        "How to pay",
        choices=[SelectChoice("points", "Points only"), SelectChoice("mix", "Points + cash")],
        default=["points"],
        option_widget=CheckboxInput(),
    )
    why = RadioField(
        "What went wrong?",
        choices=[
            SelectChoice("damaged", "It arrived damaged"),
            SelectChoice("other", "It is not what I expected"),
            SelectChoice("late", "It is not here"),
        ],
        default="damaged",
    )


def page() -> str:
    """Render the style page."""
    form = SampleForm(formdata=None)
    form.postcode.data = "9720"
    form.postcode.errors = ["Enter a postcode with 5 digits"]
    form.name.errors = ["Enter the name on the parcel"]
    return render_template(
        "shared/style_guide.html",
        form=form,
        levels=LEVELS,
        colours=COLOURS,
        icons=ICONS,
        drawn=drawings(),
    )


def drawings() -> dict[str, str]:
    """Return one of each chart, by name."""
    write = texts.number
    return {
        "waterfall": charts.waterfall(
            "Points roll-forward, February 2026",
            [
                charts.Bar("Opening\n1 Feb", 18_420_600, total=True),
                charts.Bar("Issued", 4_812_300),
                charts.Bar("Redeemed", -3_906_450),
                charts.Bar("Expired", -612_800),
                charts.Bar("Returned\nto members", 148_200),
                charts.Bar("Adjusted", -21_350),
                charts.Bar("Closing\n28 Feb", 18_840_500, total=True),
            ],
            write=write,
        ),
        "lines": charts.lines(
            "Points earned and redeemed, last 7 days",
            [
                charts.Line("Earned", [132_000, 141_000, 150_000, 138_000, 160_000, 171_000, 168_000]),
                charts.Line(
                    "Redeemed", [98_000, 120_000, 101_000, 126_000, 119_000, 134_000, 140_000], "points", True
                ),
            ],
            ["8 Mar", "", "10 Mar", "", "12 Mar", "", "14 Mar"],
            write=write,
        ),
        "hbars": charts.hbars(
            [
                charts.Share("0–3 months", 9_214_300, "pine", "48.9 %"),
                charts.Share("3–6 months", 5_102_700, "ok", "27.1 %"),
                charts.Share("Expires in 30 days", 365_200, "bad", "1.9 %"),
            ],
            write=write,
        ),
        "stack": charts.stack_bar(
            "Points outstanding by age",
            [
                charts.Share("0–3 months", 9_214_300, "pine"),
                charts.Share("3–6 months", 5_102_700, "ok"),
                charts.Share("6–9 months", 2_846_100, "info"),
                charts.Share("9–12 months", 1_312_200, "warn"),
                charts.Share("Expires in 30 days", 365_200, "bad"),
            ],
            write=write,
        ),
        "pyramid": charts.pyramid(
            "Members by level",
            [
                charts.Course(5, "SVIP", 865, "0.9 %"),
                charts.Course(4, "VIP", 4_180, "4.5 %"),
                charts.Course(3, "Senior", 11_305, "12.3 %"),
                charts.Course(2, "Ordinary", 27_640, "30.0 %"),
                charts.Course(1, "Registered", 48_210, "52.3 %"),
            ],
            write=write,
        ),
        "trial": charts.pyramid(
            "Members by level if this trial went live",
            [
                charts.Course(5, "SVIP", 865, "0.9 %"),
                charts.Course(4, "VIP", 3_795, "4.1 %"),
                charts.Course(3, "Senior", 13_240, "14.4 %"),
                charts.Course(2, "Ordinary", 26_090, "28.3 %"),
                charts.Course(1, "Registered", 48_210, "52.3 %"),
            ],
            before=[865, 4_180, 11_305, 27_640, 48_210],
            write=write,
        ),
        "spark": charts.spark("Points redeemed, 7 days", [98, 120, 101, 126, 119, 134, 140]),
        "mix": charts.mix_bar(900, 690, label="57% paid with points"),
    }
