"""Tender: how a member may share a basket's cash between points and money. Pure."""

from msgspec import Struct

from .quote import Quote, Rules


class Preset(Struct, frozen=True):
    """One ready choice at the switch: its name, the points it takes and the cents they save."""

    name: str
    points: int
    cents: int


class Switch(Struct, frozen=True):
    """The points switch of a checkout. Points and cents; `limit` says what bounds it: "cap", "ready" or "least"."""

    used: int
    used_cents: int
    most: int
    most_cents: int
    presets: tuple[Preset, ...]
    limit: str


def switch_for(quote: Quote, *, rules: Rules, ready_points: int, expiring_points: int = 0) -> Switch:
    """Return the switch for a quote and a member with so many points ready, some of which expire soon."""
    priced = sum(line.price_points for line in quote.lines)
    free = max(0, ready_points - priced)
    most = min(quote.most_switch_points, free)
    # What expires first pays first, so what the lines cost in points takes of it before the switch does.
    expiring_points = max(0, expiring_points - priced)
    choices = [("none", 0), ("half", most // 2), ("most", most)]
    if 0 < expiring_points < most:
        choices.append(("expiring", expiring_points))
    return Switch(
        used=quote.switch_points,
        used_cents=quote.saved_cents,
        most=most,
        most_cents=rules.worth_of(most),
        presets=tuple(Preset(name, points, rules.worth_of(points)) for name, points in choices),
        limit=quote.limited_by or ("ready" if free < quote.most_switch_points else "cap"),
    )
