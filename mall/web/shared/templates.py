"""Templates, compiled once for each language: their sentences are translated then, not anew on every page.

Most of what a page says is the same for every reader of a language, and most of the time a page takes was spent on
looking that up. What depends on values is still put in on every page, escaped as ever.
"""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import flask.templating
import jinja2
from flask import g, has_request_context
from jinja2 import nodes
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from jinja2.compiler import CodeGenerator
from jinja2.runtime import Context as AnyContext
from jinja2.runtime import Macro
from jinja2.visitor import NodeTransformer

from . import texts
from .quick import Template

SAY = ("_", "gettext")


class Context(AnyContext):
    """What a template sees. Macros and plain functions, most of what templates call, are called without
    asking what they are."""

    def call(__self, __obj: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call something for a template."""
        if type(__obj) is Macro:
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return __obj(__self.eval_ctx, *args, **kwargs)
        if type(__obj) is FunctionType and not __obj.__dict__:  # A plain one: it takes nothing of the template.
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return __obj(*args, **kwargs)
        return super().call(__obj, *args, **kwargs)


class Translated(NodeTransformer):
    """Puts the translation where a template asks for that of a sentence it spells out."""

    def __init__(self, code: str) -> None:
        self.translations = texts.translations(code)

    def visit_Call(self, node: nodes.Call, *args: Any, **kwargs: Any) -> nodes.Node:
        """Translate a call of _() with one constant; its values, if any, are filled in when the page is made."""
        self.generic_visit(node, *args, **kwargs)
        if not _is_sentence(node):
            return node
        words = self.translations.gettext(node.args[0].value)  # type: ignore[attr-defined]
        if not node.kwargs:
            return nodes.MarkSafeIfAutoescape(nodes.Const(words % {}), lineno=node.lineno)
        values = nodes.Dict([nodes.Pair(nodes.Const(each.key), each.value) for each in node.kwargs])
        return nodes.Mod(nodes.MarkSafeIfAutoescape(nodes.Const(words)), values, lineno=node.lineno)


class Compiler(CodeGenerator):
    """Compiles a template in its environment's language."""

    def visit_Template(self, node: nodes.Template, frame: Any = None) -> None:
        """Translate, then compile."""
        if code := getattr(self.environment, "language", None):
            Translated(code).visit(node)
        super().visit_Template(node, frame)


class Shelf(FileSystemBytecodeCache):
    """Compiled templates of one language on disk, so that the next process that starts need not compile them.

    What was made of another text, with other translations or by other rules is made anew.
    """

    def __init__(self, folder: Path, code: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(str(folder), f"{code}-%s")
        made_of = [Path(__file__), Path(texts.__file__), *map(Path, getattr(texts.translations(code), "files", ()))]
        self.rules = b"".join([jinja2.__version__.encode(), *(path.read_bytes() for path in made_of)])

    def get_source_checksum(self, source: str) -> str:
        """Return what differs as soon as anything does that a compiled template is made of."""
        return hashlib.sha256(self.rules + source.encode()).hexdigest()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template. Where that cannot be, it is compiled again next time."""
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


class Environment(flask.templating.Environment):
    """Where templates are kept: those of each language apart."""

    code_generator_class = Compiler
    context_class = Context
    template_class = Template
    language: str | None = None

    def get_or_select_template(self, *args: Any, **kwargs: Any) -> Any:
        """Return a template in the reader's language; where no reader is known, one that asks for every sentence."""
        if self.language is None and (code := reader_language()):
            return self.speaking(code).get_or_select_template(*args, **kwargs)
        return super().get_or_select_template(*args, **kwargs)

    def speaking(self, code: str) -> "Environment":
        """Return this environment in a language."""
        known: dict[str, Environment] = self.__dict__.setdefault("_speaking", {})
        if code not in known:
            known[code] = self.overlay()
            known[code].language = code
            with contextlib.suppress(OSError):
                known[code].bytecode_cache = Shelf(Path(self.app.config["COMPILED_DIR"]), code)
        return known[code]


def reader_language() -> str | None:
    """Return the language of who reads what is being made, None where nobody is known to."""
    return texts.language() if "language" in g or has_request_context() else None


def _is_sentence(node: nodes.Call) -> bool:
    """Tell whether a call is _('words', name=value, ...)."""
    return (
        isinstance(node.node, nodes.Name)
        and node.node.name in SAY
        and len(node.args) == 1
        and isinstance(node.args[0], nodes.Const)
        and node.dyn_args is None
        and node.dyn_kwargs is None
    )
