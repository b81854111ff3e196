"""How a migration is run and how one is written: forward only, on SQLite and PostgreSQL, all of it or nothing."""

from typing import Any

from alembic import context
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from flask import current_app
from sqlalchemy import Connection, Table
from sqlalchemy.types import TypeEngine

from mall.base import guard
from mall.base.clock import Instant
from mall.base.db import db
from mall.base.text import Said, Text

OWN_TYPES = {Instant: "clock.Instant()", Said: "text.Said()", Text: "text.Text()"}


class GuardOp(ops.MigrateOperation):
    """A new table is append-only: its guards, as the SQL of each database."""

    def __init__(self, table: Table) -> None:
        self.table = table


@renderers.dispatch_for(GuardOp)
def render_guards(_context: AutogenContext, operation: GuardOp) -> list[str]:
    """Write the guards out in full, so that a later change of the code leaves this migration as it is."""
    lines = ["for guard in {"]
    for dialect, statements in (
        ("sqlite", guard.sqlite_guards(operation.table)),
        ("postgresql", guard.postgresql_guards(operation.table)),
    ):
        lines.append(f"    {dialect!r}: [")
        lines += [f"        {statement.strip()!r}," for statement in statements]
        lines.append("    ],")
    lines += ["}[op.get_context().dialect.name]:", "    op.execute(guard)"]
    return lines


def render_type(kind: str, item: Any, autogen_context: AutogenContext) -> str | bool:
    """Write the mall's own column types by their names; everything else as Alembic does."""
    if kind == "type" and type(item) in OWN_TYPES:
        autogen_context.imports.add("from mall.base import clock, text")
        return OWN_TYPES[type(item)]
    return False


def finish(_context: Any, _revision: Any, directives: list[ops.MigrationScript]) -> None:
    """Follow each new append-only table by its guards; leave no way back; write nothing when nothing changed."""
    script = directives[0]
    assert script.upgrade_ops is not None
    if script.upgrade_ops.is_empty():
        directives.clear()
        return
    created = [each for each in script.upgrade_ops.ops if isinstance(each, ops.CreateTableOp)]
    guarded = [each for each in created if each.info.get("append_only")]
    script.upgrade_ops.ops += [GuardOp(db.metadata.tables[each.table_name]) for each in guarded]
    for each in guarded:
        each.info = {}
    script.downgrade_ops = ops.DowngradeOps([])


def same_type(_context: Any, _inspected: Any, _declared: Any, _there: TypeEngine[Any], ours: TypeEngine[Any]) -> Any:
    """Take our own types as they are declared; Alembic cannot read them back. None leaves the rest to Alembic."""
    return False if type(ours) in OWN_TYPES else None


def migrate(connection: Connection) -> None:
    """Run the migrations that are asked for in one transaction."""
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        # Changing a table means copying it: with foreign keys on, dropping the old one would delete its children.
        # The pragma does nothing inside a transaction, so it is sent before SQLAlchemy begins one.
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
    settings = current_app.extensions["migrate"].configure_args | {
        "render_as_batch": True,
        "render_item": render_type,
        "compare_type": same_type,
        "process_revision_directives": finish,
    }
    context.configure(connection=connection, target_metadata=db.metadata, **settings)
    try:
        with context.begin_transaction():
            if not on_sqlite:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                if (connection.dialect.server_version_info or (0,)) >= (17,):
                    connection.exec_driver_sql("SET LOCAL transaction_timeout = 0")
            context.run_migrations()
            if on_sqlite and (orphans := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                raise RuntimeError(f"the migration would leave rows that refer to nothing: {orphans[:5]}")
    finally:
        if on_sqlite:
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]


if context.is_offline_mode():
    raise RuntimeError("Migrations are run on a database, not written out as SQL.")
with db.engine.connect() as live:
    migrate(live)
