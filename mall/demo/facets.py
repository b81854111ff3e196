"""What the demo's shop asks of sizes and style, and what some members have answered."""

from datetime import datetime

from mall.base.db import transaction
from mall.domain import earning, people, programme

from .story import Shopper

QUESTIONS = (
    ("sizes", {"en": "Apron size", "zh": "围裙尺码"}, [{"en": each, "zh": each} for each in ("S", "M", "L")]),
    (
        "style",
        {"en": "Favourite glaze", "zh": "喜爱的釉色"},
        [{"en": "Celadon", "zh": "青瓷"}, {"en": "Ivory", "zh": "象牙白"}, {"en": "Cobalt", "zh": "钴蓝"}],
    ),
)
# Of so many members one has answered.
ONE_IN = 25


def ask(members: list[Shopper], *, terms: programme.Programme, by: str, at: datetime) -> None:
    """Ask members for a size and a taste, and let some answer."""
    with transaction():
        asked = [
            people.make_facet(kind, name, choices, place=place, by=by, at=at)
            for place, (kind, name, choices) in enumerate(QUESTIONS)
        ]
    for number, shopper in enumerate(members[::ONE_IN]):
        if shopper.name == "mei":
            continue
        with transaction():
            chosen: dict[int, int | None] = {facet: number % 3 for facet in asked}
            people.tell_facets(shopper.member_id, chosen, at=at)
            earning.told(shopper.member_id, earning.SIZES_TOLD, earning.STYLE_TOLD, terms=terms, at=at)
