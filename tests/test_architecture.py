"""The plan of the house as a test: imports go down, rooms have front doors, tables are written at home.

Every rule is also tried on a bad sample, so that none can pass by looking at nothing.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest
from sqlalchemy import Column, Float, MetaData, Table

from mall.base.db import db
from mall.domain.finance import proof_board
from tests.check import rules
from tests.check.named import names_what_is_gone as named
from tests.check.no_floats import floats_among_columns, floats_in, floats_in_template, floats_in_templates
from tests.check.sources import Source, files

MALL = list(files())


@cache
def front_doors() -> dict[str, set[str]]:
    """Return for each room of the domain the names its front door lays out."""
    doors = {}
    for source in MALL:
        if source.path.startswith("mall/domain/") and source.path.count("/") == 3 and "__init__" in source.path:
            bound = {each.name for each in source.imports}
            for node in source.tree.body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    bound.add(node.name)
                if isinstance(node, ast.Assign):
                    bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            doors[source.room.rpartition(".")[2]] = bound
    return doors


@cache
def owners(names_of) -> dict[str, set[str]]:
    """Return for each table the rooms that declare it."""
    found = defaultdict(set)
    for source in MALL:
        for name in names_of(source):
            found[name].add(source.room)
    return found


def behind_doors(source: Source) -> Iterator[str]:
    return rules.reaches_behind_the_front_door(source, front_doors() | {"sample": {"shown"}})


def writes_elsewhere(source: Source) -> Iterator[str]:
    tables = owners(rules.tables_of) | {"Sample": {"mall.domain.coupons"}}
    names = owners(rules.table_names_of) | {"sample": {"mall.domain.coupons"}}
    return rules.writes_elsewhere(source, tables, names)


RULES = [
    rules.goes_up,
    rules.misses_the_front_door,
    behind_doors,
    rules.lists_another_name,
    rules.knows_the_outside_world,
    rules.gateway_knows_the_mall,
    rules.uses_the_request_below_web,
    rules.imports_late,
    rules.commits,
    writes_elsewhere,
    rules.reads_the_clock,
    floats_in,
    rules.is_nameless,
    rules.catches_everything,
    rules.builds_sql_from_text,
    rules.leaves_a_check_unmarked,
    rules.hides_a_text,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_mall_keeps_the_rule(rule):
    complaints = [complaint for source in MALL for complaint in rule(source)]

    assert not complaints, "\n" + "\n".join(complaints)


BAD = [
    (rules.goes_up, "mall/domain/ledger/a.py", "from mall.domain import checkout"),
    (rules.goes_up, "mall/domain/ledger/a.py", "from mall.domain import catalogue"),
    (rules.goes_up, "mall/domain/ledger/a.py", "from mall.web.shared import forms"),
    (rules.goes_up, "mall/domain/ledger/a.py", "from ..earning import record"),
    (rules.goes_up, "mall/domain/ledger/a.py", "import mall.gateway.mailers"),
    (rules.goes_up, "mall/base/a.py", "from mall import config"),
    (rules.goes_up, "mall/web/store/a.py", "from mall.web.office import bp"),
    (rules.goes_up, "mall/web/store/a.py", "from mall import cli"),
    (rules.goes_up, "mall/domain/ledger/a.py", "from mall.domain import cellar"),
    (rules.goes_up, "mall/domain/cellar/a.py", ""),
    (rules.misses_the_front_door, "mall/domain/checkout/a.py", "from mall.domain.ledger import hold"),
    (rules.misses_the_front_door, "mall/domain/checkout/a.py", "from mall.domain.ledger.holds import hold"),
    (rules.misses_the_front_door, "mall/domain/checkout/a.py", "import mall.domain.ledger"),
    (rules.misses_the_front_door, "mall/domain/checkout/a.py", "from ..ledger import hold"),
    (rules.misses_the_front_door, "mall/web/store/a.py", "from mall.domain.ledger.lots import Lot"),
    (rules.misses_the_front_door, "mall/domain/ledger/a.py", "from mall.domain.ledger.lots import Lot"),
    (rules.misses_the_front_door, "mall/domain/ledger/a.py", "from mall.domain import ledger"),
    (behind_doors, "mall/web/store/a.py", "from mall.domain import sample\nsample.hidden.do()"),
    (rules.lists_another_name, "mall/domain/ledger/__init__.py", "from .a import b\n__all__ = ['b', 'c']"),
    (rules.lists_another_name, "mall/domain/ledger/__init__.py", "from .a import b, c\n__all__ = ['b']"),
    (rules.knows_the_outside_world, "mall/domain/ledger/a.py", "from flask import current_app"),
    (rules.knows_the_outside_world, "mall/domain/ledger/a.py", "import stripe"),
    (rules.knows_the_outside_world, "mall/domain/ledger/a.py", "from wtforms.validators import Length"),
    (rules.knows_the_outside_world, "mall/domain/ledger/a.py", "import jinja2"),
    (rules.knows_the_outside_world, "mall/base/a.py", "from flask_sqlalchemy import SQLAlchemy"),
    (rules.gateway_knows_the_mall, "mall/gateway/a.py", "from mall.domain import cash"),
    (rules.gateway_knows_the_mall, "mall/gateway/a.py", "from mall.config import ROOT"),
    (rules.uses_the_request_below_web, "mall/gateway/a.py", "from flask import request"),
    (rules.uses_the_request_below_web, "mall/domain/people/a.py", "from flask_login import current_user"),
    (rules.imports_late, "mall/base/a.py", "def f():\n    import json"),
    (rules.imports_late, "mall/base/a.py", "def f():\n    from .PIL import Image"),
    (rules.imports_late, "mall/base/a.py", "class A:\n    def f(self):\n        from json import dumps"),
    (rules.commits, "mall/domain/ledger/a.py", "connection.commit()"),
    (rules.commits, "mall/web/store/a.py", "db.session.add(1)"),
    (rules.commits, "mall/domain/ledger/a.py", "lots = relationship('Lot')"),
    (writes_elsewhere, "mall/web/store/a.py", "execute(insert(Sample).values(a=1))"),
    (writes_elsewhere, "mall/domain/checkout/a.py", "from mall.domain import sample\nupdate(sample.Sample)"),
    (writes_elsewhere, "mall/domain/checkout/a.py", "from mall.domain import ledger\ndelete(ledger.Anything)"),
    (writes_elsewhere, "mall/domain/checkout/a.py", "pg_insert(Sample)"),
    (writes_elsewhere, "mall/domain/checkout/a.py", "Sample.__table__.delete()"),
    (writes_elsewhere, "mall/domain/checkout/a.py", "text('update sample set a = 1')"),
    (rules.reads_the_clock, "mall/domain/ledger/a.py", "datetime.now(UTC)"),
    (rules.reads_the_clock, "mall/domain/ledger/a.py", "datetime.datetime.utcnow()"),
    (rules.reads_the_clock, "mall/web/store/a.py", "date.today()"),
    (rules.reads_the_clock, "mall/base/a.py", "time.time()"),
    (rules.reads_the_clock, "mall/base/a.py", "from time import time"),
    (rules.reads_the_clock, "mall/domain/ledger/a.py", "select(Lot).where(Lot.expires_at < func.now())"),
    (floats_in, "mall/domain/ledger/a.py", "rate = 0.1"),
    (floats_in, "mall/domain/ledger/a.py", "float(cents)"),
    (floats_in, "mall/domain/ledger/a.py", "share: Mapped[float]"),
    (floats_in, "mall/base/money.py", "half = cents / 2"),
    (rules.is_nameless, "mall/domain/ledger/services.py", ""),
    (rules.is_nameless, "mall/web/utils.py", ""),
    (rules.catches_everything, "mall/domain/ledger/a.py", "try:\n    f()\nexcept Exception:\n    pass"),
    (rules.catches_everything, "mall/web/store/a.py", "try:\n    f()\nexcept (KeyError, BaseException):\n    pass"),
    (rules.catches_everything, "mall/web/store/a.py", "try:\n    f()\nexcept:\n    pass"),
    (rules.builds_sql_from_text, "mall/domain/ledger/a.py", "execute(text(f'... {name}'))"),
    (rules.builds_sql_from_text, "mall/domain/ledger/a.py", "sql = f'SELECT * FROM lot WHERE id = {lot}'"),
    (rules.builds_sql_from_text, "mall/domain/ledger/a.py", "text('SELECT ' + name)"),
    (rules.builds_sql_from_text, "mall/domain/ledger/a.py", "text('SELECT %s' % name)"),
    (rules.builds_sql_from_text, "mall/domain/ledger/a.py", "connection.exec_driver_sql('SELECT {}'.format(name))"),
    (rules.leaves_a_check_unmarked, "mall/domain/ledger/a.py", "Check('all is well', select(Lot))"),
    (rules.hides_a_text, "mall/web/store/a.py", "words = f\"{how}, {_('in a pack')}\""),
]

GOOD = [
    (rules.goes_up, "mall/domain/checkout/a.py", "from mall.domain import ledger\nfrom mall.base.db import execute"),
    (rules.goes_up, "mall/__init__.py", "from . import cli\nfrom .web import store"),
    (rules.misses_the_front_door, "mall/domain/ledger/a.py", "from .lots import Lot\nfrom mall.domain import audit"),
    (rules.misses_the_front_door, "mall/domain/ledger/__init__.py", "from .lots import Lot"),
    (behind_doors, "mall/web/store/a.py", "from mall.domain import sample\nsample.shown()"),
    (rules.lists_another_name, "mall/domain/ledger/__init__.py", "from .a import b, c\n__all__ = ['b', 'c']"),
    (rules.knows_the_outside_world, "mall/base/db.py", "from flask_sqlalchemy import SQLAlchemy"),
    (rules.gateway_knows_the_mall, "mall/gateway/a.py", "import stripe\nfrom mall.base.errors import Refusal"),
    (rules.uses_the_request_below_web, "mall/web/shared/a.py", "from flask import request"),
    (rules.commits, "mall/base/db.py", "connection.commit()"),
    (rules.commits, "mall/web/shared/a.py", "from flask import session\nsession['language'] = 'en'"),
    (writes_elsewhere, "mall/domain/coupons/a.py", "insert(Sample)\ntext('UPDATE sample SET a = 1')"),
    (writes_elsewhere, "mall/web/store/a.py", "select(Sample)\nsettings.update(Other)"),
    (rules.reads_the_clock, "mall/base/clock.py", "datetime.now(UTC)"),
    (rules.reads_the_clock, "mall/web/store/a.py", "now()\ntime.perf_counter()"),
    (floats_in, "mall/domain/ledger/a.py", "share = Fraction(1, 2) / 3\npath = folder / name\nwhole = 7 // 2"),
    (floats_in, "mall/web/shared/charts.py", "half = width / 2.0"),
    (rules.catches_everything, "mall/worker/__init__.py", "try:\n    f()\nexcept Exception:\n    log()"),
    (rules.catches_everything, "mall/web/store/a.py", "try:\n    f()\nexcept Refusal:\n    pass"),
    (rules.builds_sql_from_text, "mall/domain/ledger/a.py", "text('SELECT :a')\nwords = f'Select {size} pictures'"),
    (rules.leaves_a_check_unmarked, "mall/domain/ledger/a.py", "Check(N_('all is well'), select(Lot))"),
    (rules.hides_a_text, "mall/web/store/a.py", "pack = _('in a pack')\nwords = f'{how}, {pack}'"),
]


def name_of(sample) -> str:
    return f"{sample[0].__name__}: {sample[2][:50]}".replace("\n", "; ")


@pytest.mark.parametrize("sample", BAD, ids=name_of)
def test_the_rule_sees_a_bad_sample(sample):
    rule, path, text = sample

    assert list(rule(Source(path, text)))


@pytest.mark.parametrize("sample", GOOD, ids=name_of)
def test_the_rule_leaves_a_good_sample_alone(sample):
    rule, path, text = sample

    assert list(rule(Source(path, text))) == []


def test_every_rule_has_a_bad_sample():
    assert {rule.__name__ for rule in RULES} == {sample[0].__name__ for sample in BAD}


def test_no_template_makes_a_float_of_points_or_money():
    assert list(floats_in_templates()) == []


@pytest.mark.parametrize(
    "sample",
    [
        "{{ order.goods_cents / 100 }}",
        "{{ used * terms.worth_points / most }}",
        "{% set half = points / 2 %}",
        "{% macro share(cents) %}{{ 100 * cents / (full + 1) }}{% endmacro %}",
        "{{ cents | float }}",
        "{{ (seconds * 2) | round(1) }}",
    ],
)
def test_a_template_that_makes_one_is_found(sample):
    assert len(list(floats_in_template("templates/a.html", sample))) == 1


def test_a_template_may_divide_other_things_and_keep_whole_numbers():
    fine = "{{ microseconds / 1000 }} {{ rate / 100 }} {{ cents // 100 }} <a href='/points/'>{{ cents | money }}</a>"
    assert list(floats_in_template("templates/a.html", fine)) == []


def test_no_column_keeps_a_rounded_number():
    assert list(floats_among_columns(db.metadata)) == []


def test_a_column_that_keeps_a_rounded_number_is_seen():
    sample = MetaData()
    Table("sample", sample, Column("share", Float))

    assert list(floats_among_columns(sample)) == ["sample.share is a FLOAT; points and cents are whole numbers"]


def test_every_room_that_offers_checks_is_proved():
    offering = {f"mall.domain.{room}" for room, names in front_doors().items() if "checks" in names}

    assert {room.__name__.removesuffix(".proof") for room in proof_board.ROOMS} == offering


def test_what_tests_take_hold_of_by_name_is_there():
    gone = [complaint for folder in ("tests", "benchmarks") for each in files(folder) for complaint in named(each)]

    assert not gone, "\n" + "\n".join(gone)


@pytest.mark.parametrize(
    "text",
    [
        "from mall.domain.checkout import paying\nsetattr(paying, 'tell_placd', None)",
        "from mall.domain.checkout import paying as till\nsetattr(till, 'tell_placd', None)",
        "from mall.domain import checkout\nStep('at last', checkout.paying, 'tell_placd', 'after')",
        "from mall.domain.ledger import Purse\nsetattr(Purse, 'tell_placd', None)",
    ],
)
def test_a_name_that_is_gone_is_found(text):
    assert len(list(named(Source("tests/a.py", text)))) == 1
    assert list(named(Source("tests/a.py", text.replace("tell_placd", "__doc__")))) == []


def test_every_file_says_what_it_is():
    silent = [source.path for source in MALL if source.text.strip() and not ast.get_docstring(source.tree)]

    assert not silent, f"a module's docstring says what this thing is in the mall: {silent}"
