"""No float where points or money go: not as a literal, not as a type, not by dividing, not in a column."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import Float, MetaData, Numeric

from tests.check.sources import Source, files

EXACT = {"Fraction", "Decimal"}
PATHLIKE = ("folder", "path", "directory", "root", "parent")


def concerns(source: Source) -> bool:
    """Tell whether a file handles points or money: all of the domain, and the arithmetic of the base."""
    return source.path.startswith("mall/domain/") or source.path == "mall/base/money.py"


def floats_in(source: Source) -> Iterator[str]:
    """Yield a complaint for every float in a file that handles points or money."""
    if not concerns(source):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield source.at(node, f"the float {node.value}; use whole cents and points, or a Fraction")
        elif isinstance(node, ast.Name) and node.id == "float":
            yield source.at(node, "float; points and money are ints, shares are Fractions")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not _exact(node):
            yield source.at(node, "/ makes a float of two ints; write Fraction(a, b), or a // b")


def floats_among_columns(metadata: MetaData) -> Iterator[str]:
    """Yield a complaint for every column that would keep a rounded number."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Float | Numeric):
                yield f"{table.name}.{column.name} is a {column.type}; points and cents are whole numbers"


def _exact(node: ast.BinOp | ast.AugAssign) -> bool:
    """Tell whether a division is plainly one of Fractions or Decimals, or joins a path."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in EXACT | {"Path"}:
            return True
        if isinstance(part, ast.Name | ast.Attribute):
            name = part.id if isinstance(part, ast.Name) else part.attr
            if any(word in name.lower() for word in PATHLIKE):
                return True
    return isinstance(node, ast.BinOp) and any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


if __name__ == "__main__":
    complaints = [complaint for source in files() for complaint in floats_in(source)]
    print("\n".join(complaints) or "no float in money or points")
    sys.exit(bool(complaints))
