"""What tests take hold of by its name as text - `setattr(paying, "tell_placed", ...)` - is there under that name."""

import builtins
from ast import AST, Attribute, Call, Constant, Name, walk
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from types import ModuleType

from tests.check.sources import Source


def names_what_is_gone(source: Source) -> Iterator[str]:
    """Yield the names that follow a module or class of the mall as text and are not in it."""
    known = _imported(source)
    for node in walk(source.tree):
        if not isinstance(node, Call):
            continue
        for held, name in pairwise(node.args):
            if isinstance(name, Constant) and isinstance(name.value, str) and name.value.isidentifier():
                owner = _owner(held, known)
                if owner and not hasattr(owner, name.value) and not hasattr(builtins, name.value):
                    yield source.at(node, f"{owner.__name__} has no {name.value}")


def _imported(source: Source) -> dict[str, object]:
    """Return what a file imports of the mall, by the name it has there."""
    found = {}
    for each in source.imports:
        if each.name and each.module.partition(".")[0] == "mall":
            module = import_module(each.module)
            found[each.called] = getattr(module, each.name, None) or import_module(each.full)
    return found


def _owner(node: AST, known: dict[str, object]) -> ModuleType | type | None:
    """Return the module or class of the mall that an expression like `paying` or `people.addresses` stands for."""
    if isinstance(node, Name):
        found = known.get(node.id)
    elif isinstance(node, Attribute) and isinstance(whole := _owner(node.value, known), ModuleType):
        found = getattr(whole, node.attr, None)
    else:
        return None
    return found if isinstance(found, ModuleType | type) else None
