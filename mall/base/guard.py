"""Tables that are only added to: the database itself refuses to change or delete their rows.

On SQLite a BEFORE INSERT guard stands on every unique key, because INSERT OR REPLACE deletes without asking the
triggers for DELETE. On PostgreSQL TRUNCATE is refused as well.
"""

from sqlalchemy import DDL, Table, UniqueConstraint, event

_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$
"""


def append_only(model: type) -> None:
    """Guard a table from the moment it is created."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    table.info["append_only"] = True
    for name, statements in (("sqlite", sqlite_guards(table)), ("postgresql", postgresql_guards(table))):
        for statement in statements:
            # The statement is passed on as it is: DDL() would read a percent sign as a place for a value.
            event.listen(table, "after_create", DDL(statement.replace("%", "%%")).execute_if(dialect=name))


def sqlite_guards(table: Table) -> list[str]:
    """Return the CREATE TRIGGER statements that make a SQLite table append-only."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
    statements = [
        f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} {refuse}"
        for verb in ("UPDATE", "DELETE")
    ]
    for number, columns in enumerate(_unique_keys(table), start=1):
        same = " AND ".join(f"{column} = NEW.{column}" for column in columns)
        statements.append(
            f"CREATE TRIGGER {table.name}_no_replace_{number} BEFORE INSERT ON {table.name}"
            f" WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {same})"
            f" BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table.name} is append-only'); END"
        )
    return statements


def postgresql_guards(table: Table) -> list[str]:
    """Return the statements that make a PostgreSQL table append-only."""
    return [
        _POSTGRESQL_FUNCTION,
        f"CREATE TRIGGER {table.name}_append_only BEFORE UPDATE OR DELETE ON {table.name}"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table.name}_no_truncate BEFORE TRUNCATE ON {table.name}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ]


def _unique_keys(table: Table) -> list[list[str]]:
    keys = [[column.name for column in table.primary_key.columns]]
    keys += sorted(
        [column.name for column in constraint.columns]
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    )
    keys += sorted([column.name for column in index.columns] for index in table.indexes if index.unique)
    return keys
