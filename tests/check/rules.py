"""The plan of the house as rules over the syntax tree. Each takes a file and yields what is wrong with it."""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.check.sources import CORRIDORS, FLOOR_OF, TOP, Source, room_of

OUTSIDE_WORLD = {
    "flask",
    "flask_babel",
    "flask_login",
    "flask_migrate",
    "flask_sqlalchemy",
    "flask_wtf",
    "http",
    "jinja2",
    "requests",
    "smtplib",
    "socket",
    "stripe",
    "werkzeug",
    "wtforms",
}
OF_THE_REQUEST = {"current_user", "g", "request", "session"}
NAMELESS = {"helpers.py", "misc.py", "models.py", "services.py", "utils.py"}
# A request, a job, and a row of a round: whatever goes wrong with one, the next one has its turn.
EDGES = {
    "mall/web/shared/problems.py",
    "mall/worker/__init__.py",
    "mall/worker/many.py",
    "mall/domain/notices/setbacks.py",
}
THE_CLOCK = "mall/base/clock.py"
THE_DATABASE = "mall/base/db.py"
THE_GUARD = "mall/base/guard.py"
MARKS = {"_", "_l", "N_", "gettext", "ngettext", "lazy_gettext", "lazy_ngettext"}
WRITES = ("insert", "update", "delete")
SENDS_SQL = {"text", "execute", "exec_driver_sql", "executemany", "executescript", "DDL"}
LOOKS_LIKE_SQL = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|TRUNCATE|CREATE|ALTER|DROP)\s")
WRITING_SQL = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?)\s+\"?(\w+)", re.IGNORECASE)


def goes_up(source: Source) -> Iterator[str]:
    """Yield the imports of a higher floor, or of another room on the same one."""
    if source.module in CORRIDORS:
        return
    if not source.room:
        yield f"{source.path}: stands on no floor; name its room in FLOORS (tests/check/sources.py) and the README"
        return
    mine = FLOOR_OF[source.room]
    for each in source.imports:
        room = room_of(each.full)
        if not room and each.full.startswith("mall."):
            yield f"{source.path}:{each.line}: {each.full} stands on no floor"
        if not room or room == source.room:
            continue
        if not (FLOOR_OF[room] < mine or mine == TOP):
            yield f"{source.path}:{each.line}: {source.room} may not import {room}: imports go down only"


def misses_the_front_door(source: Source) -> Iterator[str]:
    """Yield the imports that enter a room of the domain other than by its front door, or one's own by it."""
    for each in source.imports:
        room = room_of(each.full)
        if not room.startswith("mall.domain."):
            continue
        where, inside = f"{source.path}:{each.line}", source.path.startswith("mall/domain/")
        name = room.rpartition(".")[2]
        if room == source.room and not each.relative:
            yield f"{where}: inside a room imports are relative: from .{each.module.rpartition('.')[2]} import ..."
        elif room != source.room and (each.module != "mall.domain" or (each.relative and inside)):
            yield f"{where}: enter by the front door: from mall.domain import {name}"


def reaches_behind_the_front_door(source: Source, doors: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield the uses of `room.name` where the room's front door does not lay out that name."""
    rooms = {each.name for each in source.imports if each.module == "mall.domain" and each.name in doors}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in rooms:
            room = node.value.id
            if node.attr not in doors[room] and not node.attr.startswith("__"):
                yield source.at(node, f"{room}.{node.attr} is not laid out at the front door of {room}")


def knows_the_outside_world(source: Source) -> Iterator[str]:
    """Yield what the domain and the base import of the web or the network."""
    if not source.path.startswith(("mall/domain/", "mall/base/")):
        return
    for each in source.imports:
        package = each.module.partition(".")[0]
        if package in OUTSIDE_WORLD and (source.path, package) != (THE_DATABASE, "flask_sqlalchemy"):
            yield f"{source.path}:{each.line}: {package} belongs to the faces or the gateway"


def gateway_knows_the_mall(source: Source) -> Iterator[str]:
    """Yield what the gateway imports of the mall beyond the base."""
    if source.room == "mall.gateway":
        for each in source.imports:
            if each.full.startswith("mall.") and room_of(each.full) not in ("mall.base", "mall.gateway"):
                yield f"{source.path}:{each.line}: the gateway imports base only, not {each.full}"


def uses_the_request_below_web(source: Source) -> Iterator[str]:
    """Yield what knows of a request outside the faces and the factory."""
    if source.path.startswith("mall/web/") or source.room == "mall":
        return
    for each in source.imports:
        if each.module.partition(".")[0] in ("flask", "flask_login") and each.name in OF_THE_REQUEST:
            yield f"{source.path}:{each.line}: {each.name} never goes below web; pass what is needed as a value"


# Packages from outside that take long to load and that the first page is made without.
LOADED_LATE = {"PIL", "email_validator", "segno"}


def imports_late(source: Source) -> Iterator[str]:
    """Yield the imports that do not stand at the top of the file; a few packages may be loaded where they are used."""
    top = {id(node) for node in source.tree.body}
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Import | ast.ImportFrom)
            and id(node) not in top
            and not _packages(node) <= LOADED_LATE
        ):
            yield source.at(node, "imports stand at the top of a file; a late one hides a room in the wrong place")


