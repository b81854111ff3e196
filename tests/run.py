"""The whole suite, part by part: what was found to run it with, what each part found, and how long it took.

`python tests/run.py` runs everything, `python tests/run.py base domain` only those parts. With CI=true a test that
is left out is a failure.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import chromium, postgresql  # noqa: E402 - Found by the line above when run as a script.

BASE = [
    "tests/base",
    *(f"tests/test_{name}.py" for name in ("architecture", "foundation", "prove", "sound", "ground", "check", "run")),
]
DOMAIN = ["tests/domain"]
BROWSER = ["tests/browser"]
SQLITE = "not postgresql and not concurrency and not browser"
CLOSING = re.compile(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+ in [\d.]+s)", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """A share of the suite: its name, what it is about, in which files it is, by which marks. A test is in one."""

    name: str
    about: str
    paths: list[str]
    marks: str = ""
    but: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """How pytest finds it."""
        return [*self.paths, *(["-m", self.marks] if self.marks else []), *(f"--ignore={path}" for path in self.but)]


PARTS = [
    Part("base", "pure tests, foundation and plan", BASE, SQLITE),
    Part("domain", "the domain on SQLite", DOMAIN, SQLITE),
    Part("postgresql", "PostgreSQL and races", ["tests"], "(postgresql or concurrency) and not browser"),
    Part("web", "the faces, security, everything else", ["tests"], SQLITE, but=(*BASE, *DOMAIN, *BROWSER)),
    Part("browser", "stories in a real browser", BROWSER),
]


@dataclass(frozen=True)
class Outcome:
    """What a part came to: pytest's own closing line, its counts, the seconds it took."""

    part: Part
    closing: str
    counts: dict[str, int]
    seconds: float
    ok: bool


def run(part: Part, workers: int) -> Outcome:
    """Run a part, its output shown as it comes."""
    print(f"\n== {part.name}: {part.about}", flush=True)
    started = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-n", str(workers), *part.arguments]
    # What Python compiled is kept for the next part, even where it is not wanted for other work.
    keeping = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=keeping, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout
    output = []
    for line in process.stdout:
        output.append(line)
        print(line, end="", flush=True)
    status = process.wait()
    found = CLOSING.findall("".join(output))
    closing = found[-1] if found else f"no result (pytest ended with {status})"
    counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", closing)} if found else {}
    left_out = os.environ.get("CI") == "true" and bool(counts.get("skipped"))
    return Outcome(part, closing, counts, time.perf_counter() - started, status == 0 and not left_out)


def what_is_here() -> None:
    """Say which servers and programs the suite is run with."""
    print(f"Python {sys.version.split()[0]} on {os.cpu_count()} processors")
    print(f"PostgreSQL: {postgresql.what_is_here()}")
    print(f"Browser: {chromium.what_is_here()}", flush=True)


def main(names: list[str]) -> int:
    """Run the named parts, or all. Returns the exit status."""
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        print(f"No such part: {', '.join(sorted(unknown))}. Parts: {', '.join(part.name for part in PARTS)}.")
        return 2
    chosen = [part for part in PARTS if not names or part.name in names]
    what_is_here()
    workers = int(os.environ.get("TEST_WORKERS", min(os.cpu_count() or 1, 4)))
    outcomes = [run(part, workers) for part in chosen]
    total: dict[str, int] = {}
    for outcome in outcomes:
        for word, count in outcome.counts.items():
            total[word] = total.get(word, 0) + count
    print(f"\n{'part':<12}{'seconds':>8}  result")
    for outcome in outcomes:
        mark = "" if outcome.ok else "  <- NOT GOOD"
        print(f"{outcome.part.name:<12}{outcome.seconds:8.1f}  {outcome.closing}{mark}")
    seconds = sum(outcome.seconds for outcome in outcomes)
    print(f"{', '.join(f'{count} {word}' for word, count in total.items())} in {seconds:.2f}s")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
