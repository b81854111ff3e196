"""The bare page: a Flask app that shows 24 cards from one SELECT and does nothing else. BARE_URL names its database.

What the mall's listing is measured against: the same server, interpreter, driver and number of cards.
"""

import os

from flask import Flask, render_template
from jinja2 import DictLoader
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select

CARDS = 1_000
SHOWN = 24

TEMPLATES = {
    "frame.html": """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="/static/bare.css"></head><body><header><nav><a href="/">Home</a>
{% for name in ["Table", "Garden", "Travel", "Books", "Vouchers"] %}
<a href="/{{ name | lower }}">{{ name }}</a>{% endfor %}</nav></header><main>{% block main %}{% endblock %}</main>
<footer>The bare page</footer></body></html>""",
    "cards.html": """{% extends "frame.html" %}{% block title %}Cards{% endblock %}{% block main %}<h1>Cards</h1><ul>
{% for card in cards %}<li><a href="/items/{{ card.slug }}"><img src="{{ card.picture }}" alt="" width="400"
height="400" loading="lazy"><h3>{{ card.title }}</h3></a><p>{{ card.summary }}</p><p>{{ card.points }} points
{% if card.cents %}+ {{ "%.2f" | format(card.cents / 100) }}{% endif %}</p>{% if not card.left %}<p>Sold out</p>
{% endif %}</li>{% endfor %}</ul>{% endblock %}""",
}

card = Table(
    "bare_card",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("slug", String(80), unique=True),
    Column("title", String(120)),
    Column("summary", String(300)),
    Column("points", Integer),
    Column("cents", Integer),
    Column("left", Integer),
    Column("picture", String(120)),
)
LATEST = select(card).order_by(card.c.id.desc()).limit(SHOWN)

engine = create_engine(os.environ.get("BARE_URL", "sqlite://"), isolation_level="AUTOCOMMIT")
app = Flask(__name__)
app.jinja_loader = DictLoader(TEMPLATES)


@app.get("/")
def cards() -> str:
    """Show the latest 24 cards."""
    with engine.connect() as connection:
        return render_template("cards.html", cards=connection.execute(LATEST).all())


def fill(url: str) -> None:
    """Make the table in a database and fill it with a thousand cards."""
    filling = create_engine(url)
    rows = [
        {"id": n, "slug": f"card-{n}", "title": f"Card number {n}", "summary": "Worth having & <keeping>. " * 4,
         "points": 1_000 + n, "cents": n % 3 * 1_000, "left": n % 40, "picture": f"/static/{n}.webp"}
        for n in range(1, CARDS + 1)
    ]  # fmt: skip
    with filling.begin() as connection:
        card.create(connection)
        connection.execute(insert(card), rows)
    filling.dispose()
