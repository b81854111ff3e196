"""The demo's cast: people a visitor of the demo may sign in as with one click. Outside the demo there are none.

The demo writes them beside its database: [{"door": "member", "email": ..., "name": ..., "blurb": ...}, ...].
"""

import json
from pathlib import Path
from typing import Any

from flask import abort, current_app

FILE = "demo-cast.json"


def cast_of(door: str) -> list[dict[str, Any]]:
    """Return the cast at a door, "member" or "staff", each with `slug`, the name in the button's address."""
    if not current_app.config["DEMO"]:
        return []
    path = Path(current_app.config["INSTANCE_DIR"]) / FILE
    if not path.exists():
        return []
    people = json.loads(path.read_text(encoding="utf-8"))
    return [{**each, "slug": each["email"].partition("@")[0]} for each in people if each["door"] == door]


def one_of(door: str, slug: str) -> dict[str, Any]:
    """Return one of the cast; nobody by that name is a page that is not there."""
    for each in cast_of(door):
        if each["slug"] == slug:
            return each
    abort(404)
