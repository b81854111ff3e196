"""Pictures of items: where the one of a row is found, uploaded or one of the shop's own drawings."""

from typing import Any

from flask import Flask

from mall.domain import catalogue

from .addresses import address


def prepare(app: Flask) -> None:
    """Give every template `picture_url(row)`."""
    app.jinja_env.globals["picture_url"] = picture_url


def picture_url(row: Any, size: int = 400) -> str:
    """Return the address of the picture of anything that has `file` and `art`; empty where it has none."""
    if row.file:
        return address("store.pictures.show", name=catalogue.file_name(row.file, size))
    return address("static", filename=f"art/{row.art}") if row.art else ""
