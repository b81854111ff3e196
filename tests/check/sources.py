"""The mall's own text as syntax trees: which file is which room on which floor, and what it imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Imports go down only. Rooms named on one line stand on one floor and do not know each other.
FLOORS = (
    ("mall.base",),
    ("mall.domain.audit", "mall.domain.notices", "mall.domain.repeats"),
    ("mall.domain.approvals",),
    ("mall.domain.programme",),
    ("mall.domain.ledger", "mall.domain.catalogue", "mall.domain.cash", "mall.domain.people"),
    (
        "mall.domain.membership",
        "mall.domain.coupons",
        "mall.domain.interest",
        "mall.domain.consultation",
        "mall.domain.decoration",
        "mall.domain.cash_outs",
    ),
    ("mall.domain.earning",),
    ("mall.domain.checkout", "mall.domain.partners"),
    ("mall.domain.aftersales",),
    ("mall.domain.radar",),
    ("mall.domain.finance", "mall.domain.insight", "mall.domain.privacy"),
    ("mall.config",),
    ("mall.web.shared", "mall.gateway"),
    (
        "mall.web.store",
        "mall.web.office",
        "mall.web.finance",
        "mall.web.api",
        "mall.web.mail",
        "mall.web.hooks",
        "mall.web.sandbox",
    ),
    # The top floor knows everything, itself included.
    ("mall", "mall.cli", "mall.worker", "mall.demo"),
)
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
TOP = len(FLOORS) - 1
# Packages that hold rooms and nothing else.
CORRIDORS = {"mall.domain", "mall.web"}


@dataclass(frozen=True)
class Imported:
    """One imported name: the statement's module, the name taken from it, where, and whether by a relative path."""

    module: str
    name: str
    line: int
    relative: bool = False
    alias: str | None = None

    @property
    def called(self) -> str:
        """What it is called in the file that imports it."""
        return self.alias or self.name

    @property
    def full(self) -> str:
        """The dotted path of what was imported."""
        return f"{self.module}.{self.name}" if self.name else self.module


@dataclass
class Source:
    """A file of the mall, or a sample that stands for one."""

    path: str
    text: str
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        """The dotted name of this file: mall.domain.ledger.holds."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def room(self) -> str:
        """The room this file is in; empty when it stands on no floor."""
        return room_of(self.module)

    def at(self, node: ast.AST, complaint: str) -> str:
        """Say where something is and what is the matter with it."""
        return f"{self.path}:{getattr(node, 'lineno', 0)}: {complaint}"

    @cached_property
    def imports(self) -> list[Imported]:
        """Every name imported anywhere in the file, relative paths made absolute."""
        package = self.module if self.path.endswith("/__init__.py") else self.module.rpartition(".")[0]
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [Imported(alias.name, "", node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    above = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*above, *([node.module] if node.module else [])])
                found += [Imported(base, each.name, node.lineno, bool(node.level), each.asname) for each in node.names]
        return found


def room_of(module: str) -> str:
    """Return the room a module or a name in it belongs to: the longest floor entry that begins its path."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        candidate = ".".join(parts[:length])
        if candidate in FLOOR_OF and (candidate != "mall" or length == len(parts)):
            return candidate
    return ""


def files(folder: str = "mall") -> Iterator[Source]:
    """Yield every Python file below a folder of the repository."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield Source(path.relative_to(ROOT).as_posix(), path.read_text())
