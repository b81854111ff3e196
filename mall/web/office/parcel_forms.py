"""Forms of what leaves the house: one parcel with what is in it, several at once, and a carrier's file."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired

from mall.domain import checkout
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.pieces import asking_for_pieces


class ParcelForm(Form):
    """A parcel that leaves."""

    carrier = StringField(_l("Carrier"), [DataRequired(_l("Enter the carrier.")), at_most(60)], filters=[one_line])
    tracking = StringField(
        _l("Tracking number"), [DataRequired(_l("Enter the tracking number.")), at_most(80)], filters=[one_line]
    )


class ManyForm(Form):
    """Parcels of several orders: one carrier, a tracking number each."""

    carrier = StringField(_l("Carrier"), [DataRequired(_l("Enter the carrier.")), at_most(60)], filters=[one_line])


class FileForm(Form):
    """A carrier's file of tracking numbers; once shown, it is sent along with the confirmation as `text`."""

    file = FileField(_l("CSV file"))
    text = HiddenField()


def parcel_form(lines: Sequence[Any], **given: Any) -> ParcelForm:
    """Return the form of a parcel: it asks how many pieces of each line are in it, all that is left filled in.

    Whether so many are left says the parcel itself, so that one that is pressed twice is answered as the first.
    """
    most = {line.line: line.quantity for line in lines if not line.digital}
    left = checkout.left_to_ship(lines)
    return asking_for_pieces(ParcelForm, lines, most, filled=left)(**given)


def tracking_field(number: str) -> StringField:
    """Return the field of an order's tracking number."""
    return StringField(_l("Tracking number of order %(number)s", number=number), [at_most(80)], filters=[one_line])


def many_form(numbers: Sequence[str], **given: Any) -> ManyForm:
    """Return the form of several orders' parcels, a field `tracking-10007` for each."""
    fields = {f"tracking-{number}": tracking_field(number) for number in numbers}
    return type("ManyForm", (ManyForm,), fields)(**given)
