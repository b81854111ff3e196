"""Migrating an empty database makes exactly what the tables declare: columns, rules, keys, indexes and guards."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Connection, text

from mall.base.db import db, execute, reading, transaction
from mall.config import ROOT
from tests.conftest import build_app, dispose

Described = dict[str, object]

POSTGRESQL_SAYS = {
    "column": """
        SELECT c.relname || '.' || a.attname,
               concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                         pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace = 'public'::regnamespace""",
    "rule": """
        SELECT c.relname || '.' || r.conname, pg_get_constraintdef(r.oid)
        FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid WHERE r.contype <> 'n'
        AND c.relnamespace = 'public'::regnamespace""",
    "index": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": """
        SELECT c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal""",
    "function": "SELECT proname, btrim(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "sequence": "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
}


def described(connection: Connection) -> Described:
    """Return everything a database's schema holds, by kind and name, in words that can be compared."""
    if connection.dialect.name == "sqlite":
        found = _sqlite(connection)
    else:
        found = {
            f"{kind} {name}": words
            for kind, question in POSTGRESQL_SAYS.items()
            for name, words in connection.execute(text(question))
        }
    return {name: words for name, words in found.items() if "alembic_version" not in name}


def _sqlite(connection: Connection) -> Described:
    rows = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    found: Described = {}
    for kind, name, table, statement in rows:
        plain = " ".join(statement.replace('"', "").split())
        found[f"{kind} {table}.{name}"] = _clauses(plain) if kind == "table" else plain
    return found


def _clauses(statement: str) -> tuple[list[str], list[str]]:
    """Return a CREATE TABLE's columns in their order, and its rules in any."""
    body = statement[statement.index("(") + 1 : statement.rindex(")")]
    clauses, depth, quoted = [""], 0, False
    for character in body:
        quoted ^= character == "'"
        depth += 0 if quoted else {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth and not quoted:
            clauses.append("")
        else:
            clauses[-1] += character
    plain = [clause.strip() for clause in clauses]
    rules = sorted(clause for clause in plain if re.match(r"(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)\b", clause))
    return [clause for clause in plain if clause not in rules], rules


def differences(made: Described, declared: Described) -> list[str]:
    """Return in words what two schemas do not share."""
    return [
        f"{name}: migrated {made.get(name, 'not there')}, declared {declared.get(name, 'not there')}"
        for name in sorted(made.keys() | declared.keys())
        if made.get(name) != declared.get(name)
    ]


def schema() -> Described:
    """Return the schema of the current app's database."""
    with reading() as connection:
        return described(connection)


@pytest.fixture(params=["sqlite", "postgresql"])
def declared_and_empty(request: pytest.FixtureRequest, tmp_path: Path):
    """An app on a database made as declared, and one on a database without any table."""
    if request.param == "sqlite":
        empty = build_app(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}")
        yield request.getfixturevalue("make_app")(), empty
        with empty.app_context():
            dispose()
        return
    server = request.getfixturevalue("postgres")
    name = server.create()
    empty = build_app(tmp_path, server.url_of(name))
    yield request.getfixturevalue("make_postgres_app")(), empty
    with empty.app_context():
        dispose()
    server.drop(name)


def test_migrating_makes_what_is_declared(declared_and_empty):
    declared, empty = declared_and_empty
    with declared.app_context():
        wanted = schema()
    with empty.app_context():
        upgrade()
        made = schema()

    assert len(wanted) > 10
    found = differences(made, wanted)
    assert not found, "\nrun `make migration`:\n" + "\n".join(found)


def test_migrating_again_changes_nothing(declared_and_empty):
    _declared, empty = declared_and_empty
    with empty.app_context():
        upgrade()
        once = schema()
        upgrade()
        assert schema() == once


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE another (id BIGINT)",
        "ALTER TABLE throttle ADD COLUMN another BIGINT",
        "CREATE INDEX another ON posting (id)",
        "DROP TABLE throttle",
    ],
)
def test_a_schema_that_differs_is_seen(either, change):
    before = schema()
    with transaction():
        execute(text(change))

    assert differences(schema(), before)


def test_a_guard_that_is_missing_is_seen(either):
    before = schema()
    drop = {
        "sqlite": "DROP TRIGGER posting_no_replace_1",
        "postgresql": "DROP TRIGGER posting_no_truncate ON posting",
    }[db.engine.dialect.name]
    with transaction():
        execute(text(drop))

    assert len(differences(schema(), before)) == 1


MIGRATIONS = {
    "0001_family.py": """
revision, down_revision = "0001", None

def upgrade():
    op.create_table("family_parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
    op.create_table(
        "family_child",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.Integer),
        sa.ForeignKeyConstraint(["parent_id"], ["family_parent.id"], name="fk_child_parent", ondelete="CASCADE"),
    )
    op.execute("INSERT INTO family_parent VALUES (1, 'Ada'), (2, 'Bo')")
    op.execute("INSERT INTO family_child VALUES (1, 1), (2, 1), (3, 2)")
""",
    "0002_rename.py": """
revision, down_revision = "0002", "0001"

def upgrade():
    with op.batch_alter_table("family_parent", recreate="always") as batch:
        batch.alter_column("name", existing_type=sa.String(20), type_=sa.String(80), nullable=False)
""",
    "0003_orphan.py": """
revision, down_revision = "0003", "0002"

def upgrade():
    op.execute("INSERT INTO family_parent VALUES (3, 'Cy')")
    op.execute("DELETE FROM family_parent WHERE id = 1")
""",
}


@pytest.fixture
def migrate_to(make_app: Callable[..., Flask], tmp_path: Path):
    """Run made-up migrations by our env.py on SQLite, up to one of them."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("versions", "__pycache__"))
    (folder / "versions").mkdir()
    for name, body in MIGRATIONS.items():
        header = '"""A sample."""\nimport sqlalchemy as sa\nfrom alembic import op\n'
        (folder / "versions" / name).write_text(header + body)
    with make_app().app_context():
        yield lambda revision: upgrade(directory=str(folder), revision=revision)


def families() -> list[tuple[object, ...]]:
    with reading():
        return [tuple(row) for row in execute(text("SELECT id, parent_id FROM family_child ORDER BY id"))]


def test_changing_a_table_keeps_the_rows_that_refer_to_it(migrate_to):
    migrate_to("0002")

    assert families() == [(1, 1), (2, 1), (3, 2)]
    with transaction():
        execute(text("DELETE FROM family_parent WHERE id = 2"))
    assert families() == [(1, 1), (2, 1)], "foreign keys are at work again"


def test_a_migration_that_leaves_orphans_is_undone_whole(migrate_to):
    migrate_to("0002")

    with pytest.raises(SystemExit):
        migrate_to("0003")

    assert families() == [(1, 1), (2, 1), (3, 2)]
    with reading():
        assert execute(text("SELECT count(*) FROM family_parent")).scalar_one() == 2
        assert execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "0002"