def _packages(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Return the packages an import is from; a relative one is from "" (ours)."""
    if isinstance(node, ast.ImportFrom):
        return {"" if node.level else str(node.module).partition(".")[0]}
    return {alias.name.partition(".")[0] for alias in node.names}


def commits(source: Source) -> Iterator[str]:
    """Yield what ends a transaction by hand, or works by sessions and lazy relations."""
    if source.path == THE_DATABASE:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield source.at(node, "only transaction() commits")
        if isinstance(node, ast.Attribute) and node.attr == "session" and _terminal(node.value) == "db":
            yield source.at(node, "no db.session: open transaction() or reading(), and execute() statements")
        if isinstance(node, ast.Call) and _terminal(node.func) == "relationship":
            yield source.at(node, "no relationship(): rows in, rows out")


def tables_of(source: Source) -> set[str]:
    """Return the names of the tables a file declares."""
    return {
        node.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and any(_terminal(base) in ("Model", "Base") for base in node.bases)
    }


def table_names_of(source: Source) -> set[str]:
    """Return the SQL names of the tables a file declares."""
    return {
        statement.value.value
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.Assign)
        and _terminal(statement.targets[0]) == "__tablename__"
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    }


def writes_elsewhere(source: Source, tables: Mapping[str, set[str]], names: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield the inserts, updates and deletes of a table outside its room.

    `tables` and `names` say for each class and each SQL name the rooms that declare it.
    """
    doors = {each.name: f"mall.domain.{each.name}" for each in source.imports if each.module == "mall.domain"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (target := _written_table(node)):
            table = _terminal(target)
            if isinstance(target, ast.Attribute) and _terminal(target.value) in doors:
                owners = {doors[_terminal(target.value)]}
            else:
                owners = tables.get(table, set())
            if owners and source.room not in owners:
                yield source.at(node, f"{table} is written in {', '.join(sorted(owners))} only")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for name in WRITING_SQL.findall(node.value):
                if (owners := names.get(name.lower(), set())) and source.room not in owners:
                    yield source.at(node, f"{name} is written in {', '.join(sorted(owners))} only")


def _written_table(call: ast.Call) -> ast.expr | None:
    """Return the table that a call writes: insert(Lot), Lot.__table__.update(); None for other calls."""
    name = _terminal(call.func)
    if not name.endswith(WRITES):
        return None
    if call.args and isinstance(call.args[0], ast.Name | ast.Attribute):
        return call.args[0]
    if isinstance(call.func, ast.Attribute):
        value = call.func.value
        if isinstance(value, ast.Attribute) and value.attr == "__table__":
            return value.value
    return None


def reads_the_clock(source: Source) -> Iterator[str]:
    """Yield the readings of the time outside base/clock.py; what a statement takes long may be measured."""
    if source.path == THE_CLOCK:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            read = f"{_terminal(node.value)}.{node.attr}"
            if read in (
                "datetime.now",
                "datetime.utcnow",
                "datetime.today",
                "date.today",
                "time.time",
                "time.time_ns",
            ):
                yield source.at(node, f"{read}: ask mall.base.clock, or take the instant as a value")
            if read in ("func.now", "func.current_timestamp", "func.current_date", "func.clock_timestamp"):
                yield source.at(node, f"{read}: the database's clock is not ours; pass the instant")
    for each in source.imports:
        if each.module == "time" and each.name in ("time", "time_ns"):
            yield f"{source.path}:{each.line}: time.{each.name}: ask mall.base.clock"


def is_nameless(source: Source) -> Iterator[str]:
    """Yield a complaint for a file whose name says nothing of the business."""
    name = source.path.rpartition("/")[2]
    if name in NAMELESS:
        yield f"{source.path}: name the file for what it holds, not {name}"


def catches_everything(source: Source) -> Iterator[str]:
    """Yield the places that catch any exception, but for the edges that log it."""
    if source.path in EDGES:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(each is None or _terminal(each) in ("Exception", "BaseException") for each in caught):
                yield source.at(node, "catch what you expect; anything else is for the outermost edge to log")


def builds_sql_from_text(source: Source) -> Iterator[str]:
    """Yield the statements put together from pieces of text, where a value could become SQL."""
    if source.path in (THE_DATABASE, THE_GUARD):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr) and node.values:
            first = node.values[0]
            if isinstance(first, ast.Constant) and LOOKS_LIKE_SQL.match(str(first.value)):
                yield source.at(node, "SQL in an f-string; bind the values: text('... :name'), {'name': ...}")
                continue
        if isinstance(node, ast.Call) and _terminal(node.func) in SENDS_SQL and node.args and _pieced(node.args[0]):
            yield source.at(node, f"{_terminal(node.func)}() of text put together; bind the values instead")


def leaves_a_check_unmarked(source: Source) -> Iterator[str]:
    """Yield the checks whose promise no catalogue collects: finance reads it on its board."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _terminal(node.func) == "Check":
            name = node.args[0] if node.args else None
            if not (isinstance(name, ast.Call) and _terminal(name.func) == "N_"):
                yield source.at(node, 'mark a check\'s promise for translation: Check(N_("..."), ...)')


def hides_a_text(source: Source) -> Iterator[str]:
    """Yield the texts marked inside an f-string: the catalogues are collected without looking into one."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and _terminal(call.func) in MARKS:
                    yield source.at(call, "mark a text for translation outside of an f-string")


def lists_another_name(source: Source) -> Iterator[str]:
    """Yield the names a front door lists and does not lay out, and those it lays out and does not list."""
    if not (source.path.startswith("mall/domain/") and source.path.endswith("/__init__.py")):
        return
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and _terminal(node.targets[0]) == "__all__":
            listed = set(ast.literal_eval(node.value))
            for name in sorted(listed ^ {each.name for each in source.imports}):
                yield source.at(node, f"{name} is not {'laid out' if name in listed else 'listed'} at this front door")


def _pieced(node: ast.expr) -> bool:
    """Tell whether an expression puts text together: an f-string, %, +, or .format()."""
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        return any(_pieced(side) or _is_text(side) for side in (node.left, node.right))
    return isinstance(node, ast.Call) and _terminal(node.func) == "format"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _terminal(node: ast.AST | None) -> str:
    """Return the last name of a dotted expression: a.b.c -> "c"; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
