"""The suite is run by parts: whatever a test is marked with, and wherever it stands, it is in exactly one of them."""

from itertools import combinations
from pathlib import Path

import pytest

from tests.run import BROWSER, PARTS, ROOT, Part

MARKS = ("postgresql", "concurrency", "soak", "alone", "breaks_the_books")
FILES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py"))


def takes(part: Part, file: str, marks: set[str]) -> bool:
    """Tell whether a part takes a test of a file with these marks, as pytest would."""

    def below(places) -> bool:
        return any(Path(file).is_relative_to(place) for place in places)

    known = dict.fromkeys((*MARKS, "browser"), False) | dict.fromkeys(marks, True)
    return below(part.paths) and not below(part.but) and (not part.marks or eval(part.marks, {}, known))


@pytest.mark.parametrize("file", FILES)
def test_every_test_is_in_exactly_one_part(file):
    browser = {"browser"} if Path(file).is_relative_to(BROWSER[0]) else set()
    for count in range(len(MARKS) + 1):
        for chosen in combinations(MARKS, count):
            parts = [part.name for part in PARTS if takes(part, file, browser | set(chosen))]
            assert len(parts) == 1, f"{file} with {chosen}: {parts}"


def test_what_needs_a_server_is_run_with_one():
    (part,) = [part.name for part in PARTS if takes(part, "tests/test_limit.py", {"postgresql"})]

    assert part == "postgresql"


def test_every_place_a_part_names_is_there():
    for part in PARTS:
        assert all((ROOT / place).exists() for place in (*part.paths, *part.but)), part.name
