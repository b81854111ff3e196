"""Places: which level takes the place of one when the shop's levels become others.

A level that has the same key in the new version is the same level, whatever its name, number and thresholds. One that
is there no more becomes the lowest that takes at least as much growth, or else the top.
"""

from mall.domain import programme


def place_of(rank: int, *, before: programme.Programme, now: programme.Programme) -> int:
    """Return the rank that a level of one version has in another. Pure."""
    was = before.level(rank)
    for level in now.levels:
        if level.key == was.key:
            return level.rank
    return next((level.rank for level in now.levels if level.reach >= was.reach), now.levels[-1].rank)
