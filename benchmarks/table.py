"""The table that a run prints: what was measured, the goal, and whether it was met."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A line of the table. `met` is None where there is no goal."""

    what: str
    database: str
    measured: str
    goal: str = ""
    met: bool | None = None


def at_least(what: str, database: str, measured: str, *, value: float, goal: float, words: str) -> Figure:
    """Return a figure that is to be at least its goal."""
    return Figure(what, database, measured, f">= {words}", value >= goal)


def at_most(what: str, database: str, measured: str, *, value: float, goal: float, words: str) -> Figure:
    """Return a figure that is to be at most its goal."""
    return Figure(what, database, measured, f"<= {words}", value <= goal)


def lines(figures: list[Figure]) -> list[str]:
    """Return the table, its columns as wide as they need to be."""
    said = {True: "yes", False: "NO", None: ""}
    rows = [("what", "database", "measured", "goal", "met")]
    rows += [(each.what, each.database, each.measured, each.goal, said[each.met]) for each in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    written = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [written[0], "  ".join("-" * width for width in widths), *written[1:]]
