"""No float where points or money go: not as a literal, not as a type, not by dividing, not in a column or template."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jinja2 import Environment, nodes
from sqlalchemy import Float, MetaData, Numeric

from tests.check.sources import ROOT, Source, files

# How names of points and money are told in a template.
AMOUNTS = ("cents", "points", "worth")
ROUNDING = ("float", "round")
TEMPLATES = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
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


def floats_in_template(path: str, text: str) -> Iterator[str]:
    """Yield a complaint for every float that a template makes of points or money."""
    tree = TEMPLATES.parse(text, path)
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name in ROUNDING:
            yield f"{path}:{filtered.lineno}: | {filtered.name}; give the template the whole number to show"
    for division in tree.find_all(nodes.Div):
        if any(amount in name for name in _names_in(division) for amount in AMOUNTS):
            yield f"{path}:{division.lineno}: / makes a float of points or money; work it out before the template"


def floats_in_templates() -> Iterator[str]:
    """Yield the complaints of all templates."""
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in (".html", ".txt"):
            yield from floats_in_template(path.relative_to(ROOT).as_posix(), path.read_text())


def _names_in(node: nodes.Div) -> Iterator[str]:
    for part in [node.left, node.right]:
        for each in [part, *part.find_all((nodes.Name, nodes.Getattr))]:
            if isinstance(each, nodes.Name):
                yield each.name
            elif isinstance(each, nodes.Getattr):
                yield each.attr


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
    complaints += floats_in_templates()
    print("\n".join(complaints) or "no float in money or points")
    sys.exit(bool(complaints))
