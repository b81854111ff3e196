"""Pictures that members send along with a review or a return: so often in an hour, each read before it is kept."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from werkzeug.datastructures import FileStorage

from mall.domain import catalogue, people
from mall.web.shared.signing_in import count_or_refuse, me

# To read one takes up to a second of the server, whether it is then kept or not.
SENT_BY_MEMBER = people.Limit("pictures-member", 30, timedelta(hours=1))


def prepare_sent(files: Sequence[FileStorage], *, into: list[catalogue.Prepared], folder: Path) -> None:
    """Count the try, then read the pictures one by one into a list: of a refusal it holds what came before.

    Raises TooManyTries, BadPicture.
    """
    if files:
        count_or_refuse(SENT_BY_MEMBER, str(me()))
    for file in files:
        into.append(catalogue.prepare_picture(file.read(), folder=folder))
